"""A part of a sweep's points, for one of several machines that do not know each other."""

from __future__ import annotations

import re
from typing import NamedTuple

from bk7238.sweep.point import Point


class Shard(NamedTuple):
    """Part `number` (from 1) of `parts`. Each has neighbouring points, and all of them have all points."""

    number: int = 1
    parts: int = 1

    def of(self, points: list[Point]) -> list[Point]:
        """Its points."""
        first, last = (len(points) * place // self.parts for place in (self.number - 1, self.number))
        return points[first:last]

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"


WHOLE = Shard()


def parse(text: str) -> Shard:
    """What `K/N` says. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.parts:
        raise ValueError(f"{text!r} is no K/N with K from 1 to N, such as 2/4")
    return shard
