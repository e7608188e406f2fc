"""`bk7238 sweep IMAGE PACKAGE`: the same update again and again, each time with something else going wrong."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.cli import symbols
from bk7238.cli.colour import print_verdict
from bk7238.cli.points_done import PointsDone, preparing
from bk7238.debug import attach, crash
from bk7238.engine import interruption
from bk7238.faults.kinds.power import CUTS
from bk7238.image import package
from bk7238.sweep.journal import Journal, JournalError, check
from bk7238.sweep.plan import registry, shard
from bk7238.sweep.point import Job, Point
from bk7238.sweep.report import evidence
from bk7238.sweep.report.report import Report
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.workers.cluster import cluster
from bk7238.sweep.workers.processes import processes
from bk7238.update.verdict import Verdict

TIERS = ("quick", "pr", "full")
MODES = (*CUTS, registry.ALL)


def add(commands: Any) -> None:
    """Add `bk7238 sweep`."""
    parser = commands.add_parser("sweep")
    given.add_image(parser)
    parser.add_argument(
        "package", type=Path, nargs="?", metavar="PACKAGE", help="update package (RBL); none with --of life"
    )
    parser.add_argument(
        "--of",
        choices=tuple(registry.PLANS),
        default="install",
        help="power cuts in the installation (default), in the download, or while the old or the new app starts; "
        "second: each cut in the installation with every one in what follows; pairs: a sample of these, each in full; "
        "each fault of the network at several moments; network-cuts: each with a power cut in the download; "
        "life: no update, but restarts of the router of several kinds and lengths; "
        "hostile packages and tables; or packages with several tables",
    )
    parser.add_argument("--tier", choices=TIERS, default="quick", help="how many points (default: quick)")
    parser.add_argument(
        "--mode",
        action="append",
        choices=MODES,
        metavar="WAY",
        help=f"how power is cut: {', '.join(MODES)} (repeatable; default: before, torn, after)",
    )
    parser.add_argument(
        "--depth", type=given.whole, metavar="N", help="with --of second: cuts one after the other, 2 (default) or 3"
    )
    parser.add_argument(
        "--fault",
        action="append",
        metavar="SPEC",
        help="with --of network: this fault over the whole download, instead of all at a few moments; with --of "
        "network-cuts: this one instead of all (repeatable)",
    )
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        choices=[verdict.value for verdict in Verdict],
        metavar="VERDICT",
        help="an end that is not good enough for this product, such as device-waits (repeatable)",
    )
    command.add_options(parser, (*given.NETWORK, *given.MACHINE))
    parser.add_argument(
        "--processes", type=given.whole, default=os.cpu_count() or 1, metavar="N", help="(default: one for each CPU)"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work instead")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="go on from here, and keep what is found here")
    parser.add_argument(
        "--shard",
        type=command.reader(shard.parse),
        default=shard.WHOLE,
        metavar="K/N",
        help="the Kth of N parts of the points; `bk7238 report` joins the parts",
    )
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    symbols.add(parser)
    given.add_quiet(parser)
    given.add_artifacts(parser)
    parser.add_argument(
        "--evidence",
        type=Path,
        metavar="DIR",
        help="the same, with evidence.md and SHA256SUMS: what can be handed to others, and `bk7238 verify` checks",
    )
    parser.set_defaults(run=run)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Run the sweep and write its reports. Returns the exit status."""
    symbols.check(arguments)
    image = given.image(arguments)
    update_package = _package(arguments)
    if arguments.processes < 1:
        raise given.UsageError("--processes is 1 or more")
    job = given.checked(Job, image, update_package, given.settings(arguments))
    given.checked(job.alone if update_package is package.NONE else job.update)
    start = given.checked(_start, arguments)
    given.checked(check, arguments.journal)
    if arguments.evidence is not None:
        if arguments.artifacts is not None:
            raise given.UsageError("--evidence and --artifacts are one folder: give one of them")
        arguments.artifacts = arguments.evidence
    folder = given.artifacts(arguments, clear=(*evidence.ARTIFACTS, evidence.PAGE, evidence.SUMS, _CRASH.format("*")))
    began = time.perf_counter()
    modes, faults = tuple(arguments.mode or ()), tuple(arguments.fault or ())
    try:
        with preparing(registry.PLANS[arguments.of].NOUN, quiet=arguments.json or arguments.quiet):
            plan = given.checked(
                lambda: registry.make(arguments.of, job, modes=modes, faults=faults, depth=arguments.depth)
            )
            journal = given.checked(Journal, arguments.journal, plan)
            points = arguments.shard.of(plan.points(arguments.tier))
    except interruption.Interrupted:
        warn("no point was begun: there is no report")
        raise
    before = [journal.outcomes[point.id].verdict for point in points if point.id in journal.outcomes]
    progress = PointsDone(plan.NOUN, len(points), before, quiet=arguments.json or arguments.quiet)
    try:
        outcomes = sweep(plan, points, journal, start=start, tell=progress.tell, seen=progress.seen, warn=warn)
    except (SweepError, JournalError) as error:
        raise given.UsageError(str(error)) from None
    except interruption.Interrupted:  # raised again once there is a report of what is done
        warn(f"the report is of {sum(point.id in journal.outcomes for point in points)} of {len(points)} points")
        points = [point for point in points if point.id in journal.outcomes]
        outcomes = [journal.outcomes[point.id] for point in points]
    finally:
        progress.close()
    fail_on = tuple(arguments.fail_on)
    report = Report(plan, points, outcomes, arguments.tier, time.perf_counter() - began, arguments.shard, fail_on)
    if folder is not None:
        report.save(folder)
        if arguments.evidence is not None:
            evidence.save(folder, report.saved)
    if arguments.json:
        short = {name: value for name, value in report.as_json().items() if name not in _LONG}
        print(json.dumps({**short, "wall_seconds": round(report.wall_seconds, 1)}))
    else:
        _print(report, folder)
    if folder is not None and arguments.symbols:
        with preparing("crashes", quiet=arguments.json or arguments.quiet):
            _save_crashes(report, points, arguments.symbols, folder)
    return int(bool(report.bad))


