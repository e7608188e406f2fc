"""Hostile packages and tables: what the boot loaders make of each, and first where they differ."""

from __future__ import annotations

from bk7238.sweep.report.page.shown import Shown
from bk7238.sweep.report.page.text import bare, breakable, count, safe
from bk7238.sweep.report.page.verdicts import chip

NOTE = "Each package, or partition table, lies in the flash from the power-on. Each verdict opens."

_ALIKE = "end alike and say something else, numbers aside, which is <mark>marked</mark>"
_SAME, _WORDS, _VERDICT = range(3)


def section(sweeps: list[Shown]) -> str:
    cases = [{one["row"]: place for place, one in enumerate(shown.outcomes)} for shown in sweeps]
    names = list(dict.fromkeys(name for one in cases for name in one))
    rows: dict[int, list[str]] = {_VERDICT: [], _WORDS: [], _SAME: []}
    for name in names:
        places = [one.get(name) for one in cases]
        difference = _difference(sweeps, places)
        rows[difference].append(_row(sweeps, name, places, marked=difference == _WORDS))
    return (
        (_compared(sweeps, rows) if len(sweeps) > 1 else _table(sweeps, rows[_SAME]))
        + "".join(shown.ends_badly() for shown in sweeps)
        + "".join(shown.points(range(len(shown.outcomes)), "Each case in words") for shown in sweeps)
    )


def _compared(sweeps: list[Shown], rows: dict[int, list[str]]) -> str:
    """Where they differ, then the rest, closed."""
    who = "boot loaders" if len({shown.sweep["bootloader"] for shown in sweeps}) > 1 else "sweeps"
    same = len(rows[_SAME])
    if not rows[_VERDICT] + rows[_WORDS]:
        found = f"<p>The {who} agree in {count(same, 'case', 'cases')}.</p>"
    else:
        found = f"<h3>Where the {who} differ</h3>{_part(sweeps, rows[_VERDICT], 'end differently')}" + _part(
            sweeps, rows[_WORDS], _ALIKE
        )
    agreed = f"<summary>Where they agree <small>({same:,})</small></summary>"
    return found + (f"<details>{agreed}{_table(sweeps, rows[_SAME])}</details>" if same else "")


def _part(sweeps: list[Shown], rows: list[str], how: str) -> str:
    return f"<p>In {count(len(rows), 'case', 'cases')} they {how}.</p>{_table(sweeps, rows)}" if rows else ""


def _table(sweeps: list[Shown], rows: list[str]) -> str:
    heads = "".join(f'<th scope="col">{shown.name}</th>' for shown in sweeps)
    return (
        f'<table class="cases"><thead><tr><th scope="col">case</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _difference(sweeps: list[Shown], places: list[int | None]) -> int:
    """Of a case that all of them ran."""
    if None in places:
        return _SAME
    ends = [shown.outcomes[place] for shown, place in zip(sweeps, places, strict=True) if place is not None]
    if len({one["verdict"] for one in ends}) > 1:
        return _VERDICT
    return _WORDS if len({tuple(map(bare, _lines(one["reason"]))) for one in ends}) > 1 else _SAME


def _lines(reason: str) -> list[str]:
    """What a boot loader printed, line by line."""
    head, printed, lines = reason.partition("printed: ")
    return [head + printed.rstrip(), *lines.split(" / ")] if printed else [reason]


def _row(sweeps: list[Shown], name: str, places: list[int | None], *, marked: bool) -> str:
    """`marked` is what not all of them say."""
    ends = [None if place is None else shown.outcomes[place] for shown, place in zip(sweeps, places, strict=True)]
    said = [set(map(bare, _lines(one["reason"]))) for one in ends if one is not None]
    common = set.intersection(*said) if marked else set.union(*said)
    cells = "".join(_cell(shown, place, common) for shown, place in zip(sweeps, places, strict=True))
    return f'<tr><th scope="row"><code>{breakable(name)}</code></th>{cells}</tr>'


def _cell(shown: Shown, place: int | None, common: set[str]) -> str:
    if place is None:
        return f"<td>{shown.badge} not run</td>"
    one = shown.outcomes[place]
    lines = "".join(
        f"<li>{safe(line) if bare(line) in common else f'<mark>{safe(line)}</mark>'}</li>"
        for line in _lines(one["reason"])
    )
    link = f'<a href="#{shown.anchor(place)}">{chip(one["verdict"])}</a>'
    return f"<td>{shown.badge} {link}<ul>{lines}</ul></td>"
