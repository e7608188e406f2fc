"""Where an address is in the picture of the flash: to scale, but nothing that is operated on gets too thin to see."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from bk7238.sweep.report.saved import SavedCuts

HEIGHT = 1000.0
_GAP = 0x8000  # operated parts that are nearer than this are one
_MANY = 8  # with more parts than this, all is to scale
_LEAST = 0.1  # of the height, for an operated part
_LEAST_IDLE = 0.05  # for another one


class Scale:
    """Of the partitions and operations of a sweep. `exact` says whether all is to scale."""

    def __init__(self, sweep: SavedCuts) -> None:
        borders = {address for one in sweep.partitions for address in (one.start, one.end)}
        operated = _operated(
            sorted((one.address, one.address + one.length) for one in sweep.operations), sorted(borders)
        )
        edges = borders | {edge for part in operated for edge in part}
        self._edges = sorted({0, 1, sweep.flash_size, *edges})
        sizes = [end - start for start, end in pairwise(self._edges)]
        total = self._edges[-1]
        starts = {start for start, _ in operated}
        least = [_LEAST if start in starts else _LEAST_IDLE for start in self._edges[:-1]]
        self.exact = len(operated) > _MANY or not operated
        shares = [size / total for size in sizes] if self.exact else _shares(sizes, least)
        self._tops = [0.0]
        for share in shares:
            self._tops.append(self._tops[-1] + HEIGHT * share)

    def __call__(self, address: int) -> float:
        """How far below the top."""
        place = min(max(bisect_right(self._edges, address) - 1, 0), len(self._edges) - 2)
        start, end = self._edges[place : place + 2]
        top, bottom = self._tops[place : place + 2]
        return float(top + (bottom - top) * (address - start) / (end - start))


def _operated(spans: list[tuple[int, int]], borders: list[int]) -> list[tuple[int, int]]:
    """The parts of the flash that are operated on; none of them crosses a border."""
    parts: list[tuple[int, int]] = []
    for start, end in spans:
        within = parts and bisect_right(borders, parts[-1][0]) == bisect_right(borders, start)
        if within and start <= parts[-1][1] + _GAP:
            parts[-1] = parts[-1][0], max(parts[-1][1], end)
        else:
            parts.append((start, end))
    return parts


def _shares(sizes: list[int], least: list[float]) -> list[float]:
    """Of the height: as the sizes are, but none below its least."""
    total = sum(sizes)
    raised = [max(size / total, floor) for size, floor in zip(sizes, least, strict=True)]
    spare = [share - floor for share, floor in zip(raised, least, strict=True)]
    factor = max(0.0, 1 - sum(least)) / (sum(spare) or 1.0)
    shares = [floor + factor * over for floor, over in zip(least, spare, strict=True)]
    return [share / sum(shares) for share in shares]
