"""The base of every block: turns its declarations into reads, writes, resets and snapshots.

An engine needs six things of a block and no more: `read`, `write`, `reset`, `outputs`, `set_input`, `snapshot`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

from bk7238.peripherals.core.register import WORD, Register
from bk7238.peripherals.core.services import ResetKind, Services
from bk7238.peripherals.core.state import Alarm, Driver, Input, Listeners, Output, Port, RunningAlarm, State

F = TypeVar("F", bound=Callable[..., Any])


def _marker(key: str) -> Callable[..., Callable[[F], F]]:
    def mark(*declarations: Any) -> Callable[[F], F]:
        def decorate(function: F) -> F:
            setattr(function, key, declarations)
            return function

        return decorate

    return mark


on_read = _marker("_on_read")
on_read.__doc__ = """Called for a read of these registers. Returns the word, or None for the register's own value.

For a register array the handler gets the index."""
on_write = _marker("_on_write")
on_write.__doc__ = """Called after a write of these registers, with the word as the firmware wrote it.

For a register array the handler gets the word and the index."""
on_alarm = _marker("_on_alarm")
on_alarm.__doc__ = """Called when these alarms go off; for an alarm with a count, with its index."""
on_input = _marker("_on_input")
on_input.__doc__ = """Called when the level of these inputs has changed."""


_OWN_NAMES = {"clock", "bus", "random", "log", "request_reset", "outputs", "snapshot", "restore"}
_OWN_NAMES |= {"input_levels", "alarms", "peek", "registers"}
_OWN_NAMES |= {"_storage", "_inputs", "_readers", "_writers", "_registers", "_states", "_alarms", "_drivers"}


class Peripheral:
    """A block of the chip: a register file of `size` bytes and what it does.

    Offsets that no register claims read back what was written (zero at first) and are reported once each,
    unless the block says `plain_storage`: then that is how the hardware facts describe it.
    """

    size: ClassVar[int] = 0x100
    plain_storage: ClassVar[bool] = False

    _declared: ClassVar[dict[str, Any]] = {}
    _handlers: ClassVar[dict[Any, str]] = {}

    def __init_subclass__(cls) -> None:
        declared: dict[str, Any] = {}
        handlers: dict[Any, str] = {}
        taken = _OWN_NAMES & vars(cls).keys()
        if taken:
            raise TypeError(f"{cls.__name__}: every block has its own {', '.join(sorted(taken))}; take another name")
        for base in reversed(cls.__mro__):
            for name, item in vars(base).items():
                if isinstance(item, (State, Alarm, Output, Input, Port)) or _is_register(item):
                    declared[name] = item
                for key in ("_on_read", "_on_write", "_on_alarm", "_on_input"):
                    for declaration in getattr(item, key, ()):
                        handlers[key, declaration] = name
        cls._declared, cls._handlers = declared, handlers
        claimed: dict[int, str] = {}
        for register in filter(_is_register, declared.values()):
            for index in range(register.count):
                offset = register.at + index * register.stride
                if offset in claimed:
                    raise TypeError(f"{cls.__name__}: {register.__name__} and {claimed[offset]} claim {offset:#x}")
                claimed[offset] = register.__name__

    def __init__(self, services: Services) -> None:
        self.name = services.name
        self.clock = services.clock
        self.bus = services.bus
        self.random = services.random
        self.log = services.log
        self.request_reset = services.request_reset
        self.outputs: dict[int | None, list[Callable[[bool], None]]] = {}
        self._storage: dict[int, int] = {}
        self._inputs: dict[int, tuple[str, int, Callable[[], None] | None]] = {}
        self._readers: dict[int, Callable[[], int]] = {}
        self._writers: dict[int, Callable[[int], None]] = {}
        self._registers: dict[str, list[Register]] = {}
        self._states: dict[str, State[Any]] = {}
        self._alarms: dict[str, list[RunningAlarm]] = {}
        self._drivers: list[Driver] = []
        for name, item in self._declared.items():
            self._make(name, item)
        for name, state in self._states.items():
            setattr(self, name, state.initial())
        self.on_reset(ResetKind.POWER_ON)

    # What an engine calls

    def read(self, offset: int, width: int = 4) -> int:
        """The firmware reads `width` bytes (1, 2 or 4) at byte `offset` of the block."""
        reader = self._readers.get(offset)
        if reader is not None and width == 4:
            return reader()
        word = offset & ~3
        reader = self._readers.get(word)
        value = reader() if reader is not None else self._unclaimed(word, None)
        return value >> 8 * (offset & 3) & (1 << 8 * width) - 1

    def write(self, offset: int, value: int, width: int = 4) -> None:
        """The firmware writes the `width` low bytes of `value` at byte `offset` of the block."""
        writer = self._writers.get(offset)
        if writer is not None and width == 4:
            writer(value)
            return
        word = offset & ~3
        if width != 4:
            shift = 8 * (offset & 3)
            lanes = (1 << 8 * width) - 1 << shift
            value = self._kept(word) & ~lanes | value << shift & lanes
        writer = self._writers.get(word)
        if writer is not None:
            writer(value)
        else:
            self._unclaimed(word, value)

    def reset(self, kind: ResetKind) -> None:
        """Back to the state of a fresh block, but for what is declared to outlive this kind of reset."""
        for alarms in self._alarms.values():
            for alarm in alarms:
                alarm.stop()
        for registers in self._registers.values():
            if kind not in registers[0].keeps:
                for register in registers:
                    register.reset()
        for name, state in self._states.items():
            if kind not in state.keeps:
                setattr(self, name, state.initial())
        self._storage.clear()
        for driver in self._drivers:
            driver.drive(0)
        self.on_reset(kind)

    def set_input(self, number: int, level: bool) -> None:
        """Wire `number` into the block has a new level."""
        name, bit, handler = self._inputs[number]
        old = getattr(self, name)
        new = old | 1 << bit if level else old & ~(1 << bit)
        if new != old:
            setattr(self, name, new)
            if handler is not None:
                handler()

    def snapshot(self) -> dict[str, Any]:
        """A copy of the declared state: registers, states, alarm deadlines, driven levels, unclaimed storage."""
        return {
            "registers": {name: [r.value for r in registers] for name, registers in self._registers.items()},
            "states": {name: copy.deepcopy(getattr(self, name)) for name in self._states},
            "alarms": {name: [a.deadline for a in alarms] for name, alarms in self._alarms.items()},
            "outputs": [driver.value for driver in self._drivers],
            "storage": dict(self._storage),
            "random": self.random.getstate(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Back to a snapshot of the same kind of block. The clock must have been restored before.

        Nothing is driven: who restores a block restores what its wires lead to.
        """
        for name, values in snapshot["registers"].items():
            for register, value in zip(self._registers[name], values, strict=True):
                register.value = value
        for name, value in snapshot["states"].items():
            setattr(self, name, copy.deepcopy(value))
        for name, deadlines in snapshot["alarms"].items():
            for alarm, deadline in zip(self._alarms[name], deadlines, strict=True):
                alarm.resume(deadline)
        for driver, value in zip(self._drivers, snapshot["outputs"], strict=True):
            driver.value = value
        self._storage = dict(snapshot["storage"])
        self.random.setstate(snapshot["random"])

    def peek(self, offset: int) -> int | None:
        """The word at `offset` without a read; None where only a handler knows it."""
        for registers in self._registers.values():
            for register in registers:
                if register.at + register._index * register.stride == offset:
                    handled = ("_on_read", type(register)) in self._handlers
                    return None if handled else register.value & register.readable
        return self._storage.get(offset, 0)

    @property
    def registers(self) -> dict[str, list[Register]]:
        """The registers by name; most lists have one."""
        return self._registers

    @property
    def input_levels(self) -> dict[str, int]:
        """The levels that others drive on the wires into this block, by the names of the inputs."""
        return {name: getattr(self, name) for name, _, _ in self._inputs.values()}

    @input_levels.setter
    def input_levels(self, levels: dict[str, int]) -> None:
        for name, level in levels.items():
            setattr(self, name, level)

    @property
    def alarms(self) -> list[RunningAlarm]:
        return [alarm for alarms in self._alarms.values() for alarm in alarms]

    # What a block may override

    def on_reset(self, kind: ResetKind) -> None:
        """Called when the declared state has been restored, and once when the block is made."""

    # Making the declarations real

    def _make(self, name: str, item: Any) -> None:
        if _is_register(item):
            registers = [item(index) for index in range(item.count)]
            self._registers[name] = registers
            setattr(self, name, registers[0] if item.count == 1 else registers)
            for register in registers:
                offset = item.at + register._index * item.stride
                self._readers[offset] = self._reader(register)
                self._writers[offset] = self._writer(register)
        elif isinstance(item, State):
            self._states[name] = item
        elif isinstance(item, Alarm):
            handler = self._handler("_on_alarm", name)
            if handler is None:
                raise TypeError(f"{type(self).__name__}.{name} has no on_alarm handler")
            if item.count is None:
                alarms = [RunningAlarm(self.clock, handler)]
            else:
                alarms = [RunningAlarm(self.clock, partial(handler, index)) for index in range(item.count)]
            self._alarms[name] = alarms
            setattr(self, name, alarms[0] if item.count is None else alarms)
        elif isinstance(item, Output):
            driver = Driver(len(item.numbers))
            self._drivers.append(driver)
            self.outputs.update(zip(item.numbers, driver.listeners, strict=True))
            setattr(self, name, driver)
        elif isinstance(item, Input):
            handler = self._handler("_on_input", name)
            for bit, number in enumerate(item.numbers):
                self._inputs[number] = (name, bit, handler)
            setattr(self, name, 0)
        elif isinstance(item, Port):
            setattr(self, name, Listeners())

    def _handler(self, key: str, name: str) -> Callable[..., Any] | None:
        method = self._handlers.get((key, self._declared[name]))
        return None if method is None else getattr(self, method)

    def _reader(self, register: Register) -> Callable[[], int]:
        mask = register.readable
        handler = self._handler("_on_read", type(register).__name__)
        if handler is None:
            return lambda: register.value & mask
        if register.count > 1:
            unindexed, index = handler, register._index
            handler = lambda: unindexed(index)  # noqa: E731

        def read() -> int:
            value = handler()
            return register.value & mask if value is None else value & WORD

        return read

    def _writer(self, register: Register) -> Callable[[int], None]:
        handler = self._handler("_on_write", type(register).__name__)
        store = register.write
        if handler is None:
            return store
        if register.count > 1:
            unindexed, index = handler, register._index
            handler = lambda word: unindexed(word, index)  # noqa: E731

        def write(word: int) -> None:
            store(word)
            handler(word)

        return write

    def _kept(self, word: int) -> int:
        """What the byte lanes that a narrow write does not touch write again: stored bits, never write-one-to-clear."""
        for registers in self._registers.values():
            for register in registers:
                if register.at + register._index * register.stride == word:
                    return register.value & register.stored & register.readable
        return self._storage.get(word, 0)

    def _unclaimed(self, offset: int, value: int | None) -> int:
        if not self.plain_storage:
            self.log.unclaimed(offset, value)
        if value is not None:
            self._storage[offset] = value
        return self._storage.get(offset, 0)


def _is_register(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, Register) and item is not Register
