"""`bk7238 zoo IMAGE PACKAGE --bootloader FILE`: will this update work with that boot loader?"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.cli.colour import print_verdict
from bk7238.cli.points_done import PointsDone
from bk7238.cli.sweep import warn
from bk7238.engine.interruption import heard
from bk7238.image import FlashImage, bootloader, flash_image, package, split
from bk7238.sweep.journal import Journal
from bk7238.sweep.plan.packages import Layouts
from bk7238.sweep.point import Job
from bk7238.sweep.report import page
from bk7238.sweep.report.report import Report
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.workers.processes import processes
from bk7238.update.verdict import Verdict

PAGE = "report.html"


def add(commands: Any) -> None:
    """Add `bk7238 zoo`."""
    parser = commands.add_parser("zoo")
    given.add_image(parser)
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="update package (RBL)")
    parser.add_argument(
        "--bootloader",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="another one in front of the image's app: raw, or the full image to take it from (repeatable)",
    )
    parser.add_argument("--tier", choices=("quick", "full"), default="quick", help="how many packages (default: quick)")
    command.add_options(parser, given.MACHINE)
    parser.add_argument(
        "--processes", type=given.whole, default=os.cpu_count() or 1, metavar="N", help="(default: one for each CPU)"
    )
    given.add_quiet(parser)
    given.add_artifacts(parser, required=True)
    parser.set_defaults(run=run)


@heard()
def run(arguments: argparse.Namespace) -> int:
    """Sweep the layouts with each boot loader and write the page of all. Returns the exit status: 1 where the update as
    it is does not end in the new app with the boot loader's own table."""
    if arguments.processes < 1:
        raise given.UsageError("--processes is 1 or more")
    image = given.image(arguments)
    update, settings = given.checked(package.read, arguments.package), given.settings(arguments)
    others = [_behind(path, image) for path in arguments.bootloader]
    jobs = [given.checked(Job, one, update, settings) for one in (image, *others)]
    for job in jobs:
        given.checked(job.update)
    folder = given.artifacts(arguments, clear=(PAGE,))
    assert folder is not None  # the option is required
    reports = []
    for place, job in enumerate(jobs):
        own = folder / page.letter(place)
        own.mkdir(exist_ok=True)
        if place:
            host_files.write_in(own, job.image.name, job.image.data)
            job = replace(job, image=replace(job.image, path=own / job.image.name))
        reports.append(_swept(Layouts(job), arguments))
        reports[-1].save(own)
    saved = [report.saved for report in reports]
    host_files.write_in(folder, PAGE, page.html(saved))
    print(f"{folder / PAGE}: {page.outcome(saved)}")
    return int(any(report.outcomes[0].verdict != Verdict.NEW_APP_RUNS.value for report in reports))


def _behind(path: Path, image: FlashImage) -> FlashImage:
    """The image with the boot loader of a file. Raises UsageError."""
    loader = given.checked(bootloader.read, path, chip=image.chip)
    data = given.checked(split.with_boot_loader, image, loader.data)
    name = f"{Path(image.name).stem}-{Path(loader.name).stem}.bin"
    return given.checked(flash_image.parse, data, name, chip=image.chip)


def _swept(plan: Layouts, arguments: argparse.Namespace) -> Report:
    """The report of one boot loader; its verdicts are printed."""
    points = plan.points(arguments.tier)
    began = time.perf_counter()
    print(f"{plan.job.image.bootloader_version} in {plan.job.image.name}", flush=True)
    shown = PointsDone(plan.NOUN, len(points), quiet=arguments.quiet)
    try:
        start = processes(arguments.processes)
        outcomes = sweep(plan, points, Journal(None, plan), start=start, tell=shown.tell, seen=shown.seen, warn=warn)
    except SweepError as error:
        raise given.UsageError(str(error)) from None
    finally:
        shown.close()
    for point, one in zip(points, outcomes, strict=True):
        if point.row == points[0].row:
            print_verdict(one.verdict, f": {one.reason}", f"  {point.column}: ")
    return Report(plan, points, outcomes, arguments.tier, time.perf_counter() - began)
