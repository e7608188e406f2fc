"""Registers as declarations: offset, bits, access, reset value, and nothing said twice.

A register is a class inside its block; a field is an attribute of it whose type is its access::

    class FIFO_STATUS(Register, at=0x08):
        tx_count = RO(0, 7)
        tx_empty = RO(17, reset=1)

Bits that no field names are kept as the firmware writes them and read back. Overlapping fields and fields
outside the word are refused when the class is made.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

WORD = 0xFFFF_FFFF
_RUNNING = -1  # the offset of what is no declaration
_PLAIN = 7  # accesses of a register that needs no handler: reads, writes, and writes that change nothing


class Declaration:
    """Instances of a block hold the real thing in an attribute of the same name; this is for type checkers only."""

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """Return it."""
        return self


class Field:
    """Bits `lsb` to `msb` of a register (one bit where `msb` is left out), reset to `reset`."""

    readable = True
    stored = True
    register: type[Register]

    def __init__(self, lsb: int, msb: int | None = None, *, reset: int = 0, doc: str = "") -> None:
        self.lsb = lsb
        self.msb = lsb if msb is None else msb
        if not 0 <= self.lsb <= self.msb <= 31:
            raise TypeError(f"bits {self.msb}:{self.lsb} do not lie in a 32-bit word")
        self.mask = (1 << self.msb + 1) - (1 << self.lsb)
        if reset & ~(self.mask >> self.lsb):
            raise TypeError(f"reset value {reset:#x} does not fit bits {self.msb}:{self.lsb}")
        self.reset = reset
        self.doc = doc
        self.name = ""

    def __set_name__(self, owner: type[Register], name: str) -> None:
        self.name, self.register = name, owner

    def __get__(self, register: Any, owner: type | None = None) -> Any:
        return self if register is None else (register.value & self.mask) >> self.lsb

    def __set__(self, register: Any, value: int) -> None:
        register.value = register.value & ~self.mask | (value << self.lsb) & self.mask

    def of(self, word: int) -> int:
        """This field's value in `word`, for example in the word that a handler was given."""
        return (word & self.mask) >> self.lsb


class RW(Field):
    """The firmware reads back what it wrote."""


class RO(Field):
    """Set by the block; a write changes nothing."""

    stored = False


class WO(Field):
    """Seen by the block's write handler; not kept, reads as zero."""

    readable = False
    stored = False


class SC(Field):
    """Self-clearing command bits: seen by the write handler, read as zero at once."""

    readable = False
    stored = False


class W1C(Field):
    """Set by the block; writing a one clears it, writing a zero changes nothing."""

    stored = False


if TYPE_CHECKING:

    class _Array(type):
        """A block has its register array as a list of its own where the class declares it."""

        def __getitem__(cls, index: Any) -> Any: ...
        def __setitem__(cls, index: Any, value: Any) -> None: ...
        def __iter__(cls) -> Iterator[Any]: ...

    class _Memory(metaclass=_Array):
        value: int
        _plain: int
        _gives: int | None
        _takes: int | None
        _lines: int | None
        _loads: int | None
        _programs: int | None
        _clears: int | None
        _clears_bits: int
        _quiet: int
        _unless_mask: int
        _unless: int | None
        _copies: int | None
        _counting: int | None

        def __init__(self, value: int, readable: int, stored: int, w1c: int, plain: int) -> None: ...
else:

    class _Memory(ctypes.Structure):
        """`struct word` of the engine's slice.c."""

        _fields_ = (
            ("value", ctypes.c_uint32),
            ("_readable", ctypes.c_uint32),
            ("_stored", ctypes.c_uint32),
            ("_w1c", ctypes.c_uint32),
            ("_plain", ctypes.c_uint32),
            ("_takes", ctypes.c_void_p),
            ("_gives", ctypes.c_void_p),
            ("_lines", ctypes.c_void_p),
            ("_loads", ctypes.c_void_p),
            ("_programs", ctypes.c_void_p),
            ("_clears", ctypes.c_void_p),
            ("_clears_bits", ctypes.c_uint32),
            ("_quiet", ctypes.c_uint32),
            ("_unless_mask", ctypes.c_uint32),
            ("_unless", ctypes.c_void_p),
            ("_copies", ctypes.c_void_p),
            ("_counting", ctypes.c_void_p),
        )


