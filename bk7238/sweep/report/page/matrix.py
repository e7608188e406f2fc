"""The network matrix: a fault in each row, its moment in each column, and in a cell where the device ended. Sweeps of
several boot loaders stand side by side in each cell."""

from __future__ import annotations

from bk7238.sweep.report.page.shown import Shown
from bk7238.sweep.report.page.text import count, safe
from bk7238.sweep.report.page.verdicts import style, word

NOTE = (
    "A fault in each row. The columns say when it strikes: from the power-on, or when that much of the package has "
    "arrived. Each cell opens."
)

Place = tuple[str, str]


def section(sweeps: list[Shown]) -> str:
    cells = [_cells(shown) for shown in sweeps]
    rows = list(dict.fromkeys(row for one in cells for row, _ in one))
    columns = list(dict.fromkeys(column for one in cells for _, column in one))
    differing = _differing(sweeps, cells)
    body = "".join(
        f'<tr><th class="fault" scope="row">{safe(row)}</th>'
        + "".join(_cell(sweeps, cells, (row, column), (row, column) in differing) for column in columns)
        + "</tr>"
        for row in rows
    )
    said = f" In {count(len(differing), 'cell', 'cells')}, framed, they end differently." if len(sweeps) > 1 else ""
    names = ", ".join(shown.name for shown in sweeps)
    return (
        f"<p>{names}.{said}</p>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="The network matrix"><table class="matrix">'
        f"<thead>{_head(sweeps, columns)}</thead><tbody>{body}</tbody></table></div>"
        + "".join(shown.ends_badly() for shown in sweeps)
        + "".join(shown.points(range(len(shown.outcomes)), "Each cell in words") for shown in sweeps)
    )


def _cells(shown: Shown) -> dict[Place, int]:
    """The places of its outcomes."""
    return {(one["row"], one["column"]): place for place, one in enumerate(shown.outcomes)}


def _differing(sweeps: list[Shown], cells: list[dict[Place, int]]) -> set[Place]:
    """Where all of them were run and do not agree."""
    common = set(cells[0]).intersection(*cells)
    return {
        at
        for at in common
        if len({shown.outcomes[one[at]]["verdict"] for shown, one in zip(sweeps, cells, strict=True)}) > 1
    }


def _head(sweeps: list[Shown], columns: list[str]) -> str:
    if len(sweeps) == 1:
        moments = "".join(f'<th scope="col">{safe(column)}</th>' for column in columns)
        return f'<tr><th class="fault" scope="col">fault</th>{moments}</tr>'
    span = f'colspan="{len(sweeps)}" scope="colgroup"'
    moments = "".join(f'<th class="first" {span}>{safe(column)}</th>' for column in columns)
    letters = "".join(_letter(shown, place) for _ in columns for place, shown in enumerate(sweeps))
    return f'<tr><th class="fault" scope="col" rowspan="2">fault</th>{moments}</tr><tr>{letters}</tr>'


def _letter(shown: Shown, place: int) -> str:
    first = "" if place else ' class="first"'
    return f'<th{first} scope="col" title="{safe(shown.sweep["bootloader"])}">{shown.badge}</th>'


def _cell(sweeps: list[Shown], cells: list[dict[Place, int]], at: Place, differs: bool) -> str:
    """One for each sweep."""
    row, column = at
    made = []
    for place, (shown, one) in enumerate(zip(sweeps, cells, strict=True)):
        classes = ["first" * (len(sweeps) > 1 and not place), "differs" * differs]
        if at not in one:
            made.append(f'<td class="{" ".join(filter(None, classes))}" title="not run">&ndash;</td>')
            continue
        outcome = shown.outcomes[one[at]]
        silent = bool(outcome.get("silent"))
        classes += [style(outcome["verdict"]), "silent" if silent else "", "bad" * (one[at] in shown.bad_places)]
        title = f"{shown.letter}: {row}, {column}: {outcome['verdict']}{', the fault never fired' * silent}"
        made.append(
            f'<td class="{" ".join(filter(None, classes))}"><a href="#{shown.anchor(one[at])}" title="{safe(title)}">'
            f"{word(outcome['verdict'])}{'<small>never fired</small>' * silent}</a></td>"
        )
    return "".join(made)
