"""The undisturbed run: its flash operations, and the flash after each of them.

Its parts: JOIN, what the old app does until it is on the network; DOWNLOAD, from there to the restart; INSTALL, what
the boot loader does; REJOIN, what the new app does until it is on the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bk7238.engine import interruption
from bk7238.faults import Spec, all_kinds
from bk7238.faults.fault import make
from bk7238.faults.flash_operations import FlashOperations
from bk7238.faults.kinds.power import CUTS, PowerCut
from bk7238.peripherals.nor_endings import AFTER, BEFORE, TORN, Operation
from bk7238.peripherals.nor_flash import NorFlash
from bk7238.sweep.point import Job, Outcome, Point
from bk7238.update.result import Result
from bk7238.update.story import BOOT, DOWNLOAD, INSTALL, JOIN, REJOIN, RESTART, Story

MODES = (BEFORE, TORN, AFTER)
ALL_MODES = CUTS


def cut(operation: int, how: str, back: str = "") -> Point:
    """The point at which the power goes around an operation (from 1); it comes `back` at that time, or at once."""
    fault = Spec(PowerCut.NAME, (("", how), *([("back", back)] if back else [])), f"flash-op={operation}")
    return Point(f"{operation}:{how}", (fault,), how, str(operation))


def cut_of_status(write: int, how: str, operation: int) -> Point:
    """The point at which the power goes around a write of the status register (from 1), which this operation follows
    or, where there is none, the last one before it."""
    fault = Spec(PowerCut.NAME, (("", how),), f"status-write={write}")
    return Point(f"status {write}:{how}", (fault,), how, str(operation))


def order(cut: Point) -> tuple[int, str]:
    """Cuts are ordered by their operations."""
    return int(cut.column), cut.row


@dataclass(frozen=True)
class Trunk:
    """`initial` is the flash at power-on. Of the operations since then, those from number `first` on are swept.
    `status` is the chip's status register before each of them, and `writes` say of each write to it how many operations
    came before it."""

    initial: bytes
    operations: tuple[Operation, ...]
    result: Result
    first: int = 1
    status: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()

    @property
    def swept(self) -> range:
        """The numbers of the operations that are swept."""
        return range(self.first, len(self.operations) + 1)

    def status_before(self, operation: int) -> int:
        """The chip's status register before an operation (from 1)."""
        return self.status[operation - 1] if self.status else 0

    def end(self, point: Point, merged: int) -> Outcome:
        """The outcome of a point whose run has met this one after so many operations of a boot loader."""
        return Outcome(point.id, self.result.verdict.value, self.result.reason, merged=merged)

    def states(self, cuts: list[Point], seed: int) -> Iterator[tuple[Point, NorFlash]]:
        """The chip after each cut, for cuts in their order."""
        flash, reached = NorFlash(len(self.initial), 0), 0
        flash.load(self.initial)
        for cut in cuts:
            while reached < int(cut.column) - 1:
                flash.perform(self.operations[reached])
                reached += 1
            fault = make(cut.faults[0], all_kinds(), f"{seed}:fault 0")  # its random bits are those that it leaves
            left = flash.copy()
            left.status = self.status_before(reached + 1)
            left.perform(self.operations[reached], cut.row, fault.rng)
            yield cut, left


def ranges(operations: Iterable[Operation]) -> list[tuple[int, int]]:
    """What operations may change of the flash: ranges that do not touch, in their order."""
    return union((one.address, one.address + one.length) for one in operations)


def union(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """All of these ranges as ranges that do not touch, in their order."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


class Follower:
    """Watches a chip for the place where a disturbed run meets the undisturbed one again: there it calls `met` with the
    number of operations of this boot loader. Until `boot` was called nothing is met.

    What a boot loader does depends on the flash alone. Where its operations since the reset are those of the
    undisturbed installation from the first on, and the flash is that one's after one of them, the run will end as that
    one did.
    """

    def __init__(self, trunk: Trunk, flash: NorFlash, met: Callable[[int], None]) -> None:
        self._trunk, self._flash, self._met = trunk, flash, met
        self._shadow = NorFlash(len(trunk.initial), 0)
        self._in_step = False
        self._count = 0

    def boot(self) -> None:
        """A boot loader begins."""
        self._shadow.load(self._trunk.initial)
        self._in_step = True
        self._count = 0

    def before(self, operation: Operation) -> bool:
        """Note whether it is the operation that the trunk has here. Returns that it is to happen."""
        if self._in_step:
            undisturbed = self._trunk.operations
            self._in_step = self._count < len(undisturbed) and undisturbed[self._count] == operation
        self._count += 1
        return True

    def after(self, operation: Operation, _was: bytes) -> None:
        """Compare the flash with what the trunk's has become."""
        if self._in_step:
            self._shadow.perform(operation)
            same = self._flash.status == self._trunk.status_before(self._count) and not self._flash.unstable
            if same and self._shadow.data == self._flash.data:
                self._met(self._count)


def run(job: Job, swept: str) -> Trunk:
    """Carry the update out once. One part of it is swept; of what comes after it nothing is kept. Raises Interrupted
    where a signal came."""
    update = job.update()
    initial = bytes(update.machine.flash.data)
    operations: list[Operation] = []
    parts: list[str] = []

    status: list[int] = []
    writes: list[int] = []

    def ended(operation: Operation, _was: bytes) -> None:
        parts.append(_part(update.story))
        if swept in parts and parts[-1] != swept:
            return
        operations.append(operation)
        status.append(update.machine.flash.status)

    def written(_operation: Operation) -> None:
        if len(operations) == len(parts):
            writes.append(len(operations))

    attendant = FlashOperations.of(update.machine)
    attendant.on_end.connect(ended)
    attendant.on_status_write.connect(written)
    result = update.run()
    interruption.check()  # it is no trunk that a signal has cut off
    first = parts.index(swept) + 1 if swept in parts else len(operations) + 1
    return Trunk(initial, tuple(operations), result, first, tuple(status), tuple(writes))


def _part(story: Story) -> str:
    if story.phase in (BOOT, JOIN):
        return JOIN
    if story.phase in (DOWNLOAD, RESTART):
        return DOWNLOAD
    return REJOIN if story.app_started else INSTALL
