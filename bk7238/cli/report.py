"""`bk7238 report SWEEP... -o PAGE`: saved sweeps on one page, those of the same subject side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bk7238.cli import files
from bk7238.cli.arguments import UsageError, checked
from bk7238.sweep.report import page, saved


def add(commands: Any) -> None:
    """Add `bk7238 report`."""
    parser = commands.add_parser("report")
    parser.add_argument(
        "sweeps", type=Path, nargs="+", metavar="SWEEP", help="sweep.json, or the folder of --artifacts that holds one"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PAGE", help="the HTML file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page of the sweeps. Returns the exit status."""
    sweeps = checked(saved.joined, [checked(saved.read, path) for path in arguments.sweeps])
    output = arguments.output
    if any(output.resolve() in (path.resolve(), (path / "sweep.json").resolve()) for path in arguments.sweeps):
        raise UsageError(f"{output}: that is one of the sweeps; name another file with -o")
    files.write(output, page.html(sweeps).encode())
    print(f"{output}: {page.outcome(sweeps)}")
    return 0