class Register(_Memory):
    """One 32-bit word at byte offset `at` of its block, or `count` of them, `stride` bytes apart.

    `keeps` names the kinds of reset that leave the register alone. One that is not on the `bus`, but behind what is, is
    for levels that outputs follow. What an engine needs to serve accesses without asking the block is in memory of the
    host, at `host_address`; one that does may let the outputs follow by itself (`settle`), where nobody else is told.
    """

    at: ClassVar[int] = -1
    count: ClassVar[int] = 1
    stride: ClassVar[int] = 4
    reset_value: ClassVar[int] = 0
    settle: ClassVar[Any] = staticmethod(lambda _address: False)
    keeps: ClassVar[frozenset[Any]] = frozenset()
    bus: ClassVar[bool] = True
    fields: ClassVar[dict[str, Field]] = {}
    readable: ClassVar[int] = WORD
    stored: ClassVar[int] = WORD
    w1c: ClassVar[int] = 0

    _index = 0
    _cleared: Register | None = None  # by ones that are written
    lines: tuple[Any, ...] = ()  # the outputs that follow it
    _array: Any
    _address: int

    def __init_subclass__(
        cls, *, at: int, count: int = 1, stride: int = 4, reset: int = 0, keeps: tuple[Any, ...] = (), bus: bool = True
    ) -> None:
        if at == _RUNNING:
            return
        if at % 4 or stride % 4 or at < 0 or count < 1:
            raise TypeError(f"{cls.__qualname__}: registers are aligned words, at={at:#x} stride={stride} is not")
        cls.fields = {name: field for name, field in vars(cls).items() if isinstance(field, Field)}
        cls.at, cls.count, cls.stride, cls.keeps, cls.bus = at, count, stride, frozenset(keeps), bus
        cls.reset_value, cls.readable, cls.stored, cls.w1c = reset, WORD, WORD, 0
        seen = 0
        for name, field in cls.fields.items():
            if hasattr(Register, name):
                raise TypeError(f"{cls.__qualname__}.{name}: every register has something of that name")
            if seen & field.mask:
                raise TypeError(f"{cls.__qualname__}.{name} overlaps another field at bits {field.msb}:{field.lsb}")
            seen |= field.mask
            cls.reset_value |= field.reset << field.lsb
            if not field.readable:
                cls.readable &= ~field.mask
            if not field.stored:
                cls.stored &= ~field.mask
            if isinstance(field, W1C):
                cls.w1c |= field.mask

    @classmethod
    def made(cls) -> list[Self]:
        """The registers that a block has of this declaration, with accesses that need no handler."""
        make, content = _running(cls)
        registers = [make(content) for _ in range(cls.count)]
        for index in range(1, cls.count):
            registers[index]._index = index
        return registers

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value:#010x})"

    def reset(self) -> None:
        """Take the reset value."""
        self.value = self.reset_value

    @property
    def host_address(self) -> int:
        """Where the register is in the host's memory."""
        return ctypes.addressof(self)  # type: ignore[arg-type]

    def plain(self, read: bool, write: bool, unchanging: bool = False) -> None:
        """Say whether reads, writes, and writes that change nothing that is stored need no handler."""
        self._plain = int(read) | int(write) << 1 | int(unchanging) << 2

    def follow(self, line: Any) -> None:
        """Let an output follow the register."""
        self.lines, self._address = (*self.lines, line), self.host_address
        self._array = (ctypes.c_void_p * (len(self.lines) + 1))(*map(ctypes.addressof, self.lines))
        self._lines = ctypes.addressof(self._array)

    def changed(self) -> None:
        """Let the outputs that follow it be as it says now."""
        if self.lines and not self.settle(self._address):
            for line in self.lines:
                line.update()

    def give_from(self, fifo: Any) -> None:
        """Reads give what is in a FIFO."""
        self._gives = ctypes.addressof(fifo)

    def take_into(self, fifo: Any) -> None:
        """Writes go into a FIFO."""
        self._takes = ctypes.addressof(fifo)

    def command(self, load: Any) -> None:
        """Let writes load a FIFO."""
        self._loads = ctypes.addressof(load)

    def copy(self, copy: Any) -> None:
        """Let writes copy memory."""
        self._copies = ctypes.addressof(copy)

    def show(self, counting: Any) -> None:
        """Let reads show what counts with time."""
        self._counting = ctypes.addressof(counting)

    def hush(self, bits: int, unless: Register | None, mask: int) -> None:
        """Let a write in which none but these bits is set need no handler, but while `mask` is set in another."""
        self._quiet, self._unless_mask = bits, mask
        self._unless = None if unless is None else unless.host_address

    def program(self, programs: Any) -> None:
        """Let writes program a flash."""
        self._programs = ctypes.addressof(programs)

    def acknowledge(self, other: Register, bits: int) -> None:
        """Let ones that are written clear these bits of another register."""
        self._cleared, self._clears, self._clears_bits = other, other.host_address, bits

    def write(self, word: int) -> None:
        """What a write by the firmware does to what is stored, before any handler sees it."""
        self.value = (self.value & ~self.stored | word & self.stored) & ~(word & self.w1c)
        if self._cleared is not None:
            self._cleared.value &= ~(word & self._clears_bits)
            self._cleared.changed()


@cache
def _running(declared: Any) -> Any:
    """What makes a register of this declaration, and the bytes to make it of. Its class has a bit field of ctypes for
    each field, which runs no Python."""
    bits = {name: _bits(field.lsb, field.msb) for name, field in declared.fields.items()}
    make: Any = type(declared)
    made = make(declared.__name__, (declared,), bits, at=_RUNNING)
    return made.from_buffer_copy, bytes(
        made(declared.reset_value, declared.readable, declared.stored, declared.w1c, _PLAIN)
    )


@cache
def _bits(lsb: int, msb: int) -> Any:
    """Bits of a structure's first word; all structures have them in the same place."""
    below = [("below", ctypes.c_uint32, lsb)] if lsb else []
    made = type("Bits", (ctypes.Structure,), {"_fields_": [*below, ("bits", ctypes.c_uint32, msb - lsb + 1)]})
    return made.bits  # type: ignore[attr-defined]


class Clears(Declaration):
    """Ones that are written to the register `by` clear those bits of `status`, but for the bits of its field `but`."""

    def __init__(self, status: type[Register], *, by: type[Register], but: Field | None = None) -> None:
        self.status, self.by, self.bits = status, by, WORD & ~(but.mask if but else 0)


class Quiet(Declaration):
    """A write of the register of the fields `but` in which none of them is set does no more than change what is stored:
    its handler need not be called, but while the field `unless` is not zero."""

    def __init__(self, *but: Field, unless: Field | None = None) -> None:
        self.but, self.unless = but[0], unless
        self.bits = WORD & ~sum(field.mask for field in but)


def word(at: int, *, reset: int = 0, count: int = 1, stride: int = 4) -> type[Register]:
    """A register without fields, which reads back what was written: `SCAN_CNTRL = word(0x3C)`."""
    return type("word", (Register,), {}, at=at, reset=reset, count=count, stride=stride)


class Kept(Register, at=0):
    """A word that no register claims: it reads back what was written."""
