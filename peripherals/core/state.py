"""What a block or an actor declares: state and alarms, and of a block wires and ports besides its registers.

Each is a class attribute; every instance gets its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from math import gcd
from typing import Any, ClassVar, Generic, TypeVar

from bk7238.peripherals.core.register import WORD, Declaration, Field, Register
from bk7238.peripherals.core.services import Clock, PendingEvent

T = TypeVar("T")

NEVER = (1 << 63) - 1


class State(Declaration, Generic[T]):
    """A plain attribute that a reset restores: `State(0)`, or `State(factory=bytearray)` for what is mutable.

    `keeps` names the kinds of reset that leave it alone.
    """

    def __init__(
        self, value: T | None = None, *, factory: Callable[[], T] | None = None, keeps: tuple[Any, ...] = ()
    ) -> None:
        self.initial: Callable[[], Any] = factory if factory is not None else lambda: value
        self.keeps = frozenset(keeps)


class StartTime(State[int | None]):
    """A virtual microsecond, or None, that is state, and from which a register may count."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """Return the declaration where the class is asked."""
        if owner is None:
            return self
        value = self.of(owner).value
        return None if value == NEVER else value

    def __set__(self, owner: Any, value: int | None) -> None:
        self.of(owner).value = NEVER if value is None else value

    def of(self, owner: Any) -> ctypes.c_int64:
        """Where the owner has it in the host's memory."""
        memory: ctypes.c_int64 = vars(owner).setdefault(self.name, ctypes.c_int64(NEVER))
        return memory


class Counting(Declaration):
    """Reads of a register show `counts` in so many `microseconds` since a moment, or since power-on: one for each `per`
    of them, or with `rest` those since the last such one; and `plus` the value of a field. The handler is called where
    that would be `never`, and where it is not done natively."""

    def __init__(
        self,
        register: type[Register],
        *,
        since: StartTime | None = None,
        counts: int = 1,
        microseconds: int = 1,
        per: int,
        rest: bool = False,
        plus: Field | None = None,
        never: int = WORD,
    ) -> None:
        self.register, self.since, self.plus = register, since, plus
        self.how = counts, microseconds, per, rest, never


class RunningCounting(ctypes.Structure):
    """What one register shows, laid out as `struct counting` of the engine's slice.c."""

    _fields_ = (
        ("_since", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("_counts", "_microseconds", "_per")),
        *((name, ctypes.c_uint32) for name in ("_rest", "_never", "_plus_mask", "_plus_lsb")),
        ("_plus", ctypes.c_void_p),
    )

    def __init__(self, declared: Counting, since: ctypes.c_int64, plus: Register | None) -> None:
        self._from, field = since, declared.plus
        added = (0, 0, None) if field is None or plus is None else (field.mask, field.lsb, plus.host_address)
        super().__init__(ctypes.addressof(since), *declared.how, *added)


class Alarm(Declaration):
    """A one-shot timer on the virtual clock, or `count` of them in a list. Its handler is marked with `on_alarm`."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner._alarm(self.name, RunningAlarm)


class Feed(Alarm):
    """An alarm that puts an item into `fifo` each time it goes off, and starts again, `every` microseconds, while there
    is room. It sets `fed`, and `reached` where more items are in than `level` says.

    The handler returns the item. If it is always the same the handler says so (`repeat`), and is not called until the
    alarm is started anew or the block wants it to be (`ask`).
    """

    def __init__(self, fifo: Fifo, every: int, *, fed: Field, reached: Field, level: Field) -> None:
        super().__init__()
        self.fifo, self.every, self.fed, self.reached, self.level = fifo, every, fed, reached, level
        if len({field.register for field in (fed, reached, fifo.empty, fifo.full) if field is not None}) > 1:
            raise TypeError("the bits that a FIFO sets are in one register")

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """This is for type checkers only."""
        return self


class Calls(Declaration):
    """Any number of calls to come of one handler of an actor, marked with `on_alarm`, each with plain data."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner._alarm(self.name, RunningCalls)


