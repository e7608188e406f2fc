"""A sweep in a few lines of Markdown, for the summary of a CI job or a comment on a pull request."""

from __future__ import annotations

import re
from collections import Counter

from bk7238.sweep.report import page
from bk7238.sweep.report.page import verdicts
from bk7238.sweep.report.saved import SavedSweep
from bk7238.visible import visible

MOST = 20  # bad points that are listed

_MARKUP = re.compile(r"([\\`*_\[\]#+!|<>~&@:])")


def markdown(sweep: SavedSweep) -> str:
    """The text. What others wrote, such as names of files and reasons, is shown as it is: no markup in it counts."""
    rows = [("image", _with_hash(sweep.image, sweep.image_sha256))]
    rows += [("package", _with_hash(sweep.package, sweep.package_sha256))] if sweep.package else []
    rows += [("boot loader", sweep.bootloader)]
    rows += [("points", f"{len(sweep.outcomes):,} {sweep.noun} {sweep.said}".strip()), ("tier", sweep.tier)]
    rows += [("seed", str(sweep.seed)), ("digest", sweep.digest)]
    tally = Counter(one.verdict for one in sweep.outcomes)
    counted = sorted(tally.items(), key=lambda item: verdicts.order(item[0]))
    lines = [f"### {plain(page.outcome([sweep]))}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {plain(text)} |" for name, text in rows]
    lines += ["", "| verdict | points | |", "|---|---|---|"]
    lines += [f"| {plain(verdict)} | {number:,} | {verdicts.meaning(verdict)} |" for verdict, number in counted]
    bad = sweep.bad_outcomes
    for one in bad[:MOST]:
        lines += ["", f"**{plain(one.id)}**: {plain(one.verdict)}: {plain(one.reason)}", ""]
        lines += ["    " + " ".join(visible(sweep.command(one)).split())]
    if len(bad) > MOST:
        lines += ["", f"and {len(bad) - MOST:,} more: see report.html"]
    return "\n".join(lines) + "\n"


def _with_hash(name: str, sha256: str) -> str:
    """A file's name, and its hash where the sweep knows it."""
    return f"{name}, SHA-256 {sha256}" if sha256 else name


def plain(text: str) -> str:
    """Text on one line in which no character is markup."""
    return _MARKUP.sub(r"\\\1", " ".join(visible(text).split()))
