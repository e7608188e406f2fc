"""Power cuts around the flash operations of an update: in each of its parts, and two in one installation."""

from __future__ import annotations

import math
import random
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any, ClassVar

import msgspec

from bk7238.faults import all_kinds
from bk7238.faults.fault import make
from bk7238.peripherals.nor_endings import SHAPES, STATUS
from bk7238.sweep.explore import forks
from bk7238.sweep.explore import trunk as trunks
from bk7238.sweep.explore.outages import Outages
from bk7238.sweep.explore.recoveries import Outlook, Path, Recoveries
from bk7238.sweep.explore.trunk import ALL_MODES, MODES, cut, cut_of_status, order
from bk7238.sweep.plan.plan import NothingToSweep, Plan
from bk7238.sweep.point import Job, Outcome, Point, elapsed
from bk7238.update.story import DOWNLOAD, INSTALL, JOIN, REJOIN


class Cuts(Plan):
    """Cuts at the operations of one part of the update. `modes` are the ways to cut."""

    NOUN = "cuts"
    PART: ClassVar[str]
    WHERE: ClassVar[str]  # the part, in words
    MEETS: ClassVar[bool] = False  # what comes after a cut depends on the flash alone
    CHUNK = 12  # what comes before the cut is shared by so many; each takes seconds

    def __init__(self, job: Job, modes: tuple[str, ...] = MODES) -> None:
        super().__init__(job)
        self.modes = tuple(how for how in ALL_MODES if how in modes)
        self.trunk = trunks.run(self.job, self.PART)
        if not self.trunk.swept:
            raise NothingToSweep(f"the {self.WHERE} has no flash operation to cut: {self.trunk.result.reason}")

    @property
    def said(self) -> str:
        """How many flash operations it cuts around."""
        return f"around {len(self.trunk.swept):,} flash operations of the {self.WHERE}"

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Fork the run at each cut."""
        trunk = self.trunk if self.MEETS else None
        super().explore(forks.at_moments(self.job, points, lambda found: tell(_cut(found)), trunk), tell)

    def full(self, point: Point) -> Outcome:
        """Run a point from the power-on."""
        return _cut(super().full(point))


def _cut(found: Outcome) -> Outcome:
    if not found.did:
        raise RuntimeError(f"{found.id}: the power was not cut")
    return found


class _SingleCuts(Cuts):
    """One cut in a run."""

    def points(self, tier: str) -> list[Point]:
        numbers = self.trunk.swept if tier == "full" else self.chosen(tier)
        operations = self.trunk.operations
        return [
            *(
                self.cut(number, how)
                for number in sorted(numbers)
                for how in self.modes
                if operations[number - 1].kind in SHAPES[how].of
            ),
            *self._of_status(),
        ]

    def _of_status(self) -> list[Point]:
        """Cuts around writes of the status register, in the ways that are about these alone."""
        first, last = self.trunk.first, len(self.trunk.operations)
        ways = [how for how in self.modes if SHAPES[how].of == {STATUS}]
        return [
            cut_of_status(write, how, min(before + 1, last))
            for write, before in enumerate(self.trunk.writes, 1)
            for how in ways
            if before >= first - 1
        ]

    def _of_cells(self, points: list[Point], tell: Callable[[Outcome], None]) -> list[Point]:
        """Those around programs and erases; the others are run: each cut leaves something else in the register."""
        of_status = [point for point in points if point.faults[0].when.startswith("status-write")]
        if of_status:
            Cuts.explore(self, of_status, tell)
        return [point for point in points if point not in of_status]

    def cut(self, operation: int, how: str) -> Point:
        """The point at which the power goes around an operation."""
        return cut(operation, how)

    @abstractmethod
    def chosen(self, tier: str) -> set[int]:
        """The operations of a tier that is not the full one."""


class InstallationCuts(_SingleCuts):
    """Cuts while the boot loader installs, merged where they lead to the same."""

    NAME, PART, WHERE = "install", INSTALL, "installation"
    CHUNK = 240
    DELIVERED = MEETS = True

    def chosen(self, tier: str) -> set[int]:
        """`pr`: every erase, the last 8 operations and each 16th of the others, of more than 4,096 so many that 256 are
        taken: a boot loader that programs 32 bytes at a time has eight times the operations of one that fills pages.
        `quick`: the first, the last and the middle one of each stretch of erases or programs."""
        every = self.trunk.swept
        kind = {number: self.trunk.operations[number - 1].kind for number in every}
        if tier == "pr":
            each = max(16, -(-len(every) // 256))
            return {number for number in every if kind[number] == "erase"} | {*every[::each], *every[-8:]}
        stretches = [list(stretch) for _, stretch in groupby(every, key=lambda number: kind[number])]
        return {number for one in stretches for number in (one[0], one[len(one) // 2], one[-1])}

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Fork the run at each boot."""
        of_cells = self._of_cells(points, tell)
        if of_cells:
            forks.at_boots(self.job, of_cells, tell, self.trunk)