class Fifo(Declaration):
    """A FIFO behind a port: what is written to `field` goes in, or what is read from it comes out, `depth` items deep.

    A write of the field alone is taken without a handler, and so is a read while there is something. The port's
    handlers are called for all else: a write with other bits in it or to a full FIFO, a read of an empty one. Bits
    `empty` and `full` of one register follow the FIFO; where `full` is given, what fills it may wait for room, and a
    read of a full one calls the handler, too. A `ring` gives its items again and again.
    """

    def __init__(
        self, field: Field, depth: int, *, empty: Field | None = None, full: Field | None = None, ring: bool = False
    ) -> None:
        self.field, self.depth, self.empty, self.full, self.ring = field, depth, empty, full, ring
        if any(one.register.count != 1 for one in (field, empty, full) if one is not None):
            raise TypeError("a FIFO stands behind a field of one register, and so do its bits")


class Periodic(Alarm):
    """An alarm that sets its bit of a field each time it goes off, and starts again: as many of them in a list as the
    field has bits. They have no handler."""

    def __init__(self, flags: Field) -> None:
        super().__init__(flags.msb - flags.lsb + 1)
        self.flags = flags

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """This is for type checkers only."""
        return self


class Load(Declaration):
    """Fills a FIFO of words with the bytes at `address`, rounded down to as many, of the memory that the block names,
    when a register is written in which `command` has these values.

    Where that is not done natively, or not within the memory, the register's handler is called.
    """

    def __init__(self, fifo: Fifo, address: Field, command: dict[Field, int]) -> None:
        self.fifo, self.address = fifo, address
        self.mask = sum(field.mask for field in command)
        self.value = sum(value << field.lsb for field, value in command.items())
        if {field.register for field in command} != {address.register} or fifo.depth & fifo.depth - 1:
            raise TypeError("a load is commanded by one register, and fills a power of two of words")


class RunningLoad(ctypes.Structure):
    """The load of one block, laid out as `struct load` of the engine's slice.c."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("_mask", "_value", "_address_mask", "_address_lsb", "_size")),
        ("_fifo", ctypes.c_void_p),
        ("_memory", ctypes.c_void_p),
    )

    def __init__(self, declared: Load, fifo: RunningFifo) -> None:
        address = declared.address
        super().__init__(declared.mask, declared.value, address.mask, address.lsb, 0, ctypes.addressof(fifo))
        self._into = fifo

    def read_from(self, memory: bytearray) -> None:
        """Let this be the memory. It can have no other length from now on."""
        self._bytes = (ctypes.c_char * len(memory)).from_buffer(memory)
        self._memory, self._size = ctypes.addressof(self._bytes), len(memory)


class Copy(Declaration):
    """Copies memory when a register is written in which `command` has these values: `length` and one bytes, from the
    address in the register of `source` to that in `target`'s, while the fields `unless` are zero. The fields `counted`
    are one more then. Of register arrays each of the same place is meant.

    Where that is not done natively the register's handler is called.
    """

    def __init__(
        self,
        command: dict[Field, int],
        *,
        length: Field,
        source: Field,
        target: Field,
        unless: tuple[Field, ...],
        counted: tuple[Field, Field],
    ) -> None:
        self.length, self.source, self.target, self.unless, self.counted = length, source, target, unless, counted
        self.mask = sum(field.mask for field in command)
        self.value = sum(value << field.lsb for field, value in command.items())
        for fields in ((*command, length), unless, counted):
            if len({field.register for field in fields}) != 1:
                raise TypeError("a copy is commanded by one register, prevented by one, and counted in one")


class RunningCopy(ctypes.Structure):
    """The copies that one register commands, laid out as `struct copy` of the engine's slice.c."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("_mask", "_value", "_length_mask", "_length_lsb", "_unless_mask")),
        ("_counted_masks", ctypes.c_uint32 * 2),
        ("_counted_ones", ctypes.c_uint32 * 2),
        *((name, ctypes.c_void_p) for name in ("_source", "_target", "_unless", "_counted")),
    )

    def __init__(self, declared: Copy, source: Register, target: Register, unless: Register, counted: Register) -> None:
        length, fields = declared.length, declared.counted
        bits = declared.mask, declared.value, length.mask, length.lsb, sum(field.mask for field in declared.unless)
        masks, ones = tuple(field.mask for field in fields), tuple(1 << field.lsb for field in fields)
        addresses = [register.host_address for register in (source, target, unless, counted)]
        super().__init__(*bits, masks, ones, *addresses)


