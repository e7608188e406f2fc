"""Beside the flash chip: counts what is asked of its cells, and lets faults stand in the way.

An operation has begun when the firmware asks for it; the first one of a run has number 1 and resets change nothing of
the count. Once the power is cut nothing reaches the cells until the machine has started again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bk7238.machine import Machine
from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.nor_flash import Operation


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
        self._after: Callable[[], None] | None = None
        machine.flash.attendant = self
        machine.engine.on_reset.append(self._reset)

    # For faults

    def at(self, number: int, strike: Callable[[], None]) -> None:
        """Call `strike` as operation `number` begins."""
        self._moments.setdefault(number, []).append(strike)

    def cut(self, leave: Callable[[Operation], None] | None = None, *, after: bool = False) -> None:
        """The power goes, now. Of an operation that is about to happen nothing does but what `leave` puts into the
        cells, as far as the cells do as they are told; with `after` it happens first."""
        if after and self.current is not None:
            self._after = self.cut
            return
        if leave is not None and self.current is not None:
            self._leave(self.current, leave)
        self.powered = False
        self.machine.power_cycle()

    def _leave(self, operation: Operation, leave: Callable[[Operation], None]) -> None:
        was = bytes(self.cells.data[operation.address : operation.address + operation.length])
        leave(operation)
        for flaw in self.flaws:  # not the watchers: it has not happened
            flaw(operation, was)

    def put(self, address: int, data: bytes) -> None:
        """What an interrupted operation leaves: no rule of the chip holds for it."""
        self.cells.data[address : address + len(data)] = data[: max(0, self.cells.size - address)]

    # The chip's side

    def before(self, operation: Operation) -> bool:
        if not self.powered:
            return False
        self.begun += 1
        self.current = operation
        for strike in self._moments.pop(self.begun, ()):
            if self.powered and self._after is None:  # else another fault has the power already
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
        after, self._after = self._after, None
        if after is not None:
            after()

    def _reset(self, kind: ResetKind) -> None:
        self.powered = True
