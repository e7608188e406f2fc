"""Hostile packages and tables: what the boot loaders make of each, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from bk7238.sweep.report.page.sweep import PageSweep
from bk7238.sweep.report.page.text import bare
from bk7238.sweep.report.saved import SavedOutcome


@dataclass(frozen=True)
class CaseEnd:
    """What one sweep has of a case: its outcome, and the lines of the reason, each with whether it is marked. Without
    an outcome it was not run."""

    ours: PageSweep
    place: int = -1
    outcome: SavedOutcome | None = None
    lines: list[tuple[str, bool]] = field(default_factory=list)


Row = tuple[str, list[CaseEnd]]


@dataclass(frozen=True)
class Compared:
    """The cases: those of different verdicts, those that differ in their words, and all others."""

    verdict: list[Row] = field(default_factory=list)
    words: list[Row] = field(default_factory=list)
    same: list[Row] = field(default_factory=list)


def compared(sweeps: list[PageSweep]) -> Compared:
    """The cases of these sweeps. A line that not all of them have is marked where it is the words that differ."""
    cases = [{one.row: place for place, one in enumerate(ours.outcomes)} for ours in sweeps]
    found = Compared()
    for name in dict.fromkeys(name for one in cases for name in one):
        places = [one.get(name, -1) for one in cases]
        ends = [ours.outcomes[place] for ours, place in zip(sweeps, places, strict=True) if place >= 0]
        printed = [set(map(bare, _lines(one.reason))) for one in ends]
        ran = len(ends) == len(sweeps)
        verdicts = ran and len({one.verdict for one in ends}) > 1
        words = ran and not verdicts and len({tuple(map(bare, _lines(one.reason))) for one in ends}) > 1
        common = set.intersection(*printed) if words else set.union(*printed)
        row = name, [_end(ours, place, common) for ours, place in zip(sweeps, places, strict=True)]
        (found.verdict if verdicts else found.words if words else found.same).append(row)
    return found


def _end(ours: PageSweep, place: int, common: set[str]) -> CaseEnd:
    if place < 0:
        return CaseEnd(ours)
    one = ours.outcomes[place]
    return CaseEnd(ours, place, one, [(line, bare(line) not in common) for line in _lines(one.reason)])


def _lines(reason: str) -> list[str]:
    """What a boot loader printed, line by line."""
    head, printed, lines = reason.partition("printed: ")
    return [head + printed.rstrip(), *lines.split(" / ")] if printed else [reason]
