"""A folder that can be handed to somebody who was not there: what was tried, with what, what came of it, and how to see
that again.

Beside the artifacts of a sweep it holds evidence.md for people, and SHA256SUMS (as `sha256sum` writes and checks it) of
all that is in it. `bk7238 verify` checks these, and carries the sweep out again.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from bk7238 import host_files
from bk7238.peripherals.nor_endings import SHAPES
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import Cuts
from bk7238.sweep.report import page
from bk7238.sweep.report.page import verdicts
from bk7238.sweep.report.saved import SavedSweep
from bk7238.sweep.report.summary import plain

SUMS, PAGE = "SHA256SUMS", "evidence.md"

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\x00-\x1f]+)")


def save(folder: Path, sweep: SavedSweep) -> None:
    """Write evidence.md, and SHA256SUMS of it and of what a sweep leaves in the folder."""
    host_files.write_in(folder, PAGE, markdown(sweep))
    names = [PAGE, *(name for name in ARTIFACTS if (folder / name).is_file())]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(names)]
    host_files.write_in(folder, SUMS, "".join(lines))


ARTIFACTS = ("sweep.json", "report.html", "junit.xml", "sweep.sarif", "summary.md")
"""What a sweep leaves in its folder and equal sweeps have in common."""


def changed(folder: Path) -> list[str]:
    """What is wrong with the files that SHA256SUMS names, a line each; nothing where there is no such file. Raises
    ValueError where it is none, OSError."""
    if not (folder / SUMS).exists():
        return []
    wrong = []
    for line in host_files.read(folder / SUMS, host_files.RESULTS).decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{folder / SUMS}: no line of sha256sum: {line[:80]!r}")
        path = folder / match[2]
        if not path.is_file():
            wrong.append(f"{match[2]} is missing")
        elif hashlib.sha256(host_files.read(path, host_files.RESULTS)).hexdigest() != match[1]:
            wrong.append(f"{match[2]} is not what it was")
    return wrong


def markdown(sweep: SavedSweep) -> str:
    """The text of evidence.md."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # it makes no HTML
    environment.filters |= {"plain": plain, "meaning": verdicts.meaning}
    tally = Counter(one.verdict for one in sweep.outcomes)
    cuts = issubclass(registry.PLANS[sweep.of], Cuts)
    left = {one.row for one in sweep.outcomes} if cuts else set()
    return environment.from_string((Path(__file__).parent / PAGE).read_text("utf-8")).render(
        sweep=sweep,
        outcome=page.outcome([sweep]),
        tally=sorted(tally.items(), key=lambda item: verdicts.order(item[0])),
        ways=[(way, shape) for way, shape in SHAPES.items() if way in left],
    )