class Batch(Fifo):
    """A FIFO of what is written to `field`, whose handler, marked with `on_batch`, gets a list of items.

    Items may be held back, with no one the wiser: they are handed over before anything else is asked of Python. The
    write of an item `until` is never held back, nor one without `enable` or while the batch is not `open`: then the
    port's handler is called, after what had been held back. A write that is held back sets `sets`.
    """

    def __init__(self, field: Field, depth: int, *, until: int, sets: Field, enable: Field) -> None:
        super().__init__(field, depth)
        self.until, self.sets, self.enable = until, sets, enable


class StoreBuffer(Declaration):
    """`size` bytes (a power of two) that the CPU's stores into the flash window fill, by their places in it, while
    `enable` is set. They are 0xFF where nothing was stored. The store of the last byte is the block's matter."""

    def __init__(self, size: int, *, enable: Field) -> None:
        self.size, self.enable = size, enable
        if size & size - 1:
            raise TypeError("a store buffer has a power of two of bytes")


class RunningStoreBuffer(ctypes.Structure):
    """The store buffer of one block, laid out as `struct store_buffer` of the engine's slice.c."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("_enable_mask", ctypes.c_uint32),
        ("_enable", ctypes.c_void_p),
        ("_bytes", ctypes.c_void_p),
        ("_programs", ctypes.c_void_p),
    )

    def __init__(self, declared: StoreBuffer, register: Register) -> None:
        self._array = (ctypes.c_uint8 * declared.size)()
        addresses = register.host_address, ctypes.addressof(self._array)
        super().__init__(declared.size, declared.enable.mask, *addresses)
        self._register, self._nothing = register, b"\xff" * declared.size
        self._stored = memoryview(self._array).cast("B")
        self.clear()

    @property
    def host_address(self) -> int:
        """Where it is in the host's memory."""
        return ctypes.addressof(self)

    @property
    def items(self) -> list[int]:
        """Its bytes."""
        return list(self._stored)

    @items.setter
    def items(self, items: Sequence[int]) -> None:
        self._stored[:] = bytes(items)

    def __bytes__(self) -> bytes:
        return bytes(self._stored)

    def program(self, programs: ctypes.Structure) -> None:
        """Let what completes it be one of these."""
        self._programs = ctypes.addressof(programs)

    def clear(self) -> None:
        """Forget what was stored."""
        self._stored[:] = self._nothing

    def put(self, address: int, value: int, width: int) -> bool:
        """Fill in what was stored. Returns whether that completes it."""
        place = address % self.size
        self._stored[place : place + width] = value.to_bytes(width, "little")
        return bool(place + width == self.size)


