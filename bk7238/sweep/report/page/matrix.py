"""The network matrix: a fault in each row, its moment in each column, and in a cell where the device ended. Sweeps of
several boot loaders stand side by side in each cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bk7238.sweep.report.page.sweep import PageSweep
from bk7238.sweep.report.page.verdicts import style
from bk7238.sweep.report.saved import SavedOutcome


@dataclass(frozen=True)
class Cell:
    """One sweep's part of a cell; without an outcome it was not run."""

    classes: str
    anchor: str = ""
    title: str = "not run"
    outcome: SavedOutcome | None = None


@dataclass(frozen=True)
class Matrix:
    """`differing` is the number of cells in which the sweeps end differently."""

    columns: list[str]
    rows: list[tuple[str, list[Cell]]]
    differing: int


def matrix(sweeps: list[PageSweep]) -> Matrix:
    """The matrix of these sweeps."""
    places = [{(one.row, one.column): place for place, one in enumerate(ours.outcomes)} for ours in sweeps]
    rows = list(dict.fromkeys(row for one in places for row, _ in one))
    columns = list(dict.fromkeys(column for one in places for _, column in one))
    differing = {
        at
        for at in set(places[0]).intersection(*places)
        if len({ours.outcomes[one[at]].verdict for ours, one in zip(sweeps, places, strict=True)}) > 1
    }

    def cells(row: str) -> Iterator[Cell]:
        for column in columns:
            at = row, column
            for number, (ours, one) in enumerate(zip(sweeps, places, strict=True)):
                classes = ["first"] if len(sweeps) > 1 and not number else []
                yield _cell(ours, one.get(at), classes + ["differs"] * (at in differing))

    return Matrix(columns, [(row, list(cells(row))) for row in rows], len(differing))


def _cell(ours: PageSweep, place: int | None, classes: list[str]) -> Cell:
    if place is None:
        return Cell(" ".join(classes))
    one = ours.outcomes[place]
    classes += [style(one.verdict), *(["silent"] if one.silent else []), *(["bad"] if place in ours.bad else [])]
    never = ", the fault never fired" if one.silent else ""
    title = f"{ours.letter}: {one.row}, {one.column}: {one.verdict}{never}"
    return Cell(" ".join(classes), ours.anchor(place), title, one)
