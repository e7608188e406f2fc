"""Beside the flash chip: counts what is asked of its cells, and lets faults stand in the way.

An operation has begun when the firmware asks for it; the first one of a run has number 1 and resets change nothing of
the count. Once the power is cut nothing reaches the cells until the machine has started again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from bk7238.machine import Machine
from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.nor_flash import AFTER, BEFORE, Operation


class Watcher(Protocol):
    """A fault that sees each operation."""

    def before(self, operation: Operation) -> bool:
        """False: it does not happen."""
        ...

    def after(self, operation: Operation, was: bytes) -> None: ...


class FlashOperations:
    """The attendant of one machine's flash."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.cells = machine.flash
        self.begun = 0
        self.powered = True
        self.current: Operation | None = None  # while faults strike before it
        self.watchers: list[Watcher] = []
        self.flaws: list[Callable[[Operation, bytes], None]] = []
        self.on_identify: list[Callable[[], None]] = []
        self._moments: dict[int, list[Callable[[], None]]] = {}
        self._cut_after = False
        self._cut_at = 0
        machine.flash.attendant = self
        machine.engine.on_reset.append(self._reset)
        machine.companions.append(self)

    @classmethod
    def of(cls, machine: Machine) -> FlashOperations:
        """The one that stands beside a machine's flash, put there when it is first asked for."""
        there = machine.flash.attendant
        return there if isinstance(there, cls) else cls(machine)

    # For faults

    def at(self, number: int, strike: Callable[[], None]) -> None:
        """Call `strike` as operation `number` begins."""
        self._moments.setdefault(number, []).append(strike)

    def interrupt(self, operation: Operation | None, shape: str = BEFORE, chance: Random | None = None) -> int:
        """The power goes, now, and `operation` (None: there is none), which is about to happen, ends in one of the
        shapes of nor_flash.py, as far as the cells do as they are told; AFTER: the power goes when it has happened.
        Returns how many bytes a shape between BEFORE and AFTER changes."""
        changed = 0
        if operation is not None and shape == AFTER:
            self._cut_after = True
            return changed
        if operation is not None and shape != BEFORE:
            was = self.cells.perform(operation, shape, chance)
            left = self.cells.data[operation.address : operation.address + operation.length]
            changed = sum(old != new for old, new in zip(was, left, strict=True))
            for flaw in self.flaws:  # not the watchers: it has not happened
                flaw(operation, was)
        self.powered = False
        self.machine.power_cycle()
        return changed

    def cut_before(self, count: int) -> None:
        """Cut the power before the operation `count` from now; 0: do not, after all."""
        self._cut_at = self.begun + count if count else 0

    # The chip's side

    def before(self, operation: Operation) -> bool:
        if not self.powered:
            return False
        self.begun += 1
        self.current = operation
        if self.begun == self._cut_at:
            self.machine.log.add("info", "power", f"cut before the {operation.kind} at {operation.address:#x}")
            self.interrupt(operation)
        for strike in self._moments.pop(self.begun, ()):
            if self.powered and not self._cut_after:  # else another has the power already
                strike()
        happens = self.powered and all([watcher.before(operation) for watcher in self.watchers])
        if not happens:
            self._done()
        return happens

    def after(self, operation: Operation, was: bytes) -> None:
        for watcher in self.watchers:
            watcher.after(operation, was)
        self._done()

    def identified(self) -> None:
        for listener in self.on_identify:
            listener()

    def _done(self) -> None:
        self.current = None
        if self._cut_after:
            self._cut_after = False
            self.interrupt(None)

    def _reset(self, kind: ResetKind) -> None:
        self.powered = True

    # Back in time, with the machine

    def snapshot(self) -> Any:
        return self.begun, self.powered, self._cut_at, {number: list(due) for number, due in self._moments.items()}

    def restore(self, snapshot: Any) -> None:
        self.begun, self.powered, self._cut_at, moments = snapshot
        self._moments = {number: list(due) for number, due in moments.items()}
