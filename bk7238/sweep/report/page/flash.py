"""The flash as a picture: its operations from left to right, addresses from top to bottom, partitions at their places.
A column is the flash at that moment: what was erased stays pale in one colour, what was written in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from bk7238.sweep.report.page.scale import HEIGHT, Scale
from bk7238.sweep.report.page.text import count, safe

_PIXELS = 260  # the height of the picture, as in page.css
_LABEL = 16  # of a partition's name and address

Operation = tuple[int, tuple[str, int, int]]  # with its place among them


def picture(sweep: dict[str, Any]) -> str:
    """Erases and programs, each at its place, and what they leave."""
    scale, number = Scale(sweep), len(sweep["operations"])
    bands = "".join(
        f'<rect class="band{place % 2}" x="0" width="{number}" y="{scale(start):.4g}" '
        f'height="{scale(end) - scale(start):.4g}"/>'
        for place, (_, start, end) in enumerate(sweep["partitions"])
    )
    erased = sum(kind == "erase" for kind, _, _ in sweep["operations"])
    title = f"{count(erased, 'erase', 'erases')} and {count(number - erased, 'program', 'programs')} of the flash"
    every: list[Operation] = list(enumerate(sweep["operations"]))
    left = "".join(
        f'<path class="{kind}s" d="{_left(scale, run, number)}"/>'
        for kind, run in groupby(every, key=lambda one: _kind(one[1][0]))
    )
    drawn = {
        kind: "".join(_mark(scale, one) for one in every if _kind(one[1][0]) == kind) for kind in ("program", "erase")
    }
    return (
        f'<div class="names">{"".join(_names(sweep["partitions"], scale))}</div>'
        f'<svg class="flash" viewBox="0 0 {number} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title}, over the operations">{bands}{left}'
        f'<path class="program" d="{drawn["program"]}"/><path class="erase" d="{drawn["erase"]}"/></svg>'
    )


def key(sweep: dict[str, Any]) -> str:
    """What the colours of the picture say."""
    colours = (("erase", "erase"), ("erases", "erased"), ("program", "program"), ("programs", "written"))
    box = '<svg viewBox="0 0 16 8" aria-hidden="true"><path class="{}" d="M0 0h16v8h-16z"/></svg>'
    items = "".join(f"<span>{box.format(style)}{name}</span>" for style, name in colours)
    bent = "" if Scale(sweep).exact else "<span>Addresses are not to scale: what is operated on is drawn larger.</span>"
    return f'<p class="key">{items}{bent}</p>'


def axis(sweep: dict[str, Any]) -> str:
    """The operations' numbers."""
    first, last = sweep["first"], sweep["first"] + len(sweep["operations"]) - 1
    quarters = sorted({first + (last - first) * quarter // 4 for quarter in range(5)})
    return f'<span class="how">operation</span><div class="axis">{"".join(f"<i>{one:,}</i>" for one in quarters)}</div>'


def compact(sweep: dict[str, Any]) -> str:
    """The operations, for the script that reads them out."""
    return " ".join(f"{_kind(kind)[0]}{start:x}+{size:x}" for kind, start, size in sweep["operations"])


def _kind(kind: str) -> str:
    return "erase" if kind == "erase" else "program"


def _mark(scale: Scale, one: Operation) -> str:
    """An operation in its moment."""
    place, (_, start, size) = one
    top = scale(start)
    return f"M{place} {top:.5g}h1v{scale(start + size) - top:.3g}h-1z"


def _left(scale: Scale, run: Iterable[Operation], right: int) -> str:
    """What operations leave, from their moments on. Those that go on where the one before ended are one shape: then no
    seams are seen between them."""
    path: list[str] = []
    reached = -1
    for place, (_, start, size) in run:
        if start != reached:
            path.append(f"{f'H{right}z' if path else ''}M{right} {scale(start):.6g}")
        reached = start + size
        path.append(f"H{place}V{scale(reached):.6g}")
    return "".join([*path, f"H{right}z"])


def _names(partitions: list[Any], scale: Scale) -> Iterator[str]:
    """Each beside the beginning of its partition, or below the one before it."""
    free = 0.0
    for name, start, _ in sorted(partitions, key=lambda partition: partition[1]):
        top = max(free, _PIXELS * scale(start) / HEIGHT)
        free = top + _LABEL
        yield f'<span style="top:{top:.0f}px">{safe(name)} <code>{start:#x}</code></span>'
