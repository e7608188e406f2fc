"""Power cuts: the flash over the operations, and below it, operation by operation, where each cut ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bk7238.faults.power import AFTER, BEFORE, RANDOM, TORN
from bk7238.sweep.report.page import flash
from bk7238.sweep.report.page.shown import MOST, Shown
from bk7238.sweep.report.page.text import bare, count, safe
from bk7238.sweep.report.page.verdicts import style

NOTE = (
    "Above, the flash over the operations: each column is the flash at that moment. Below each operation, where the "
    "device ends when the power is cut there, a row for each way to cut. Higher bars end badly; what is pale was not "
    "cut."
)
PAIRS = "A mark stands at the first cut of its pair."

_MODES = (BEFORE, TORN, RANDOM, AFTER)
_STRETCHES = 500  # more of them are told apart by their verdicts alone, and that many are put into words
_WELL, _BAD = (0.15, 0.7), (0.0, 1.0)  # top and height of a bar


@dataclass(frozen=True)
class Stretch:
    """Neighbours in a row that end alike: their places among the outcomes, and their operations."""

    row: str
    places: list[int]
    operations: list[int]


def section(sweeps: list[Shown]) -> str:
    return f'<div class="side">{"".join(_panel(shown) for shown in sweeps)}</div>'


def _panel(shown: Shown) -> str:
    sweep = shown.sweep
    rows = _rows(shown)
    stretches = [stretch for row in rows for stretch in row]
    worded = {stretch.places[0]: stretch for stretch in sorted(stretches, key=lambda one: one.places[0])[:_STRETCHES]}
    notes = {place: _note(shown, stretch) for place, stretch in worded.items() if len(stretch.places) > 1}
    drawn = "".join(_row(shown, row, set(worded)) for row in rows if row)
    ends = f"{count(len(shown.outcomes), 'cut', 'cuts')}, {shown.ended}"
    below = f'{flash.axis(sweep)}{flash.key(sweep)}<output aria-live="off"></output>'
    return (
        f'<figure class="cuts" data-first="{sweep["first"]}" data-operations="{flash.compact(sweep)}">'
        f"<figcaption><h3>{shown.name}</h3><p>{safe(sweep['package'])}: {ends}</p></figcaption>"
        f'{flash.picture(sweep)}<div class="map">{drawn}</div>{below}'
        f"{shown.ends_badly()}{shown.points([*worded, *shown.bad[:MOST]], 'The map in words', notes)}</figure>"
    )


def _rows(shown: Shown) -> list[list[Stretch]]:
    """The stretches of each way to cut."""
    ways: dict[str, list[int]] = {}
    for place, one in enumerate(shown.outcomes):
        ways.setdefault(one["row"], []).append(place)
    rows = [(row, ways[row]) for row in sorted(ways, key=_order)]
    alone = shown.sweep["of"] == "pairs"
    found = [list(_stretches(shown, row, places, reasons=True, alone=alone)) for row, places in rows]
    if sum(map(len, found)) > _STRETCHES and not alone:
        found = [list(_stretches(shown, row, places, reasons=False, alone=False)) for row, places in rows]
    return found


def _order(row: str) -> list[tuple[int, str]]:
    return [(_MODES.index(how) if how in _MODES else len(_MODES), how) for how in row.split(", ")]


def _stretches(shown: Shown, row: str, places: list[int], *, reasons: bool, alone: bool) -> Iterator[Stretch]:
    """Pairs of cuts are not neighbours: the second one is anywhere."""

    def like(place: int) -> Any:
        one = shown.outcomes[place]
        return place if alone else (one["verdict"], bare(one["reason"]) if reasons else "")

    for _, group in groupby(sorted(places, key=lambda place: int(shown.outcomes[place]["column"])), key=like):
        members = list(group)
        yield Stretch(row, members, [int(shown.outcomes[place]["column"]) for place in members])


def _note(shown: Shown, stretch: Stretch) -> str:
    first, last = stretch.operations[0], stretch.operations[-1]
    number = len(stretch.places)
    text = f"The first of {number:,} cuts that end alike: {stretch.row}, operations {first:,} to {last:,}"
    text += "" if number == last - first + 1 else ", not each of them was cut"
    reasons = {bare(shown.outcomes[place]["reason"]) for place in stretch.places}
    if len(reasons) > 1:
        text += f". They end for {len(reasons):,} reasons, which sweep.json has"
    return f"{text}. The others are replayed with their own number in place of {first}."


def _row(shown: Shown, row: list[Stretch], worded: set[int]) -> str:
    """A way to cut. Bad ends are higher than good ones and lie on top."""
    first, number = shown.sweep["first"], len(shown.sweep["operations"])
    ordered = sorted(row, key=lambda one: shown.outcomes[one.places[0]]["verdict"] not in shown.well)
    bars = "".join(_bar(shown, stretch, first, stretch.places[0] in worded) for stretch in ordered)
    name = safe(row[0].row)
    return (
        f'<span class="how">{name}</span><svg viewBox="0 0 {number} 1" preserveAspectRatio="none" role="group" '
        f'aria-label="Where cuts end, {name}">{bars}</svg>'
    )


def _bar(shown: Shown, stretch: Stretch, origin: int, worded: bool) -> str:
    """What was cut is solid; what lies between, in a sample, is pale."""
    verdict = shown.outcomes[stretch.places[0]]["verdict"]
    first, last = stretch.operations[0], stretch.operations[-1]
    top, height = _WELL if verdict in shown.well else _BAD
    at = f"operation {first:,}" if first == last else f"operations {first:,} to {last:,}"
    title = safe(f"{stretch.row}, {at}: {verdict} ({count(len(stretch.places), 'cut', 'cuts')})")
    ticks = "".join(
        f"M{start - origin} {top}h{end - start}v{height}h-{end - start}z" for start, end in _runs(stretch.operations)
    )
    pale = ""
    if len(stretch.places) < last - first + 1:
        pale = f'<path class="pale" d="M{first - origin} {top}h{last - first + 1}v{height}h-{last - first + 1}z"/>'
    bar = f'<g class="{style(verdict)}"><title>{title}</title>{pale}<path d="{ticks}"/></g>'
    return f'<a href="#{shown.anchor(stretch.places[0])}" aria-label="{title}">{bar}</a>' if worded else bar


def _runs(operations: list[int]) -> Iterator[tuple[int, int]]:
    """Operations without a gap between them, each run with its end."""
    start = end = operations[0]
    for number in operations:
        if number > end:
            yield start, end
            start = number
        end = number + 1
    yield start, end