class SecondCuts(InstallationCuts):
    """A cut in the installation, and after it every one in what follows, up to `depth` of them: not a sample, as
    `pairs` is. A point is the first cut; it ends as the worst of its further ones does."""

    NAME, NOUN = "second", "cuts, each with every second one"
    DEPTHS: ClassVar[dict[int, str]] = {2: "second", 3: "second and third"}  # what further cuts are called

    def __init__(self, job: Job, modes: tuple[str, ...] = MODES, depth: int = 2) -> None:
        super().__init__(job, modes)
        if depth not in self.DEPTHS:
            raise ValueError(f"{depth} cuts are no depth; there is {', '.join(map(str, self.DEPTHS))}")
        self.depth = depth
        self._recoveries: Recoveries | None = None  # of this process

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_recoveries": None}

    @property
    def deciding(self) -> dict[str, Any]:
        """How often and in which ways it cuts."""
        return {"modes": self.modes, "depth": self.depth}

    def points(self, tier: str) -> list[Point]:
        """First cuts around programs and erases."""
        return [point for point in super().points(tier) if point.faults[0].when.startswith("flash-op")]

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Find out what the boot loader makes of each state, and of those that further cuts leave."""
        if self._recoveries is None:
            self._recoveries = self.recoveries()
        for point, chip in self.trunk.states(sorted(points, key=order), self.job.settings.seed):
            began = time.perf_counter()
            found = self._all_after(point, self._recoveries.outlook(chip, self.depth - 1, 1, int(point.column)))
            tell(msgspec.structs.replace(found, seconds=elapsed(began)))

    def recoveries(self) -> Recoveries:
        """What the boot loader makes of states; nothing is known yet."""
        return Recoveries(self.job, self.trunk, self.modes, self._chance)

    def _chance(self, place: int, operation: int, how: str) -> random.Random:
        return make(cut(operation, how).faults[0], all_kinds(), f"{self.job.settings.seed}:fault {place}").rng

    def _all_after(self, first: Point, outlook: Outlook) -> Outcome:
        alone, *_ = outlook.examples
        worst = next((one for one in outlook.examples if one.verdict not in self.WELL), alone)
        said = (
            f"{outlook.tally.total() - 1:,} {self.DEPTHS[self.depth]} cuts in what follows, "
            f"{outlook.behind:,} more that are {'single ones' if self.depth == 2 else 'fewer'} of the installation"
        )
        if worst is not alone:
            said += "; --fault=" + " --fault=".join(map(str, after(first, outlook.examples[worst]).faults))
        return Outcome(
            first.id,
            worst.verdict,
            f"{worst.reason} ({said})",
            states=outlook.tally.total() + outlook.behind,
            recoveries=tuple(sorted({one.name for one in outlook.tally})),
        )

    def full(self, point: Point) -> Outcome:
        """Run a first cut, or several, from the power-on."""
        return Plan.full(self, point)


def after(first: Point, path: Path) -> Point:
    """The point of a cut and those that follow it."""
    operation = int(first.column)
    for number, how in path:
        operation += number
        first = pair(first, cut(operation, how))
    return first


class OfApp(_SingleCuts):
    """Cuts while an app runs. What it does next depends on more than the flash, so that each is an outage, and all end
    at the same time, once the network has given up the device: what is the same from then on is run once."""

    CHUNK = 96
    OUTAGE = 600  # virtual seconds from the end of the undisturbed run on; a server tries for some 540 seconds

    def __init__(self, job: Job, modes: tuple[str, ...] = MODES) -> None:
        super().__init__(job, modes)
        self.back = math.ceil(self.trunk.result.virtual_seconds / 60) * 60 + self.OUTAGE
        settings = self.job.settings
        self.job = replace(self.job, settings=replace(settings, within=settings.within + self.back))
        self._outages: Outages | None = None  # of this process

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_outages": None}

    def cut(self, operation: int, how: str) -> Point:
        """An outage that begins around an operation."""
        return cut(operation, how, f"{self.back}s")

    def chunks(self, points: list[Point], workers: int) -> list[list[Point]]:
        """Cuts around one operation together, and several chunks for each worker: those at the end take longest."""
        size = max(1, min(self.CHUNK, -(-len(points) // (4 * workers))))
        size = -(-size // len(self.modes)) * len(self.modes)
        return [points[at : at + size] for at in range(0, len(points), size)]

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Fork the run at each cut, and follow each to where its future is known."""
        if self._outages is None:
            self._outages = Outages(self.back * 1_000_000)
        of_cells = self._of_cells(points, tell)
        if of_cells:
            left = forks.at_moments(self.job, of_cells, lambda found: tell(_cut(found)), outages=self._outages)
            Plan.explore(self, left, tell)

    def chosen(self, tier: str) -> set[int]:
        """60 operations at equal distances, or 5."""
        every, number = self.trunk.swept, 60 if tier == "pr" else 5
        return {every[round(place * (len(every) - 1) / (number - 1))] for place in range(number)}


