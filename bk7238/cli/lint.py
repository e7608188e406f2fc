"""`bk7238 lint [PATH ...]`: what is wrong in scenarios, things, chips, packages, results and the markers of tests."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bk7238.cli.arguments import UsageError
from bk7238.lint import files


def add(commands: Any) -> None:
    """Add `bk7238 lint`."""
    parser = commands.add_parser("lint")
    parser.add_argument(
        "paths", type=Path, nargs="*", metavar="PATH", default=[Path()], help="a file or a folder (default: this one)"
    )
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each finding: file, line, what is wrong and what to write instead. Returns the exit status, 1
    where there is any."""
    looked_at, found = 0, []
    for path in arguments.paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder; name a project's")
        several = files.below(path) if path.is_dir() else [path]
        for one in several:
            looked_at += 1
            found += list(files.findings(one, named=one == path))
    if arguments.json:
        rows = [{"file": str(one.path), "line": one.line, "what": one.what} for one in found]
        print(json.dumps({"files": looked_at, "findings": rows}))
    else:
        for one in found:
            print(one)
        print(f"{looked_at} files, {len(found)} findings")
    return int(bool(found))
