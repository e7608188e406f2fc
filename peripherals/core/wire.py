"""The wires between blocks: an output that a block drives or that follows its registers, and what it leads to.

What follows registers needs no Python where an engine serves their accesses natively: terms, lines, wires and nets are
laid out as the structures of the engine's slice.c.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

from bk7238.peripherals.core.register import WORD, Declaration, Field, Register

Listener = Callable[[bool], object]


class Pending:
    """High while a bit of `status` is set whose bit in `enable` is, and `gate`. Without `enable` all bits count, or
    those of `bits`. `shown` shows those bits. A status may be a whole register."""

    def __init__(
        self,
        status: Field | type[Register],
        enable: Field | None = None,
        *,
        gate: Field | None = None,
        shown: Field | None = None,
        bits: int = WORD,
    ) -> None:
        self.status = status if isinstance(status, Field) else _whole(status)
        self.enable, self.gate, self.shown, self.bits = enable, gate, shown, bits

    @property
    def sources(self) -> set[int]:
        """Byte offsets of the registers on which it depends."""
        fields = (self.status, self.enable, self.gate)
        return {field.register.at for field in fields if field is not None}


def _whole(register: type[Register]) -> Field:
    field = Field(0, 31)
    field.register = register
    return field


class Output(Declaration):
    """A wire out of the block: the interrupt (`Output()`), a numbered wire (`Output(3)`) or several (`Output(0, 7)`).

    The numbers are those of the platform description: `0 -> watchdog@0`, `IRQ -> icu@8`. One wire may follow registers:
    it is high while anything of `when` is. Where others than the firmware changed those, the block calls `update`.
    """

    def __init__(self, first: int | None = None, last: int | None = None, *, when: tuple[Pending, ...] = ()) -> None:
        several = [] if first is None else range(first, (first if last is None else last) + 1)
        self.numbers: tuple[int | None, ...] = tuple(several) or (None,)
        self.when = when
        if when and len(self.numbers) > 1:
            raise TypeError("what follows registers is one wire")


class Input(Declaration):
    """A wire into the block, `Input(0)`, or several, `Input(0, 31)`. A change calls the `on_input` handler, or shows in
    the bits of the field `shown`.

    The level belongs to whoever drives the wire, so a reset of the reading block leaves it alone.
    """

    def __init__(self, first: int, last: int | None = None, *, shown: Field | None = None) -> None:
        self.numbers = range(first, (first if last is None else last) + 1)
        self.shown = shown


class Net(ctypes.Structure):
    """What leads to one input, which `tell` tells of changes: high while any of the wires into it is.

    `struct net` of slice.c: natively a change is one of the bits `mask` in a register, or in the word at `address`.
    Without either an engine has to tell of it.
    """

    levels: int
    _fields_ = (
        ("levels", ctypes.c_uint32),  # of the wires, the first one's in bit 0
        ("_mask", ctypes.c_uint32),
        ("_value", ctypes.c_void_p),
        ("_word", ctypes.c_void_p),
    )

    def __init__(self, tell: Listener, *, mask: int = 0, register: Register | None = None, address: int = 0) -> None:
        word = None if register is None else register.host_address
        super().__init__(0, mask, word or address or None, word)
        self.tell, self._wires = tell, 0

    def branch(self) -> Branch:
        """One more wire into it."""
        self._wires += 1
        return Branch(self, 1 << self._wires - 1)


class Branch(ctypes.Structure):
    """One of the wires into an input; calling it sets its level. `struct branch` of slice.c."""

    _fields_ = (("_net", ctypes.c_void_p), ("_bit", ctypes.c_uint32))

    def __init__(self, net: Net, bit: int) -> None:
        super().__init__(ctypes.addressof(net), bit)
        self._into, self._its = net, bit

    def __call__(self, level: bool) -> None:
        """Set the level."""
        net, bit = self._into, self._its
        before = net.levels
        net.levels = after = before | bit if level else before & ~bit
        if (not before) != (not after):
            net.tell(level)


class Driver:
    """One block's end of an output: `drive` a level (or the number that several wires carry together)."""

    def __init__(self, width: int) -> None:
        self.value = 0
        self.listeners: list[list[Listener]] = [[] for _ in range(width)]

    def drive(self, value: int) -> None:
        """Set the levels of the output's lines, bit by bit."""
        changed = self.value ^ value
        if not changed:
            return
        self.value = value
        for bit, listeners in enumerate(self.listeners):
            if changed >> bit & 1:
                for listener in listeners:
                    listener(bool(value >> bit & 1))

    def reset(self) -> None:
        """All low."""
        self.drive(0)


