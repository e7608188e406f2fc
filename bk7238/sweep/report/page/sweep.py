"""A sweep on the page, with its letter and its points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bk7238.sweep.report.page import verdicts
from bk7238.sweep.report.saved import SavedOutcome, SavedSweep

MOST = 200  # points that ended badly and are listed


@dataclass(frozen=True)
class PageSweep:
    """A place is that of an outcome in the sweep."""

    letter: str
    sweep: SavedSweep

    @property
    def outcomes(self) -> tuple[SavedOutcome, ...]:
        """One of each point."""
        return self.sweep.outcomes

    @cached_property
    def bad(self) -> dict[int, SavedOutcome]:
        """Those of the outcomes that end where no device should, by place, the worst first."""
        found = [(place, one) for place, one in enumerate(self.outcomes) if one.verdict not in self.sweep.well]
        return dict(sorted(found, key=lambda item: verdicts.order(item[1].verdict)[0], reverse=True))

    @cached_property
    def verdicts(self) -> Counter[str]:
        """How often each verdict came."""
        return Counter(one.verdict for one in self.outcomes)

    @property
    def ended(self) -> str:
        """How many points end badly, in words."""
        if not self.outcomes:
            return "nothing was run"
        return f"{len(self.bad):,} end badly" if self.bad else "all end well"

    @property
    def shares(self) -> Iterator[tuple[str, int, int]]:
        """Each verdict with the number of points before it and its own, from good to bad."""
        at = 0
        for verdict, number in sorted(self.verdicts.items(), key=lambda item: verdicts.order(item[0])):
            yield verdict, at, number
            at += number

    def bad_first(self, places: Iterable[int]) -> list[int]:
        """These places, those that end badly before the others."""
        return sorted(places, key=lambda place: place not in self.bad)

    def anchor(self, place: int) -> str:
        """The id of the element about an outcome."""
        return f"{self.letter}-{place}"
