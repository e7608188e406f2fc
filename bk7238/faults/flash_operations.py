"""Beside the flash chip: counts what is asked of its cells, and lets faults stand in the way.

A program or an erase has begun when the firmware asks for it; the first one of a run has number 1 and resets change
nothing of the count. Writes of the status register are counted likewise, for themselves. Once the power is cut nothing
reaches the cells until the machine has started again.
"""

from __future__ import annotations

from random import Random

from bk7238.faults.moment import Trigger
from bk7238.machine import Machine
from bk7238.peripherals.core import Actor, ResetKind, Signal, State
from bk7238.peripherals.nor_endings import AFTER, BEFORE, STATUS, Operation

POWER_CYCLE, POWER_OFF, WATCHDOG = "power cycle", "power off", "watchdog"
"""What becomes of the device whose operation is interrupted."""


class FlashOperations(Actor):
    """The attendant of one machine's flash.

    `on_begin` is told each operation that will happen, `on_end` each that has, with what stood there before, `on_torn`
    likewise each that was cut short, `on_status_write` each write of the status register that begins, and `on_identify`
    that the chip's id was read.
    """

    begun: int = State(0)
    status_writes: int = State(0)
    powered: bool = State(True)
    current: Operation | None = State()  # while faults strike before it
    _moments: dict[int, list[Trigger]] = State(factory=dict)
    _status_moments: dict[int, list[Trigger]] = State(factory=dict)
    _cut_after: bool = State(False)
    _cut_at: int = State(0)
    _then: str = State(POWER_CYCLE)

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.cells = machine.flash
        self.on_begin, self.on_end, self.on_torn, self.on_identify = Signal(), Signal(), Signal(), Signal()
        self.on_status_write = Signal()
        machine.flash.attendant = self
        machine.engine.on_reset.connect(self._reset)
        machine.actors["flash operations"] = self

    @classmethod
    def of(cls, machine: Machine) -> FlashOperations:
        """The one that stands beside a machine's flash, put there when it is first asked for."""
        there = machine.flash.attendant
        return there if isinstance(there, cls) else cls(machine)

    # For faults

    def at(self, number: int, trigger: Trigger) -> None:
        """Pull `trigger` as operation `number` begins."""
        self._moments.setdefault(number, []).append(trigger)

    def at_status_write(self, number: int, trigger: Trigger) -> None:
        """Pull `trigger` as that write of the status register begins."""
        self._status_moments.setdefault(number, []).append(trigger)

    def interrupt(
        self, operation: Operation | None, shape: str = BEFORE, chance: Random | None = None, *, then: str = POWER_CYCLE
    ) -> int:
        """The power goes, now, and `operation` (None: there is none), which is about to happen, ends in one of the
        shapes of nor_endings.py, as far as the cells do as they are told; AFTER: the power goes when it has happened.
        `then`: it is back at once, or stays away until the machine's power cycle, or nothing but the watchdog bites.
        Returns how many bytes a shape between BEFORE and AFTER changes."""
        changed = 0
        self._then = then
        if operation is not None and shape == AFTER:
            self._cut_after = True
            return changed
        if operation is not None and shape != BEFORE:
            before = self._around(operation)
            was = self.cells.perform(operation, shape, chance)
            changed = sum(old != new for old, new in zip(before, self._around(operation), strict=True))
            if operation.kind != STATUS:
                self.on_torn(operation, was)
        self.powered = False
        {
            POWER_CYCLE: self.machine.power_cycle,
            POWER_OFF: self.machine.power_off,
            WATCHDOG: self.machine.watchdog_reset,
        }[then]()
        return changed

    def _around(self, operation: Operation) -> bytes:
        """What stands in the sectors of an operation, or in the status register."""
        if operation.kind == STATUS:
            return self.cells.status.to_bytes(2, "little")
        return bytes(self.cells.data[operation.around.start : operation.around.stop])

    def cut_before(self, count: int) -> None:
        """Cut the power before the operation `count` from now; 0: do not, after all."""
        self._cut_at = self.begun + count if count else 0

    # The chip's side

    def before(self, operation: Operation) -> bool:
        """Count an operation and let its faults strike. Returns whether it is to happen."""
        if not self.powered:
            return False
        self.current = operation
        if operation.kind == STATUS:
            self.status_writes += 1
            self.on_status_write(operation)
            triggers = self._status_moments.pop(self.status_writes, ())
        else:
            self.begun += 1
            triggers = self._moments.pop(self.begun, ())
            if self.begun == self._cut_at:
                self.machine.log.add("info", "power", f"cut before the {operation.kind} at {operation.address:#x}")
                self.interrupt(operation)
        for trigger in triggers:
            if self.powered and not self._cut_after:  # else another has the power already
                trigger.pull()
        if not self.powered:
            self._done()
        elif operation.kind != STATUS:
            self.on_begin(operation)
        return self.powered

    def after(self, operation: Operation, was: bytes) -> None:
        """Tell that an operation has happened."""
        if operation.kind != STATUS:
            self.on_end(operation, was)
        self._done()

    def identified(self) -> None:
        """Tell that the chip's id was read."""
        self.on_identify()

    def _done(self) -> None:
        self.current = None
        if self._cut_after:
            self._cut_after = False
            self.interrupt(None, then=self._then)

    def _reset(self, _kind: ResetKind) -> None:
        self.powered = True
