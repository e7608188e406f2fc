"""What a kind of sweep is: its points, by tier, and how to run them faster than one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from bk7238.sweep.point import Job, Outcome, Point, full
from bk7238.update.session import Settings

TIERS = ("quick", "pr", "full")


class NothingToSweep(ValueError):
    """There is nothing to sweep; the message is one line."""


class Plan(ABC):
    """A kind of sweep of one job. It is made once, and goes to the workers as it is: it can be pickled.

    `NAME` is what the user writes, `NOUN` what its points are called, `WELL` where a device may end.
    """

    NAME: ClassVar[str]
    NOUN: ClassVar[str]
    WELL: ClassVar[tuple[str, ...]] = ("new-app-runs", "old-app-runs")
    CHUNK: ClassVar[int] = 1  # points that a worker takes at a time
    VERB: ClassVar[str] = "ota"  # the command that runs a point
    DELIVERED: ClassVar[bool] = False  # the package lies in the download partition from the power-on

    def __init__(self, job: Job) -> None:
        self.job = job
        self.job = replace(job, settings=self.settings(job.settings))

    def settings(self, settings: Settings) -> Settings:
        """The settings of its runs, from those of the job."""
        return replace(settings, delivered=self.DELIVERED)

    @abstractmethod
    def points(self, tier: str) -> list[Point]:
        """The points of a tier, in their order."""

    def chunks(self, points: list[Point], workers: int) -> list[list[Point]]:
        """The points that go to one worker at a time: neighbours together, and something for each worker."""
        size = max(1, min(self.CHUNK, -(-len(points) // workers)))
        return [points[at : at + size] for at in range(0, len(points), size)]

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Run these points and tell the outcome of each."""
        for point in points:
            tell(self.full(point))

    def full(self, point: Point) -> Outcome:
        """The outcome of a point that is run from its beginning."""
        return full(self.job, point)

    @property
    def deciding(self) -> dict[str, Any]:
        """The arguments of registry.make that decide where a point ends, beside its faults and the job."""
        return {}

    @property
    def said(self) -> str:
        """What the points are about, for the line that counts them."""
        return ""