class _Term(ctypes.Structure):
    """`struct term` of slice.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("status", "enable", "gate", "shown")),
        *((name, ctypes.c_uint32) for name in ("mask", "status_lsb", "enable_lsb", "shown_lsb", "gate_mask")),
    )


class FollowingOutput(ctypes.Structure):
    """One block's end of an output that follows registers. `struct line` of slice.c."""

    value: int
    _fields_ = (
        ("value", ctypes.c_uint32),
        ("_asks", ctypes.c_uint32),
        ("_count", ctypes.c_uint32),
        ("_wired", ctypes.c_uint32),
        ("_terms", ctypes.c_void_p),
        ("_wires", ctypes.c_void_p),
    )

    def __init__(self, when: tuple[Pending, ...], words: dict[int, Register]) -> None:
        self._all = (_Term * len(when))(*(_term(one, words) for one in when))
        self._tests: list[Any] = [(*_words(one, words), *_places(one)) for one in when]
        super().__init__(0, 0, len(when), 0, ctypes.addressof(self._all))
        self.listeners: list[list[Listener]] = [_Listeners(self)]
        self.registers = [words[offset] for offset in sorted(set().union(*(one.sources for one in when)))]
        for register in self.registers:
            register.follow(self)

    def update(self) -> None:
        """Be as the registers say."""
        level = 0
        for status, enable, gate, shown, mask, status_lsb, enable_lsb, shown_lsb, gate_mask in self._tests:
            pending = status.value >> status_lsb & mask
            if enable is not None:
                pending &= enable.value >> enable_lsb
            if shown is not None:
                shown.value = shown.value & ~(mask << shown_lsb) | pending << shown_lsb
            if pending and (gate is None or gate.value & gate_mask):
                level = 1
        if level != self.value:
            self.value = level
            for listener in self.listeners[0]:
                listener(bool(level))

    reset = update

    def connected(self, listeners: list[Listener]) -> None:
        """Let these be told natively where all of them are wires."""
        wires = [listener for listener in listeners if isinstance(listener, Branch)]
        self._array = (ctypes.c_void_p * len(wires))(*map(ctypes.addressof, wires))
        self._wires, self._wired, self._asks = ctypes.addressof(self._array), len(wires), len(wires) < len(listeners)


class _Listeners(list[Listener]):
    """Who is told of a line."""

    def __init__(self, line: FollowingOutput) -> None:
        super().__init__()
        self._line = line

    def append(self, listener: Listener) -> None:
        """Tell one more."""
        super().append(listener)
        self._line.connected(self)


def _term(when: Pending, words: dict[int, Register]) -> _Term:
    addresses = (None if word is None else word.host_address for word in _words(when, words))
    return _Term(*addresses, *_places(when))


def _words(when: Pending, words: dict[int, Register]) -> Iterator[Register | None]:
    """The registers of the status, of what enables it, of the gate, and of what shows it."""
    for field in (when.status, when.enable, when.gate, when.shown):
        yield None if field is None else words[field.register.at]


def _places(when: Pending) -> tuple[int, ...]:
    """The mask of what counts, the lowest bits of status, enable and shown fields, and the mask of the gate."""
    status, enable, shown = when.status, when.enable or when.status, when.shown or when.status
    mask = status.mask >> status.lsb & enable.mask >> enable.lsb & shown.mask >> shown.lsb & when.bits
    return mask, status.lsb, enable.lsb, shown.lsb, when.gate.mask if when.gate else 0
