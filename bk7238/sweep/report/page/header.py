"""The top of the page: the outcome, what was swept, and the verdicts with their numbers, which are the legend too."""

from __future__ import annotations

from collections import Counter

from bk7238.sweep.report.page.shown import Shown
from bk7238.sweep.report.page.text import breakable, count, safe
from bk7238.sweep.report.page.verdicts import chip, meaning, order, style

_COLUMNS = ("swept", "boot loader", "image", "package", "seed", "tier", "time", "ends")


def header(sweeps: list[Shown], sections: dict[str, str]) -> str:
    """`sections` are the titles of those on the page."""
    links = " ".join(f'<a href="#{name}">{title}</a>' for name, title in sections.items())
    contents = f'<nav aria-label="On this page">{links}</nav>' if len(sections) > 1 else ""
    return f"<header><h1>{outcome(sweeps)}</h1>{_swept(sweeps)}{_tiles(sweeps)}{contents}</header>"


def outcome(sweeps: list[Shown]) -> str:
    """In a line."""
    points = sum(len(shown.outcomes) for shown in sweeps)
    bad = sum(len(shown.bad) for shown in sweeps)
    if not points:
        return "NothingToSweep was run"
    if bad:
        return f"{bad:,} of {count(points, 'point', 'points')} {'ends' if bad == 1 else 'end'} badly"
    return f"None of {count(points, 'point', 'points')} ends badly"


def _swept(sweeps: list[Shown]) -> str:
    """A line for each sweep."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", *_COLUMNS))
    rows = "".join(_row(shown) for shown in sweeps)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="What was swept"><table class="swept">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(shown: Shown) -> str:
    one = shown.sweep
    cells = (
        f"{len(shown.outcomes):,} {safe(one['noun'])} {safe(one['said'])}",
        safe(one["bootloader"]),
        *(breakable(one[name]) for name in ("image", "package", "seed", "tier")),
        f"{one['wall_seconds']:,.0f}&nbsp;s",
        f"{_shares(shown)}{shown.ended}",
    )
    said = "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in zip(_COLUMNS, cells, strict=True))
    return f'<tr><th scope="row">{shown.badge}</th>{said}</tr>'


def _shares(shown: Shown) -> str:
    """The verdicts as shares of a bar."""
    bars, at = [], 0
    for verdict, number in sorted(shown.verdicts.items(), key=lambda item: order(item[0])):
        title = safe(f"{verdict}: {number:,}")
        bars.append(f'<g class="{style(verdict)}"><title>{title}</title><path d="M{at} 0h{number}v1h-{number}z"/></g>')
        at += number
    ends = safe(", ".join(f"{verdict} {number:,}" for verdict, number in shown.verdicts.most_common()))
    box = f'viewBox="0 0 {max(1, at)} 1" preserveAspectRatio="none"'
    return f'<svg class="shares" {box} role="img" aria-label="{ends}">{"".join(bars)}</svg>'


def _tiles(sweeps: list[Shown]) -> str:
    verdicts = sum((shown.verdicts for shown in sweeps), Counter[str]())
    tiles = []
    for verdict in sorted(verdicts, key=order):
        each = "".join(f"<i>{one.badge} {one.verdicts[verdict]:,}</i>" for one in sweeps if one.verdicts[verdict])
        shares = f'<p class="each">{each}</p>' if len(sweeps) > 1 else ""
        tiles.append(
            f"<li><strong>{verdicts[verdict]:,}</strong> {chip(verdict)}<small>{meaning(verdict)}</small>{shares}</li>"
        )
    return f'<ul class="tiles">{"".join(tiles)}</ul>'
