"""`bk7238 verify SWEEP`: carry a saved sweep out again and compare."""

from __future__ import annotations

import argparse
import os
from typing import Any

from bk7238.cli import arguments as given
from bk7238.cli import files, saved_job
from bk7238.cli.points_done import PointsDone
from bk7238.cli.sweep import warn
from bk7238.engine.interruption import heard
from bk7238.faults import parse
from bk7238.sweep.journal import Journal
from bk7238.sweep.plan import registry
from bk7238.sweep.point import Point
from bk7238.sweep.report import evidence
from bk7238.sweep.report.report import ended
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.workers.processes import processes
from bk7238.update.run_file import versions

SHOWN = 10  # differences that are named


def add(commands: Any) -> None:
    """Add `bk7238 verify`."""
    parser = commands.add_parser("verify")
    saved_job.add(parser)
    parser.add_argument(
        "--processes", type=given.whole, default=os.cpu_count() or 1, metavar="N", help="(default: one for each CPU)"
    )
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    given.add_quiet(parser)
    parser.set_defaults(run=run)


@heard()
def run(arguments: argparse.Namespace) -> int:
    """Compare hashes, run every point again and compare its end. Returns the exit status: 1 where anything differs."""
    if arguments.processes < 1:
        raise given.UsageError("--processes is 1 or more")
    was, job = saved_job.read(arguments)
    folder = arguments.sweep if arguments.sweep.is_dir() else arguments.sweep.parent
    differences = given.checked(evidence.changed, folder)
    plan = given.checked(registry.make, was.of, job, modes=was.modes, depth=was.depth or None)
    points = [Point(one.id, tuple(map(parse, one.faults)), one.row, one.column, one.settings) for one in was.outcomes]
    shown = PointsDone(plan.NOUN, len(points), quiet=arguments.json or arguments.quiet)
    try:
        start, journal = processes(arguments.processes), Journal(None, plan)
        found = sweep(plan, points, journal, start=start, tell=shown.tell, seen=shown.seen, warn=warn)
    except SweepError as error:
        raise given.UsageError(str(error)) from None
    finally:
        shown.close()
    for old, now in zip(was.outcomes, map(ended, points, found), strict=True):
        if old != now:
            differences.append(f"{old.id}: {old.verdict}: {old.reason}; now {now.verdict}: {now.reason}")
    if differences and was.simulator != versions():
        differences.append(f"it was made by {was.simulator}, this is {versions()}")
    result = {"points": len(points), "same": not differences, "differences": differences, "simulator": versions()}
    said = "the same as then" if not differences else f"{len(differences):,} differences"
    text = "\n".join(
        [
            f"{arguments.sweep}: {len(points):,} {was.noun} carried out again: {said}",
            *map("  {}".format, differences[:SHOWN]),
        ]
    )
    files.show(result, text, arguments.json)
    return int(bool(differences))