class RunningFifo(ctypes.Structure):
    """The FIFO of one block, laid out as `struct fifo` of the engine's slice.c."""

    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("shift", ctypes.c_uint32),
        ("depth", ctypes.c_uint32),
        ("_first", ctypes.c_uint32),
        ("_count", ctypes.c_uint32),
        ("_empty", ctypes.c_uint32),
        ("_full", ctypes.c_uint32),
        ("_items", ctypes.c_void_p),
        ("_flags", ctypes.c_void_p),
        ("_ring", ctypes.c_uint32),
        ("_enable", ctypes.c_void_p),
        ("_enable_mask", ctypes.c_uint32),
        ("_open", ctypes.c_uint32),
        ("_until", ctypes.c_uint32),
        ("_sets", ctypes.c_uint32),
    )

    def __init__(self, declared: Fifo) -> None:
        field, empty, full = declared.field, declared.empty, declared.full
        masks = empty.mask if empty else 0, full.mask if full else 0
        super().__init__(field.mask, field.lsb, declared.depth, 0, 0, *masks)
        self._ring = declared.ring
        self._array = (ctypes.c_uint32 * declared.depth)()
        self._items = ctypes.addressof(self._array)
        self._register: Register | None = None

    def hold_back(self, declared: Batch, words: dict[int, Register]) -> None:
        """Be a batch."""
        self._until, self._sets = declared.until, declared.sets.mask
        self._enable, self._enable_mask = words[declared.enable.register.at].host_address, declared.enable.mask
        self.flag_in(words[declared.sets.register.at])

    @property
    def open(self) -> bool:
        """Whether items of a batch may be held back: nobody wants to be told of each in its moment."""
        return bool(self._open)

    @open.setter
    def open(self, is_open: bool) -> None:
        self._open = is_open

    def flag_in(self, register: Register) -> None:
        """The register whose bits follow it."""
        self._register, self._flags = register, register.host_address
        self._changed()

    def __len__(self) -> int:
        return int(self._count)

    @property
    def items(self) -> list[int]:
        """What is in it, oldest first."""
        first, depth = self._first, self.depth
        end = first + self._count
        return self._array[first:end] if end <= depth else self._array[first:] + self._array[: end - depth]

    @items.setter
    def items(self, items: Sequence[int]) -> None:
        self._first, self._count = 0, len(items)
        self._array[: len(items)] = list(items)
        self._changed()

    def clear(self) -> None:
        """Forget what is in it."""
        self._first = self._count = 0
        self._changed()

    def fill(self, words: bytes) -> None:
        """Let these be in it and nothing else: little-endian words."""
        ctypes.memmove(self._array, words, len(words))
        self._first, self._count = 0, len(words) // 4
        self._changed()

    def put(self, item: int) -> None:
        """Add an item behind the others; there is room."""
        self._array[(self._first + self._count) % self.depth] = item
        self._count += 1
        self._changed()

    def take(self, word: int) -> bool:
        """Put in what a write of `word` carries, and return whether that was all there is to it."""
        if word & ~self.mask or self._count == self.depth:
            return False
        self.put(word >> self.shift)
        return True

    def give(self) -> int:
        """The oldest item, which leaves, or goes behind the others of a ring; there is one."""
        item = self._array[self._first]
        self._first = (self._first + 1) % self.depth
        self._count -= not self._ring
        self._changed()
        return int(item)

    @property
    def calls(self) -> bool:
        """Whether a read is the handler's matter now."""
        return not self._count or bool(self._full and self._count == self.depth)

    def followed(self) -> None:
        """The firmware has changed it: let the outputs that follow its bits do so."""
        if self._register is not None:
            self._register.changed()

    def _changed(self) -> None:
        register = self._register
        if register is not None:
            count = self._count
            flags = (0 if count else self._empty) | (self._full if count == self.depth else 0)
            register.value = register.value & ~(self._empty | self._full) | flags


class RunningAlarm:
    """One alarm of one block."""

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._event: PendingEvent | None = None

    @property
    def deadline(self) -> int | None:
        """When it will go off, in microseconds; None while it is stopped."""
        return None if self._event is None else self._event.at

    def start(self, microseconds: int) -> None:
        """Go off `microseconds` from now; an alarm that was running starts over."""
        if self._event is not None:
            self._event.cancel()
        self._event = self._clock.after(microseconds, self._expire)

    def stop(self) -> None:
        """See that it does not go off."""
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def pending(self) -> Any:
        """When it will go off (microseconds) and its event's place in the clock's order; None while it is stopped."""
        return None if self._event is None else (self.deadline, self._event.number)

    def restore(self, pending: Any) -> None:
        """Back to what `pending` gave. The clock has been restored, or this alarm alone goes back."""
        self.stop()
        if pending is not None:
            deadline, number = pending
            self._event = self._clock.resume(deadline, number, self._expire)

    def _expire(self) -> None:
        self._event = None
        self._callback()


