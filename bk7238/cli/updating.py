"""A device that is updated as `bk7238 ota` was told, and what is printed of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bk7238 import host_files
from bk7238.bench.settings import Settings
from bk7238.bench.steps import Steps
from bk7238.cli import arguments as given
from bk7238.cli import outside
from bk7238.cli.colour import print_verdict
from bk7238.cli.progress import Teller
from bk7238.cli.recording import recorded
from bk7238.debug import attach, crash
from bk7238.faults.scenario import Scenario
from bk7238.image import FlashImage, Package
from bk7238.peripherals.core import Signal
from bk7238.update.result import Result, did, warnings
from bk7238.update.session import Update


def run(
    arguments: argparse.Namespace,
    settings: Settings,
    image: FlashImage,
    update_package: Package,
    wanted: Scenario | None,
) -> int:
    """Update the device and print how it went. Returns the exit status."""
    wanted = Scenario() if wanted is None else wanted
    teller = Teller(quiet=arguments.json or arguments.quiet)
    told = Signal()
    told.connect(teller.tell)
    update = given.checked(Update, image, update_package, settings, told)
    steps = given.checked(Steps, update.machine, wanted.steps)
    folder = given.artifacts(arguments, clear=given.OF_A_RUN)
    for damage in update_package.damage:
        print(f"bk7238: warning: {update_package.name}: {damage}", file=sys.stderr)
    crashes = crash.Watcher(update.machine, lambda: attach.known_symbols(update.machine, arguments.symbols))
    if arguments.log:
        update.machine.log.on_record.connect(lambda record: print(record, file=sys.stderr))
    outside.follow(update.forwarder, update.air.on_event, settings, folder)
    with teller, recorded(folder, update, told):
        result = update.run()
    if folder is not None:
        _write(folder, update, result)
    crashes.tell(folder)
    if arguments.json:
        met = {"as_expected": not wanted.differs(result)} if wanted.expects else {}
        print(json.dumps({**result.as_json(), **met}))
    else:
        _print(result, folder)
    for warning in warnings(result.verdict, result.silent):
        print(f"bk7238: warning: {warning}", file=sys.stderr)
    differs = wanted.differs(result) or steps.unmet
    if differs:
        print(f"bk7238: {arguments.scenario}: {differs}", file=sys.stderr)
    elif wanted.expects and not arguments.json:
        print(f"  as expected by {arguments.scenario}: {wanted.expected}")
    return int(bool(differs)) if wanted.expects or differs else result.verdict.exit_status


def _print(result: Result, folder: Path | None) -> None:
    speed = result.virtual_seconds / result.wall_seconds
    before, after = result.from_version or "not seen", result.to_version or "no new version"
    print_verdict(result.verdict.value, f": {before} -> {after}", "\n")
    print(
        f"  {result.reason}\n"
        f"  versions: {result.versions}\n"
        f"  {result.virtual_seconds:.3f} virtual seconds in {result.wall_seconds:.1f} s ({speed:.1f} times real time), "
        f"{result.instructions:,} instructions\n"
        f"  digest {result.digest}, seed {result.seed}, engine {result.engine}"
    )
    for fault in result.faults:
        if fault["fired"]:
            print(f"  fault {did(fault)}")
    if folder is not None:
        print(f"  artifacts in {folder}")


def _write(folder: Path, update: Update, result: Result) -> None:
    update.machine.save(folder)
    host_files.write_in(folder, "result.json", json.dumps(result.as_json(), indent=2) + "\n")
