"""Power cuts: the flash over the operations, and below it, operation by operation, where each cut ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from bk7238.sweep.explore.trunk import ALL_MODES
from bk7238.sweep.report.page.flash import Picture
from bk7238.sweep.report.page.sweep import MOST, PageSweep
from bk7238.sweep.report.page.text import bare, count
from bk7238.sweep.report.saved import SavedCuts

_STRETCHES = 500  # more of them are told apart by their verdicts alone, and that many are put into words
_WELL, _BAD = (0.15, 0.7), (0.0, 1.0)  # top and height of a bar


@dataclass(frozen=True)
class Stretch:
    """Neighbours in a row that end alike: their places among the outcomes, and their operations."""

    row: str
    verdict: str
    places: list[int]
    operations: list[int]


@dataclass(frozen=True)
class Bar:
    """A stretch, drawn: what was cut is solid, what lies between, in a sample, is pale. `anchor` is empty where it is
    not put into words."""

    verdict: str
    title: str
    pale: str
    ticks: str
    anchor: str


class Panel:
    """A sweep of power cuts as it is drawn."""

    def __init__(self, ours: PageSweep) -> None:
        assert isinstance(ours.sweep, SavedCuts)
        self._ours, self._sweep = ours, ours.sweep
        self.picture = Picture(ours.sweep)
        self._rows = self._stretched()
        first = sorted((stretch for row in self._rows for stretch in row), key=lambda one: one.places[0])
        self._worded = {stretch.places[0]: stretch for stretch in first[:_STRETCHES]}
        self.places = sorted({*self._worded, *list(ours.bad)[:MOST]})
        self.notes = {place: self._note(one) for place, one in self._worded.items() if len(one.places) > 1}

    @property
    def rows(self) -> Iterator[tuple[str, list[Bar]]]:
        """Each way to cut. Bad ends are higher than good ones and lie on top."""
        for row in self._rows:
            ordered = sorted(row, key=lambda one: one.verdict not in self._sweep.well)
            yield row[0].row, [self._bar(stretch) for stretch in ordered]

    def _stretched(self) -> list[list[Stretch]]:
        """The stretches of each way to cut."""
        ways: dict[str, list[int]] = {}
        for place, one in sorted(enumerate(self._sweep.outcomes), key=lambda item: int(item[1].column)):
            ways.setdefault(one.row, []).append(place)
        rows = [ways[row] for row in sorted(ways, key=_order)]
        found = [list(self._stretches(places, reasons=True)) for places in rows]
        if sum(map(len, found)) > _STRETCHES and self._sweep.of != "pairs":
            found = [list(self._stretches(places, reasons=False)) for places in rows]
        return found

    def _stretches(self, places: list[int], *, reasons: bool) -> Iterator[Stretch]:
        """Pairs of cuts are not neighbours: the second one is anywhere."""
        outcomes = self._sweep.outcomes

        def like(place: int) -> tuple[int, str, str]:
            if self._sweep.of == "pairs":
                return place, "", ""
            return 0, outcomes[place].verdict, bare(outcomes[place].reason) if reasons else ""

        for _, group in groupby(places, key=like):
            members = list(group)
            first = outcomes[members[0]]
            yield Stretch(first.row, first.verdict, members, [int(outcomes[place].column) for place in members])

    def _note(self, stretch: Stretch) -> str:
        first, last = stretch.operations[0], stretch.operations[-1]
        number = len(stretch.places)
        note = f"The first of {number:,} cuts that end alike: {stretch.row}, operations {first:,} to {last:,}"
        note += "" if number == last - first + 1 else ", not each of them was cut"
        reasons = {bare(self._sweep.outcomes[place].reason) for place in stretch.places}
        if len(reasons) > 1:
            note += f". They end for {len(reasons):,} reasons, which sweep.json has"
        return f"{note}. The others are replayed with their own number in place of {first}."

    def _bar(self, stretch: Stretch) -> Bar:
        place, origin = stretch.places[0], self._sweep.first
        first, last = stretch.operations[0], stretch.operations[-1]
        top, height = _WELL if stretch.verdict in self._sweep.well else _BAD
        at = f"operation {first:,}" if first == last else f"operations {first:,} to {last:,}"
        title = f"{stretch.row}, {at}: {stretch.verdict} ({count(len(stretch.places), 'cut', 'cuts')})"

        def block(start: int, end: int) -> str:
            return f"M{start - origin} {top}h{end - start}v{height}h-{end - start}z"

        ticks = "".join(block(start, end) for start, end in _runs(stretch.operations))
        pale = block(first, last + 1) if len(stretch.places) < last - first + 1 else ""
        return Bar(stretch.verdict, title, pale, ticks, self._ours.anchor(place) if place in self._worded else "")


def _order(row: str) -> list[tuple[int, str]]:
    return [(ALL_MODES.index(how) if how in ALL_MODES else len(ALL_MODES), how) for how in row.split(", ")]


def _runs(operations: list[int]) -> Iterator[tuple[int, int]]:
    """Operations without a gap between them, each run with its end."""
    start = end = operations[0]
    for number in operations:
        if number > end:
            yield start, end
            start = number
        end = number + 1
    yield start, end