class JoiningCuts(OfApp):
    """Cuts before the download, while the old app starts and joins."""

    NAME, PART, WHERE = "join", JOIN, "old app's start"


class RejoiningCuts(OfApp):
    """Cuts after the installation, while the new app starts and joins."""

    NAME, PART, WHERE = "rejoin", REJOIN, "new app's start"
    DELIVERED = True


class DownloadCuts(OfApp):
    """Cuts from the download's beginning to the restart."""

    NAME, PART, WHERE = "download", DOWNLOAD, "download"

    def chosen(self, tier: str) -> set[int]:
        """Of operations outside the download partition `pr` has all, too, and `quick` the first and the last."""
        every, download = self.trunk.swept, self.job.image.partitions["download"]
        starts = {number: self.trunk.operations[number - 1].address for number in every}
        outside = [one for one in every if not download.physical_start <= starts[one] < download.physical_end]
        return super().chosen(tier) | {*(outside if tier == "pr" else outside[:1] + outside[-1:])}


def pair(first: Point, second: Point) -> Point:
    """The point with two cuts; the second one's operation is counted on from power-on, those after the first
    included."""
    return Point(f"{first.id}+{second.id}", first.faults + second.faults, f"{first.row}, {second.row}", first.column)


class Pairs(Cuts):
    """Pairs of cuts, a sample by the seed: the first one anywhere in the installation, the second one anywhere in the
    installation that follows it. Each is a run of its own."""

    NAME, PART, WHERE = "pairs", INSTALL, "installation"
    NOUN = "pairs of cuts"
    DELIVERED = MEETS = True
    SAMPLE = {"quick": 10, "pr": 60, "full": 500}

    def points(self, tier: str) -> list[Point]:
        """Two cuts in one update, chosen by the seed."""
        rng = random.Random(f"{self.job.settings.seed}:pairs")
        every = self.trunk.swept
        pairs: set[tuple[tuple[int, str], tuple[int, str]]] = set()
        for _ in range(self.SAMPLE[tier]):
            first = rng.choice(every), rng.choice(self.modes)
            second = first[0] + 1 + rng.randrange(len(every)), rng.choice(self.modes)
            pairs.add((first, second))
        return [pair(cut(*first), cut(*second)) for first, second in sorted(pairs)]
