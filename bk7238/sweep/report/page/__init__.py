"""One HTML page of one or several sweeps, side by side, that needs nothing else: no script, font or picture from
elsewhere. It is made of what `sweep.json` holds."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bk7238.sweep.plan import registry
from bk7238.sweep.report.page import cuts, header, matrix, packages
from bk7238.sweep.report.page.shown import Shown
from bk7238.sweep.report.page.text import safe
from bk7238.sweep.report.page.verdicts import chip

SECTIONS: dict[str, tuple[str, str, Callable[[list[Shown]], str]]] = {
    "join": ("Power cuts while the old app starts", cuts.NOTE, cuts.section),
    "download": ("Power cuts in the download", cuts.NOTE, cuts.section),
    "install": ("Power cuts in the installation", cuts.NOTE, cuts.section),
    "rejoin": ("Power cuts while the new app starts", cuts.NOTE, cuts.section),
    "pairs": ("Two power cuts in one installation", f"{cuts.NOTE} {cuts.PAIRS}", cuts.section),
    "network": ("The network", matrix.NOTE, matrix.section),
    "packages": ("Hostile packages and partition tables", packages.NOTE, packages.section),
}

_HERE = Path(__file__).parent


def html(sweeps: list[dict[str, Any]]) -> str:
    """The page. Sweeps of the same subject stand side by side."""
    shown = _shown(sweeps)
    groups = {of: [one for one in shown if one.sweep["of"] == of] for of in SECTIONS}
    titles = {of: SECTIONS[of][0] for of, group in groups.items() if group}
    loaders = ", ".join(dict.fromkeys(one["bootloader"] for one in sweeps))
    return (
        f'<!doctype html>\n<html lang="en"><head>{_head(f"{header.outcome(shown)}: {loaders}")}</head>\n'
        f"<body>{header.header(shown, titles)}\n<main>{''.join(_section(of, groups[of]) for of in titles)}</main>\n"
        '<dialog aria-label="A point"><p class="bar"><button type="button" value="previous">Previous</button>'
        '<button type="button" value="next">Next</button><button type="button" value="close">Close</button></p>'
        f"<div></div></dialog>\n<script>{_text('page.js')}</script></body></html>\n"
    )


def outcome(sweeps: list[dict[str, Any]]) -> str:
    """What the page says first."""
    return header.outcome(_shown(sweeps))


def _shown(sweeps: list[dict[str, Any]]) -> list[Shown]:
    return [Shown(_letter(place), one, registry.PLANS[one["of"]].WELL) for place, one in enumerate(sweeps)]


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else f"S{place + 1}"


def _text(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _head(title: str) -> str:
    """With a policy: no other script than the page's own runs, and nothing is fetched."""
    trusted = base64.b64encode(hashlib.sha256(_text("page.js").encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{trusted}'; base-uri 'none'"
    return (
        f'<meta charset="utf-8"><title>{safe(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{_text('page.css')}</style>"
    )


def _section(of: str, sweeps: list[Shown]) -> str:
    title, note, body = SECTIONS[of]
    well = " ".join(map(chip, sweeps[0].well))
    head = f'<h2>{title}</h2><p class="note">{note} Good ends here: {well}</p>'
    return f'<section id="{of}">{head}{body(sweeps)}</section>\n'