class _Recurring(ctypes.Structure):
    """An alarm that starts again by itself, `struct recurring` of the engine's slice.c."""

    _fields_: ClassVar[Any] = (
        ("ticks", ctypes.c_int64),  # when it will go off; NEVER while it is stopped
        ("number", ctypes.c_uint64),
        ("following", ctypes.c_void_p),  # the clock's next one
        ("_kind", ctypes.c_uint64),
    )
    ticks: int
    number: int
    following: int | None
    _clock: Clock

    @property
    def deadline(self) -> int | None:
        """When it will go off, in microseconds; None while it is stopped."""
        return None if self.ticks == NEVER else self._clock.microseconds(self.ticks)

    def stop(self) -> None:
        """See that it does not go off."""
        self.ticks = NEVER


class RunningPeriodic(_Recurring):
    """One timer of one block, laid out as `struct periodic` of the engine's slice.c: it counts up to its period and
    starts over. Expiries do not drift: the nth falls on the microsecond in which its exact time ends."""

    _fields_ = (
        ("_since", ctypes.c_int64),
        ("_counts", ctypes.c_int64),
        ("_period", ctypes.c_int64),
        ("_frequency", ctypes.c_int64),
        ("_microseconds", ctypes.c_int64),
        ("_status", ctypes.c_void_p),
        ("_bit", ctypes.c_uint32),
    )
    _since: int
    _counts: int
    _period: int
    _frequency: int
    _microseconds: int
    _bit: int

    def __init__(self, register: Register, bit: int, clock: Clock) -> None:
        super().__init__(NEVER, 0, None, 1, 0, 0, 0, 0, 0, register.host_address, bit)
        self._register, self._clock = register, clock
        clock.add(self)

    def count(self, since: int, counts: int, period: int, frequency: int, microseconds: int) -> None:
        """Count from `counts` at microsecond `since` on, `frequency` in so many `microseconds`; go off whenever the
        period is full."""
        common = gcd(frequency, microseconds)
        self._since, self._counts, self._period = since, counts, period
        self._frequency, self._microseconds = frequency // common, microseconds // common
        self._start()

    def pending(self) -> Any:
        """When it will go off (microseconds), its place in the clock's order, and how it counts; None while it is
        stopped."""
        if self.ticks == NEVER:
            return None
        how = self._since, self._counts, self._period, self._frequency, self._microseconds
        return self.deadline, self.number, *how

    def restore(self, pending: Any) -> None:
        """Back to what `pending` gave. The clock has been restored, or this alarm alone goes back."""
        self.stop()
        if pending is not None:
            deadline, number, self._since, self._counts, self._period, self._frequency, self._microseconds = pending
            self._clock.start_again(self, deadline, number)

    def expire(self) -> None:
        """Do what is to be done when it goes off."""
        self._register.value |= self._bit
        self._start()
        self._register.changed()

    def _start(self) -> None:
        now, period = self._clock.now, self._period
        elapsed = self._counts + (now - self._since) * self._frequency // self._microseconds
        full = (elapsed // period + 1) * period - self._counts
        duration = -(-full * self._microseconds // self._frequency)
        self._clock.start(self, self._since + duration - now)


class RunningFeed(_Recurring):
    """The feed of one block, laid out as `struct feed` of the engine's slice.c."""

    _fields_ = (
        ("_repeats", ctypes.c_uint32),
        ("_item", ctypes.c_uint32),
        ("_every", ctypes.c_uint32),
        ("_set", ctypes.c_uint32),
        ("_reached", ctypes.c_uint32),
        ("_level_mask", ctypes.c_uint32),
        ("_level_lsb", ctypes.c_uint32),
        ("_fifo", ctypes.c_void_p),
        ("_status", ctypes.c_void_p),
        ("_level", ctypes.c_void_p),
    )

    def __init__(
        self,
        declared: Feed,
        fifo: RunningFifo,
        words: dict[int, Register],
        clock: Clock,
        handler: Callable[[], int],
    ) -> None:
        fed, reached, level = declared.fed, declared.reached, declared.level
        self._into, self._clock, self._handler = fifo, clock, handler
        self._register, self._threshold = words[fed.register.at], words[level.register.at]
        addresses = ctypes.addressof(fifo), self._register.host_address, self._threshold.host_address
        bits = fed.mask, reached.mask, level.mask, level.lsb
        super().__init__(NEVER, 0, None, 0, 0, 0, declared.every, *bits, *addresses)
        clock.add(self)

    def start(self, microseconds: int) -> None:
        """Go off `microseconds` from now; one that was running starts over."""
        self.ask()
        self._clock.start(self, microseconds)

    def repeat(self, item: int) -> None:
        """Let this be the item from now on, without a call of the handler."""
        self._item, self._repeats = item, 1

    def ask(self) -> None:
        """Call the handler for the next item."""
        self._repeats = 0

    def pending(self) -> Any:
        """When it will go off (microseconds) and its place in the clock's order; None while it is stopped."""
        return None if self.ticks == NEVER else (self.deadline, self.number)

    def restore(self, pending: Any) -> None:
        """Back to what `pending` gave. The clock has been restored, or this alarm alone goes back."""
        self.stop()
        self.ask()
        if pending is not None:
            self._clock.start_again(self, *pending)

    def expire(self) -> None:
        """Do what is to be done when it goes off."""
        self.stop()
        fifo, register, threshold = self._into, self._register, self._threshold.value
        fifo.put(self._item if self._repeats else self._handler())
        reached = len(fifo) > (threshold & self._level_mask) >> self._level_lsb
        register.value |= self._set | (self._reached if reached else 0)
        if len(fifo) < fifo.depth:
            self._clock.start(self, self._every)
        register.changed()


class RunningCalls:
    """The calls to come of one actor's handler."""

    def __init__(self, clock: Clock, callback: Callable[..., None]) -> None:
        self._clock, self._callback = clock, callback
        self._calls: list[_Call] = []

    def after(self, microseconds: int, *data: Any) -> None:
        """Call the handler with `data`, `microseconds` from now."""
        self._add(data).start(microseconds)

    def clear(self) -> None:
        """Call nothing of what was asked for."""
        for call in self._calls:
            call.stop()
        self._calls.clear()

    def pending(self) -> Any:
        """Of each call when it comes, its place in the clock's order, and its data."""
        return [(call.pending(), call.data) for call in self._calls]

    def restore(self, pending: Any) -> None:
        """Back to what `pending` gave."""
        self.clear()
        for when, data in pending:
            self._add(data).restore(when)

    def _add(self, data: tuple[Any, ...]) -> _Call:
        call = _Call(self._clock, self._call, data)
        self._calls.append(call)
        return call

    def _call(self, call: _Call) -> None:
        self._calls.remove(call)
        self._callback(*call.data)


class _Call(RunningAlarm):
    """One call to come, with its data."""

    def __init__(self, clock: Clock, callback: Callable[[_Call], None], data: tuple[Any, ...]) -> None:
        super().__init__(clock, callback)  # type: ignore[arg-type]
        self.data = data

    def _expire(self) -> None:
        self._event = None
        self._callback(self)  # type: ignore[call-arg]


class Port(Declaration):
    """Where something leaves the chip: bytes of a UART, frames of the radio. Who listens is not the block's matter."""
