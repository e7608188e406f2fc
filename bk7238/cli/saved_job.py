"""The job of a saved sweep: what its replay commands run."""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bk7238.bench.settings import Settings
from bk7238.cli import arguments as given
from bk7238.cli import parser
from bk7238.cli.arguments import UsageError
from bk7238.image import package

if TYPE_CHECKING:
    from bk7238.sweep.point import Job
    from bk7238.sweep.report.saved import SavedOutcome, SavedSweep


def add(parser: argparse.ArgumentParser) -> None:
    """SWEEP, --inputs and --trust."""
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="sweep.json, or the folder of --artifacts with it")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """--inputs and --trust."""
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="DIR",
        help="where the image and the package lie, by their names; without it where the sweep found them",
    )
    parser.add_argument(
        "--trust", action="store_true", help="load the Python code that the sweep's --device and --chip lead to"
    )


def read(arguments: argparse.Namespace) -> tuple[SavedSweep, Job]:
    """The sweep that was named, and its job. Raises UsageError, also for inputs that are not those of the sweep, and
    for a sweep whose runs reach beyond the simulated network, or load code that nobody trusts: who wrote it may be
    anybody."""
    from bk7238.sweep.point import Job
    from bk7238.sweep.report import saved

    sweep = given.checked(saved.read, arguments.sweep)
    words, reader = list(sweep.replay[1:]), parser((sweep.replay[1],))
    told = reader.parse_args(words)
    settings = given.settings(told)
    for own in dict.fromkeys(((), *(one.settings for one in sweep.outcomes))):
        _check(arguments.sweep, given.settings(reader.parse_args([*words, *own])), trusted=arguments.trust)
    updates = "package" in told
    if arguments.inputs is not None:
        told.image, told.package = arguments.inputs / sweep.image, arguments.inputs / sweep.package
    image = given.image(told, settings)
    update = given.checked(package.read, told.package) if updates else package.NONE
    for one, wanted in ((image, sweep.image_sha256), (update, sweep.package_sha256))[: 1 + updates]:
        _same(one, wanted)
    return sweep, given.checked(Job, image, update, settings)


def outcome(arguments: argparse.Namespace, sweep: SavedSweep, name: str) -> SavedOutcome:
    """The outcome of the point of that name. Raises UsageError where there is none."""
    points = {one.id: one for one in sweep.outcomes}
    if name not in points:
        near = f"; its first is {sweep.outcomes[0].id}" if points else ""
        raise UsageError(f"{arguments.sweep}: it has no point {name!r}{near}")
    return points[name]


def point(arguments: argparse.Namespace, name: str) -> tuple[Job, Settings]:
    """The job of a sweep, and the settings of its point of that name, faults included. Raises UsageError as `read`
    does, and for a point that is not there."""
    sweep, job = read(arguments)
    words = sweep.words(outcome(arguments, sweep, name))
    return job, given.settings(parser(words[1:2]).parse_args(words[1:]))


def _check(sweep: Path, settings: Settings, *, trusted: bool) -> None:
    """Raises UsageError for settings of a run that reaches beyond the simulated network, or loads code."""
    for name in given.OUTSIDE:
        if getattr(settings, name):
            raise UsageError(f"{sweep}: its runs reach beyond the simulated network (--{name})")
    if not trusted:
        _refuse_code(sweep, settings)


def _refuse_code(sweep: Path, settings: Settings) -> None:
    """Raises UsageError where a description that the sweep names could load any Python code: one of a device, or of a
    chip that is none of ours and none that was installed."""
    from bk7238.things import file as things

    chip = settings.chip
    described = [one for one in settings.devices if not one.endswith(things.SUFFIX)]
    named = [*described, *([chip.word] if chip is not None and os.sep in chip.word else [])]
    if named:
        raise UsageError(f"{sweep}: its runs load code by way of {named[0]}; say --trust where you trust who wrote it")


def _same(one: Any, wanted: str) -> None:
    found = hashlib.sha256(one.data).hexdigest()
    if wanted and found != wanted:
        raise UsageError(
            f"{one.name}: its SHA-256 is {found}, the sweep was of {wanted}; name its folder with --inputs"
        )
