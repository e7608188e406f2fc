"""One HTML page of one or several sweeps, side by side, that needs nothing else: no script, font or picture from
elsewhere. All text of a sweep is hostile (names of files, faults, what a device printed): the templates escape it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from bk7238.sweep.report.page import cuts, matrix, packages, text, verdicts
from bk7238.sweep.report.page.sweep import MOST, PageSweep
from bk7238.sweep.report.saved import SavedSweep

SECTIONS = {
    "join": ("Power cuts while the old app starts", "cuts.html"),
    "download": ("Power cuts in the download", "cuts.html"),
    "install": ("Power cuts in the installation", "cuts.html"),
    "rejoin": ("Power cuts while the new app starts", "cuts.html"),
    "second": ("Every second power cut in the installation", "cuts.html"),
    "pairs": ("Two power cuts in one installation", "cuts.html"),
    "network": ("The network", "matrix.html"),
    "network-cuts": ("A fault of the network and a power cut", "matrix.html"),
    "life": ("Outages of the router", "matrix.html"),
    "packages": ("Hostile packages and partition tables", "packages.html"),
    "layouts": ("Packages, layouts and boot loaders", "layouts.html"),
}

TEMPLATES = Path(__file__).parent / "templates"


class _Joined(Extension):
    """Line breaks and indentation of a template are for its readers: the page has none of them."""

    def preprocess(self, source: str, _name: str | None, _filename: str | None = None) -> str:
        return "".join(line.strip() for line in source.splitlines())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.visible,
        extensions=[_Joined],
    )
    environment.filters |= {
        "breakable": text.breakable,
        "meaning": verdicts.meaning,
        "style": verdicts.style,
        "thousands": "{:,}".format,
        "word": verdicts.word,
    }
    environment.globals |= {
        "compared": packages.compared,
        "count": text.count,
        "matrix": matrix.matrix,
        "most": MOST,
        "panel": cuts.Panel,
    }
    return environment


def html(sweeps: list[SavedSweep]) -> str:
    """The page. Sweeps of the same kind stand side by side."""
    ours = [PageSweep(letter(place), one) for place, one in enumerate(sweeps)]
    groups = {of: [one for one in ours if one.sweep.of == of] for of in SECTIONS}
    tally = sum((one.verdicts for one in ours), Counter[str]())
    script = (TEMPLATES / "page.js").read_text("utf-8")
    trusted = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template("page.html")
    return page.render(
        outcome=outcome(sweeps),
        # No other script than the page's own runs, and nothing is fetched.
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{trusted}'; base-uri 'none'",
        style=Markup((TEMPLATES / "page.css").read_text("utf-8")),
        script=Markup(script),
        sweeps=ours,
        tally={verdict: tally[verdict] for verdict in sorted(tally, key=verdicts.order)},
        sections=[(of, *SECTIONS[of], group) for of, group in groups.items() if group],
    )


def outcome(sweeps: list[SavedSweep]) -> str:
    """The page's heading: how many points end badly."""
    points = sum(len(one.outcomes) for one in sweeps)
    bad = sum(end.verdict not in one.well for one in sweeps for end in one.outcomes)
    if not points:
        return "Nothing was run"
    if bad:
        return f"{bad:,} of {text.count(points, 'point', 'points')} {'ends' if bad == 1 else 'end'} badly"
    return f"None of {text.count(points, 'point', 'points')} ends badly"


def letter(place: int) -> str:
    """What a sweep is called on the page, by its place (from 0)."""
    return chr(ord("A") + place) if place < 26 else f"S{place + 1}"
