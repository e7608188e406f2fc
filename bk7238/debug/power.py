"""Cutting the power at a flash operation, from a debugger: the operation does not happen, RAM is lost."""

from __future__ import annotations

from bk7238.machine import Machine
from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.nor_flash import Attendant, Operation


class PowerCut:
    """Stands beside the flash chip, before whoever stood there. Goes back in time with the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._count = 0
        self._dead = False
        self._next: Attendant | None = None
        self._there = False
        machine.engine.on_reset.append(self._reset)
        machine.companions.append(self)

    def arm(self, count: int) -> None:
        """Cut the power before the flash operation `count` from now; 0 for none."""
        if not self._there:
            self._next, self.machine.flash.attendant = self.machine.flash.attendant, self
            self._there = True
        self._count = count

    def before(self, operation: Operation) -> bool:
        if self._dead:
            return False
        if self._count:
            self._count -= 1
            if not self._count:
                self._dead = True
                self.machine.log.add("info", "power", f"cut before the {operation.kind} at {operation.address:#x}")
                self.machine.power_cycle()
                return False
        return self._next is None or self._next.before(operation)

    def after(self, operation: Operation, was: bytes) -> None:
        if self._next is not None:
            self._next.after(operation, was)

    def identified(self) -> None:
        if self._next is not None:
            self._next.identified()

    def _reset(self, kind: ResetKind) -> None:
        self._dead = False

    def snapshot(self) -> tuple[int, bool]:
        return self._count, self._dead

    def restore(self, snapshot: tuple[int, bool]) -> None:
        self._count, self._dead = snapshot
