"""The flash as a picture: its operations from left to right, addresses from top to bottom, partitions at their places.
A column is the flash at that moment: what was erased stays pale in one colour, what was written in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby

from bk7238.sweep.report.page.scale import HEIGHT, Scale
from bk7238.sweep.report.page.text import count
from bk7238.sweep.report.saved import FlashOperation, SavedCuts

_PIXELS = 260  # the height of the picture, as in page.css
_LABEL = 16  # of a partition's name and address

Placed = tuple[int, FlashOperation]  # with its place among them


class Picture:
    """Erases and programs, each at its place, and what they leave."""

    def __init__(self, sweep: SavedCuts) -> None:
        self._sweep = sweep
        self._scale = Scale(sweep)
        self._every: list[Placed] = list(enumerate(sweep.operations))
        self.width, self.height = len(sweep.operations), round(HEIGHT)
        self.exact = self._scale.exact

    @cached_property
    def title(self) -> str:
        """How many erases and programs there are."""
        erased = sum(one.kind == "erase" for one in self._sweep.operations)
        programs = count(self.width - erased, "program", "programs")
        return f"{count(erased, 'erase', 'erases')} and {programs} of the flash"

    @property
    def bands(self) -> Iterator[tuple[str, str]]:
        """Top and height of each partition."""
        for one in self._sweep.partitions:
            top, bottom = self._scale(one.start), self._scale(one.end)
            yield f"{top:.4g}", f"{bottom - top:.4g}"

    @property
    def left(self) -> Iterator[tuple[str, str]]:
        """The shapes of what runs of erases, and of programs, leave: kind and path."""
        for kind, run in groupby(self._every, key=lambda one: _kind(one[1])):
            yield kind, self._left(run)

    def marks(self, kind: str) -> str:
        """The path of all erases, or programs, each in its moment."""
        return "".join(self._mark(place, one) for place, one in self._every if _kind(one) == kind)

    @property
    def names(self) -> Iterator[tuple[int, str, int]]:
        """Pixels from the top, name and address of each partition, beside its beginning or below the one before it."""
        free = 0.0
        for one in sorted(self._sweep.partitions, key=lambda one: one.start):
            top = max(free, _PIXELS * self._scale(one.start) / HEIGHT)
            free = top + _LABEL
            yield round(top), one.name, one.start

    @property
    def axis(self) -> list[int]:
        """Numbers of operations, for the axis."""
        first, last = self._sweep.first, self._sweep.first + self.width - 1
        return sorted({first + (last - first) * quarter // 4 for quarter in range(5)})

    @property
    def compact(self) -> str:
        """The operations, for the script that reads them out."""
        return " ".join(f"{_kind(one)[0]}{one.address:x}+{one.length:x}" for one in self._sweep.operations)

    def _mark(self, place: int, one: FlashOperation) -> str:
        top = self._scale(one.address)
        return f"M{place} {top:.5g}h1v{self._scale(one.address + one.length) - top:.3g}h-1z"

    def _left(self, run: Iterable[Placed]) -> str:
        """Operations that go on where the one before ended are one shape: then no seams are seen between them."""
        path: list[str] = []
        reached = -1
        for place, one in run:
            if one.address != reached:
                path.append(f"{f'H{self.width}z' if path else ''}M{self.width} {self._scale(one.address):.6g}")
            reached = one.address + one.length
            path.append(f"H{place}V{self._scale(reached):.6g}")
        return "".join([*path, f"H{self.width}z"])


def _kind(one: FlashOperation) -> str:
    return "erase" if one.kind == "erase" else "program"
