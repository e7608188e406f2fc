"""The base of every block: turns its declarations into reads, writes, resets and snapshots.

An engine needs six things of a block and no more: `read`, `write`, `reset`, `outputs`, `set_input`, `snapshot`. One
that serves plain registers by itself finds them in `words`, and `on_word` tells it of further ones; `readers` and
`writers` are the short way for accesses of whole words.
"""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from bk7238.peripherals.core.declaring import Declaring, Part, is_register
from bk7238.peripherals.core.register import WORD, Clears, Field, Kept, Quiet, Register
from bk7238.peripherals.core.services import ResetKind, Services
from bk7238.peripherals.core.signal import Signal
from bk7238.peripherals.core.state import (
    Alarm,
    Batch,
    Copy,
    Counting,
    Feed,
    Fifo,
    Load,
    Periodic,
    RunningAlarm,
    RunningCopy,
    RunningCounting,
    RunningFeed,
    RunningFifo,
    RunningLoad,
    RunningPeriodic,
    RunningStoreBuffer,
    State,
    StoreBuffer,
)
from bk7238.peripherals.core.wire import Driver, FollowingOutput, Input, Output


class Peripheral(Declaring, base=True):
    """A block of the chip: a register file of `size` bytes and what it does.

    Offsets that no register claims read back what was written (zero at first) and are reported once each,
    unless the block says `plain_storage`: then that is how the hardware facts describe it.
    """

    size: ClassVar[int] = 0x100
    plain_storage: ClassVar[bool] = False

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.outputs: dict[int | None, list[Callable[[bool], object]]] = {}
        self.words: dict[int, Register] = {}  # by byte offset: those of the declared registers
        self.on_word: Callable[[int, Register | None], object] = lambda _offset, _word: None
        self._storage: dict[int, Kept] = {}
        self._inputs: dict[int, tuple[Declaring, str, int, Callable[[], None] | None]] = {}
        self.shown: dict[int, tuple[Register, int]] = {}  # by number of input: the register's bit that is its level
        self._levels: dict[str, tuple[Declaring, str]] = {}
        self.readers: dict[
            int, Callable[[], int]
        ] = {}  # by byte offset: what a read of a declared register's word does, where that is not plain
        self.writers: dict[int, Callable[[int], object]] = {}
        self._made_up: set[int] = set()  # offsets of what a handler answers
        self._registers: dict[str, list[Register]] = {}
        self._fifos: dict[str, RunningFifo | RunningStoreBuffer] = {}
        self._behind: dict[Fifo, RunningFifo] = {}  # by their declarations
        self.batches: list[tuple[Any, Callable[[list[Any]], object]]] = []  # what is held back, and whom it is told
        self._states: dict[str, tuple[Declaring, str, State[Any]]] = {}
        self._alarms: dict[str, list[RunningAlarm | RunningFeed | RunningPeriodic]] = {}
        self._drivers: list[Driver | FollowingOutput] = []
        self._whole: list[Declaring] = []  # the block's parts, and last itself
        self._compose(services, self)
        for one in self._whole:
            one.on_reset(ResetKind.POWER_ON)

    # What an engine calls

    def read(self, offset: int, width: int = 4) -> int:
        """The firmware reads `width` bytes (1, 2 or 4) at byte `offset` of the block."""
        reader = self.readers.get(offset)
        if reader is not None and width == 4:
            return reader()
        word = offset & ~3
        reader, register = self.readers.get(word), self.words.get(word)
        if reader is not None:
            value = reader()
        else:
            value = self._unclaimed(word, None) if register is None else register.value & register.readable
        return value >> 8 * (offset & 3) & (1 << 8 * width) - 1

    def write(self, offset: int, value: int, width: int = 4) -> None:
        """The firmware writes the `width` low bytes of `value` at byte `offset` of the block."""
        writer = self.writers.get(offset)
        if writer is not None and width == 4:
            writer(value)
            return
        word = offset & ~3
        if width != 4:
            shift = 8 * (offset & 3)
            lanes = (1 << 8 * width) - 1 << shift
            value = self._kept(word) & ~lanes | value << shift & lanes
        writer, register = self.writers.get(word), self.words.get(word)
        if writer is not None:
            writer(value)
        elif register is not None:
            register.write(value)
        else:
            self._unclaimed(word, value)

    def reset(self, kind: ResetKind) -> None:
        """Back to the state of a fresh block, but for what is declared to outlive this kind of reset."""
        for alarm in self.alarms:
            alarm.stop()
        for register in self.words.values():
            if kind not in register.keeps:
                register.reset()
        for holder, name, state in self._states.values():
            if kind not in state.keeps:
                setattr(holder, name, state.initial())
        for fifo in self._fifos.values():
            fifo.clear()
        self._keep({})
        for driver in self._drivers:
            driver.reset()
        for one in self._whole:
            one.on_reset(kind)

    def hand_over(self) -> None:
        """Hand over what is held back in batches."""
        for fifo, handler in self.batches:
            if fifo:
                items = fifo.items
                fifo.clear()
                handler(items)

    def set_input(self, number: int, level: bool) -> None:
        """Wire `number` into the block has a new level."""
        if number in self.shown:
            register, mask = self.shown[number]
            register.value = register.value | mask if level else register.value & ~mask
            register.changed()
            return
        holder, name, bit, handler = self._inputs[number]
        old = getattr(holder, name)
        new = old | 1 << bit if level else old & ~(1 << bit)
        if new != old:
            setattr(holder, name, new)
            if handler is not None:
                handler()

    def snapshot(self) -> dict[str, Any]:
        """A copy of the declared state: registers, states, fifos, alarms, driven levels, unclaimed storage.

        What is a part's has the part's name before its own, but for registers.
        """
        return {
            "registers": {name: [r.value for r in registers] for name, registers in self._registers.items()},
            "states": {key: copy.deepcopy(getattr(one, name)) for key, (one, name, _) in self._states.items()},
            "fifos": {key: fifo.items for key, fifo in self._fifos.items()},
            "alarms": {name: [alarm.pending() for alarm in alarms] for name, alarms in self._alarms.items()},
            "outputs": [driver.value for driver in self._drivers],
            "storage": {offset: kept.value for offset, kept in self._storage.items() if kept.value},
            "random": self.random.getstate(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Back to a snapshot of the same kind of block. The clock must have been restored before.

        Nothing is driven: who restores a block restores what its wires lead to.
        """
        for name, values in snapshot["registers"].items():
            for register, value in zip(self._registers[name], values, strict=True):
                register.value = value
        for key, value in snapshot["states"].items():
            holder, name, _ = self._states[key]
            setattr(holder, name, copy.deepcopy(value))
        for key, items in snapshot["fifos"].items():
            self._fifos[key].items = items
        for name, pending in snapshot["alarms"].items():
            for alarm, one in zip(self._alarms[name], pending, strict=True):
                alarm.restore(one)
        for driver, value in zip(self._drivers, snapshot["outputs"], strict=True):
            driver.value = value
        self._keep(snapshot["storage"])
        self.random.setstate(snapshot["random"])

    def peek(self, offset: int) -> int | None:
        """The word at `offset` without a read; None where only a handler knows it."""
        register = self.words.get(offset)
        if register is None:
            return self._stored(offset)
        return None if offset in self._made_up else register.value & register.readable

    @property
    def registers(self) -> dict[str, list[Register]]:
        """The registers by name, those of parts among them; most lists have one."""
        return self._registers

    @property
    def input_levels(self) -> dict[str, int]:
        """The levels that others drive on the wires into this block, by the names of the inputs."""
        return {key: getattr(holder, name) for key, (holder, name) in self._levels.items()}

    @input_levels.setter
    def input_levels(self, levels: dict[str, int]) -> None:
        for key, level in levels.items():
            setattr(*self._levels[key], level)

    @property
    def alarms(self) -> list[RunningAlarm | RunningFeed | RunningPeriodic]:
        """The alarms, those of parts among them."""
        return [alarm for alarms in self._alarms.values() for alarm in alarms]

    # Making the declarations real

    def _compose(self, services: Services, holder: Declaring, prefix: str = "") -> None:
        """Make what `holder` declares: the block, or one of its parts, whose name and a dot are its prefix."""
        for name, item in holder._declared.items():
            if isinstance(item, Part):
                part = item.kind(services, self)
                setattr(holder, name, part)
                self._compose(services, part, f"{prefix}{name}.")
            else:
                setattr(holder, name, self._make(holder, name, prefix + name, item))
        self._whole.append(holder)

    def _make(self, holder: Declaring, name: str, key: str, item: Any) -> Any:
        if is_register(item):
            return self._place(item, name, holder)
        if isinstance(item, Fifo):
            if isinstance(item, Batch):
                return self._make_batch(item, key, holder._handler("_on_batch", name))
            return self._put_behind(item, key)
        if isinstance(item, StoreBuffer):
            buffer = self._fifos[key] = RunningStoreBuffer(item, self.words[item.enable.register.at])
            return buffer
        if isinstance(item, (Load, Clears, Quiet, Copy, Counting)):
            return self._make_command(item, holder)
        if isinstance(item, State):
            self._states[key] = holder, name, item
            return item.initial()
        if isinstance(item, Alarm):
            return self._make_alarm(item, key, holder._handler("_on_alarm", name))
        if isinstance(item, Output):
            driver = self._follow(item) if item.when else Driver(len(item.numbers))
            self._drivers.append(driver)
            self.outputs.update(zip(item.numbers, driver.listeners, strict=True))
            return driver
        if isinstance(item, Input):
            if item.shown is not None:
                register, lsb = self.words[item.shown.register.at], item.shown.lsb
                self.shown.update({number: (register, 1 << lsb + bit) for bit, number in enumerate(item.numbers)})
                return item
            handler = holder._handler("_on_input", name)
            self._inputs.update({number: (holder, name, bit, handler) for bit, number in enumerate(item.numbers)})
            self._levels[key] = holder, name
            return 0
        return Signal()

    def _place(self, item: type[Register], name: str, holder: Declaring) -> Any:
        """Make a register, or those of an array, and let accesses find them."""
        registers = self._registers[name] = item.made()
        for offset, register in enumerate(registers):
            self.words[item.at + offset * item.stride] = register
        if item in holder._handled:
            handlers = (holder._handler(kind, name) for kind in ("_on_read", "_on_write", "_on_change"))
            self._handle(item, registers, *handlers)
        return registers[0] if item.count == 1 else registers

    def _handle(
        self,
        item: type[Register],
        registers: list[Register],
        on_read: Callable[..., int | None] | None,
        on_write: Callable[..., object] | None,
        on_change: Callable[..., object] | None,
    ) -> None:
        """Let accesses call these."""
        for index, register in enumerate(registers):
            offset = item.at + index * item.stride
            if on_read is not None:
                self._made_up.add(offset)
            self.readers[offset] = _reader(register, on_read)
            self.writers[offset] = _writer(register, on_write) if on_change is None else _changer(register, on_change)
            register.plain(on_read is None, on_write is None and on_change is None, on_write is None)

    def _follow(self, declared: Output) -> FollowingOutput:
        """Make an output that follows registers, and let writes of those bring it about."""
        line = FollowingOutput(declared.when, self.words)
        for register in line.registers:
            if register.lines == (line,):
                at = register.at + register._index * register.stride
                self.readers.setdefault(at, _reader(register, None))
                self.writers[at] = _followed(self.writers.get(at, register.write), register)
        return line

    def _make_command(self, item: Load | Clears | Quiet | Copy | Counting, holder: Declaring) -> Any:
        """Let writes of a register do something to others, or nothing, and reads show what counts."""
        if isinstance(item, Counting):
            return self._make_counting(item, holder)
        if isinstance(item, Quiet):
            unless, mask = (None, 0) if item.unless is None else (self._array(item.unless)[0], item.unless.mask)
            for register in self._array(item.but):
                register.hush(item.bits, unless, mask)
            return item
        if isinstance(item, Copy):
            arrays = map(self._array, (item.source, item.target, item.unless[0], item.counted[0]))
            copies = [RunningCopy(item, *registers) for registers in zip(*arrays, strict=True)]
            for register, running in zip(self._array(item.length), copies, strict=True):
                register.copy(running)
            return copies
        if isinstance(item, Clears):
            self.words[item.by.at].acknowledge(self.words[item.status.at], item.bits)
            return item
        load = RunningLoad(item, self._behind[item.fifo])
        self.words[item.address.register.at].command(load)
        return load

    def _make_counting(self, item: Counting, holder: Declaring) -> RunningCounting:
        """Let a register show what counts with time."""
        since = ctypes.c_int64(0) if item.since is None else item.since.of(holder)
        counting = RunningCounting(item, since, None if item.plus is None else self._array(item.plus)[0])
        self.words[item.register.at].show(counting)
        return counting

    def _array(self, field: Field) -> list[Register]:
        """The registers that have a field: one, or those of an array."""
        return self._registers[field.register.__name__]

    def _make_alarm(self, item: Alarm, key: str, handler: Callable[..., Any] | None) -> Any:
        if isinstance(item, Periodic):
            register, flags = self.words[item.flags.register.at], item.flags
            bits = range(flags.lsb, flags.msb + 1)
            timers = [RunningPeriodic(register, 1 << bit, self.clock) for bit in bits]
            self._alarms[key] = [*timers]
            return timers
        if handler is None:
            raise TypeError(f"{type(self).__name__}.{key} has no on_alarm handler")
        if isinstance(item, Feed):
            feed = RunningFeed(item, self._behind[item.fifo], self.words, self.clock, handler)
            self._alarms[key] = [feed]
            return feed
        calls = [handler] if item.count is None else [partial(handler, index) for index in range(item.count)]
        alarms = [RunningAlarm(self.clock, call) for call in calls]
        self._alarms[key] = [*alarms]
        return alarms[0] if item.count is None else alarms

    def _make_batch(self, declared: Batch, key: str, handler: Callable[..., Any] | None) -> RunningFifo:
        """Make a batch. Where nothing is native it stays empty: each access calls the port's handler."""
        if handler is None:
            raise TypeError(f"{type(self).__name__}.{key} has no on_batch handler")
        batch = self._fifos[key] = RunningFifo(declared)
        batch.hold_back(declared, self.words)
        self.words[declared.field.register.at].take_into(batch)
        self.batches.append((batch, handler))
        return batch

    def _put_behind(self, declared: Fifo, key: str) -> RunningFifo:
        """Make a FIFO, and put it between its port and what the port's accesses do without it."""
        fifo, at = RunningFifo(declared), declared.field.register.at
        self._fifos[key] = self._behind[declared] = fifo
        if declared.field.readable:
            self._made_up.add(at)
            self.readers[at] = _giving(self.words[at], fifo, self.readers.get(at) or _reader(self.words[at], None))
            self.words[at].give_from(fifo)
        else:
            self.writers[at] = _taking(self.words[at], fifo, self.writers.get(at, self.words[at].write))
            self.words[at].take_into(fifo)
        follows = declared.full or declared.empty
        if follows is not None:
            fifo.flag_in(self.words[follows.register.at])
        return fifo

    def _kept(self, word: int) -> int:
        """What the byte lanes that a narrow write does not touch write again: stored bits, never write-one-to-clear."""
        register = self.words.get(word)
        return self._stored(word) if register is None else register.value & register.stored & register.readable

    def _unclaimed(self, offset: int, value: int | None) -> int:
        if not self.plain_storage:
            self.log.unclaimed(offset, value)
        if offset not in self._storage:
            (self._storage[offset],) = Kept.made()
        kept = self._storage[offset]
        if value is not None:
            kept.value = value
        self.on_word(offset, kept)
        return kept.value

    def _stored(self, offset: int) -> int:
        """The word at an offset that no register claims."""
        return self._storage[offset].value if offset in self._storage else 0

    def _keep(self, words: dict[int, int]) -> None:
        """Let these and no others be the words that were written to where no register is."""
        for offset in self._storage:
            self.on_word(offset, None)
        self._storage = {offset: Kept.made()[0] for offset in words}
        for offset, value in words.items():
            self._storage[offset].value = value


def _reader(register: Register, handler: Callable[..., int | None] | None) -> Callable[[], int]:
    mask = register.readable
    if handler is None:
        return lambda: register.value & mask
    call = handler if register.count == 1 else partial(handler, register._index)

    def read() -> int:
        value = call()
        return register.value & mask if value is None else value & WORD

    return read


def _changer(register: Register, handler: Callable[..., object]) -> Callable[[int], object]:
    act = _writer(register, handler)

    def write(word: int) -> None:
        if (register.value ^ word) & register.stored:
            act(word)
        else:
            register.write(word)

    return write


def _followed(write: Callable[[int], object], register: Register) -> Callable[[int], object]:
    def write_and_follow(word: int) -> None:
        write(word)
        register.changed()

    return write_and_follow


def _giving(register: Register, fifo: RunningFifo, otherwise: Callable[[], int]) -> Callable[[], int]:
    kept = register.readable & ~fifo.mask

    def read() -> int:
        if fifo.calls:
            return otherwise()
        value = register.value & kept | fifo.give() << fifo.shift
        fifo.followed()
        return value

    return read


def _writer(register: Register, handler: Callable[..., object] | None) -> Callable[[int], object]:
    if handler is None:
        return register.write
    if register.count > 1:
        unindexed, index = handler, register._index
        handler = lambda word: unindexed(word, index)  # noqa: E731

    stored, w1c = register.stored, register.w1c

    def write(word: int) -> None:
        register.value = (register.value & ~stored | word & stored) & ~(word & w1c)  # Register.write, on the hot path
        handler(word)

    return write


def _taking(register: Register, fifo: RunningFifo, otherwise: Callable[[int], object]) -> Callable[[int], object]:
    def write(word: int) -> None:
        if fifo.take(word):
            register.write(word)
            fifo.followed()
        else:
            otherwise(word)

    return write
