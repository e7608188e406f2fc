"""The undisturbed run: its flash operations, and the flash after each of them.

Two phases of an update can be swept: the boot loader's installation, which begins with the package in the download
partition, and the app's download.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from bk7238.faults import kinds, parse
from bk7238.faults.fault import make
from bk7238.faults.power import AFTER, BEFORE, RANDOM, TORN, bits, done, half
from bk7238.image import FlashImage, Package
from bk7238.update.result import Result
from bk7238.update.session import Settings, Update
from bk7238.update.story import BOOT, DOWNLOAD, INSTALL, JOIN
from peripherals.nor_flash import Operation

MODES = (BEFORE, TORN, AFTER)
ALL_MODES = (BEFORE, TORN, RANDOM, AFTER)


@dataclass(frozen=True, order=True)
class Point:
    """A cut: at which operation (from 1), and how."""

    operation: int
    how: str

    @property
    def id(self) -> str:
        return f"{self.operation}:{self.how}"

    @property
    def fault(self) -> str:
        """The same as a fault, for `bk7238 ota --fault`; of an installation with `--delivered`."""
        return f"power-cut:{self.how}@flash-op={self.operation}"


@dataclass(frozen=True)
class Job:
    """What is swept: `phase` is INSTALL or DOWNLOAD."""

    image: FlashImage
    package: Package
    settings: Settings
    phase: str = INSTALL

    def update(self, *faults: str) -> Update:
        """An update that is ready to run."""
        return Update(self.image, self.package, replace(self.settings, delivered=self.phase == INSTALL, faults=faults))


@dataclass(frozen=True)
class Trunk:
    """`initial` is the flash at power-on. Of the operations since then, those from number `first` on are swept."""

    initial: bytes
    operations: tuple[Operation, ...]
    result: Result
    first: int = 1

    def states(self, points: list[Point], seed: int) -> Iterator[tuple[Point, bytes]]:
        """What is in the flash after each cut, for points in their order."""
        flash, reached = bytearray(self.initial), 0
        for point in points:
            while reached < point.operation - 1:
                carry_out(flash, self.operations[reached])
                reached += 1
            state = bytearray(flash)
            tear(state, self.operations[point.operation - 1], point, seed)
            yield point, bytes(state)


def run(job: Job) -> Trunk:
    """Carry the update out once."""
    update = job.update()
    initial = bytes(update.machine.flash.data)
    operations: list[Operation] = []
    first = 0

    def operated(kind: str, address: int, what: bytes | int) -> None:
        nonlocal first
        story = update.story
        over = story.app_started if job.phase == INSTALL else story.phase not in (BOOT, JOIN, DOWNLOAD)
        if over:
            return
        data = what if isinstance(what, bytes) else b""
        operations.append(Operation(kind, address, what if isinstance(what, int) else len(what), data))
        if not first and story.phase == job.phase:
            first = len(operations)

    update.machine.board.flash.operated.connect(operated)
    result = update.run()
    return Trunk(initial, tuple(operations), result, first or 1)


def carry_out(flash: bytearray, operation: Operation) -> None:
    """What an operation does to the flash."""
    start, end = operation.address, operation.address + operation.length
    flash[start:end] = done(operation, bytes(flash[start:end]))


def tear(flash: bytearray, operation: Operation, point: Point, seed: int) -> None:
    """What a cut leaves of an operation; random bits are those that the fault leaves."""
    start, end = operation.address, operation.address + operation.length
    before = bytes(flash[start:end])
    if point.how == AFTER:
        flash[start:end] = done(operation, before)
    elif point.how == TORN:
        flash[start:end] = half(operation, before)
    elif point.how == RANDOM:
        fault = make(parse(point.fault), kinds(), f"{seed}:fault 0")
        flash[start:end] = bits(operation, before, fault.rng.getrandbits)


def choose(job: Job, trunk: Trunk, tier: str, modes: tuple[str, ...] = MODES) -> list[Point]:
    """The points of a tier. `full` is every operation.

    Of an installation `pr` is every erase, the last 8 operations and each 16th of the others, and `quick` the first,
    the last and the middle one of each stretch of erases or programs. Of a download, where each point is a run of its
    own, `pr` are 60 operations at equal distances and `quick` 5.
    """
    every = range(trunk.first, len(trunk.operations) + 1)
    if tier == "full":
        chosen = set(every)
    elif job.phase == DOWNLOAD:
        number = 60 if tier == "pr" else 5
        chosen = {every[round(place * (len(every) - 1) / (number - 1))] for place in range(number)}
    elif tier == "pr":
        chosen = {number for number in every if trunk.operations[number - 1].kind == "erase"}
        chosen |= set(every[::16]) | set(every[-8:])
    else:
        chosen = set()
        for _, stretch in groupby(every, key=lambda number: trunk.operations[number - 1].kind):
            numbers = list(stretch)
            chosen |= {numbers[0], numbers[len(numbers) // 2], numbers[-1]}
    return [Point(number, how) for number in sorted(chosen) for how in modes]
