"""`bk7238 export SWEEP POINT -o FILE`: the chip's bytes after a power cut, for a programmer or for a further run."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.cli import files, saved_job
from bk7238.engine.interruption import heard
from bk7238.faults import parse
from bk7238.image import package
from bk7238.sweep.point import flash_at


def add(commands: Any) -> None:
    """Add `bk7238 export`."""
    parser = commands.add_parser("export")
    saved_job.add(parser)
    parser.add_argument("point", metavar="POINT", help="as the report names it, such as 1200:torn")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="all bytes of the chip")
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=run)


@heard()
def run(arguments: argparse.Namespace) -> int:
    """Carry the point out to its last cut and write the flash. Returns the exit status."""
    sweep, job = saved_job.read(arguments)
    if job.package is package.NONE:
        raise given.UsageError(f"{arguments.sweep}: a sweep of {sweep.of} cuts no power: there is no flash of a cut")
    one = saved_job.outcome(arguments, sweep, arguments.point)
    flash, time = given.checked(flash_at, job, [parse(fault) for fault in one.faults])
    files.write(arguments.output, flash)
    words = command.words(replace(job.settings, as_is=True), always=("seed",))
    on = shlex.join(["bk7238", "ota", str(arguments.output), str(job.package.path or job.package.name), *words])
    found = {"file": str(arguments.output), "bytes": len(flash), "microseconds": time, "command": on}
    text = f"{arguments.output}: {len(flash):,} bytes, {time / 1e6:.6f} virtual seconds after the power-on; to go on:"
    files.show(found, f"{text}\n  {on}", arguments.json)
    return 0