_SHOWN = 10  # bad points
_CRASH = "crash-{}.txt"
_LONG = ("outcomes", "operations", "partitions")


def _package(arguments: argparse.Namespace) -> package.Package:
    """The package, or `NONE` where the sweep is of no update."""
    updates = registry.PLANS[arguments.of].VERB == "ota"
    if updates == (arguments.package is None):
        raise given.UsageError(f"a sweep of {arguments.of} {'needs a PACKAGE' if updates else 'takes no PACKAGE'}")
    if updates:
        return given.checked(package.read, arguments.package)
    if arguments.symbols or arguments.evidence:
        raise given.UsageError(f"a sweep of {arguments.of} takes neither --symbols nor --evidence")
    return package.NONE


def _start(arguments: argparse.Namespace) -> Any:
    """Who does the work."""
    if arguments.scheduler is not None:
        return cluster(arguments.scheduler, warn=warn)
    return processes(arguments.processes)


def _save_crashes(report: Report, points: list[Point], files: Any, folder: Path) -> None:
    """Run the first bad points again, and write where the guest crashed in them: crash-ID.txt."""
    bad = [one.id for one in report.bad[:_SHOWN]]
    for point in [point for point in points if point.id in bad]:
        interruption.check()
        update = report.plan.job.update(*point.faults)
        crashes = crash.Watcher(update.machine, partial(attach.known_symbols, update.machine, files))
        update.run()
        crashes.save(folder, _CRASH.format(re.sub("[^0-9A-Za-z.-]+", "-", point.id)))


def warn(text: str) -> None:
    """A warning on stderr."""
    print(f"bk7238: warning: {text}", file=sys.stderr)


def _print(report: Report, folder: Path | None) -> None:
    said = f" {report.plan.said}" if report.plan.said else ""
    print(f"{len(report.outcomes):,} {report.plan.NOUN}{said}")
    for verdict, number in report.verdicts.most_common():
        print_verdict(verdict, f": {number:,}", "  ")
    shared = sum(bool(one.shared) for one in report.outcomes)
    alone = sum(one.merged is None and not one.shared for one in report.outcomes)
    print(f"  {alone:,} run to their end, {shared:,} with the boot or the future of another")
    for one in report.bad[:_SHOWN]:
        print_verdict(one.verdict, f": {one.reason}\n    {report.replay(one)}", f"  {one.id}: ")
    if report.states:
        print(
            f"  {report.states:,} states of the flash, from which the boot loader goes on in {report.recoveries:,} ways"
        )
    print(f"  digest {report.digest}, seed {report.plan.job.settings.seed}")
    print(f"  {report.wall_seconds:.0f} s" + (f", report in {folder}" if folder is not None else ""))
