"""`bk7238 ota IMAGE PACKAGE`: run a whole update over the air and say where the device ended, and why."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.cli import symbols
from bk7238.engine import interruption
from bk7238.image import package
from bk7238.update.verdict import Verdict


def add(commands: Any) -> None:
    """Add `bk7238 ota`."""
    parser = commands.add_parser("ota")
    given.add_image(parser)
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="update package (RBL)")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="faults and what is expected, TOML")
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """All but the files that go in."""
    command.add_options(parser)
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    given.add_quiet(parser)
    symbols.add(parser)
    given.add_artifacts(parser)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Update a device and print how it went. Returns the exit status."""
    symbols.check(arguments)
    update_package = given.checked(package.read, arguments.package)
    wanted = given.scenario(arguments.scenario)
    if wanted is not None and wanted.verdict not in (None, *(verdict.value for verdict in Verdict)):
        raise given.UsageError(f"{arguments.scenario}: {wanted.verdict!r} is no verdict; docs/verdicts.md lists them")
    usual, faults = (None, ()) if wanted is None else (wanted.settings, wanted.faults)
    settings = given.settings(arguments, usual, faults=(*faults, *vars(arguments).get("faults", ())))
    image = given.image(arguments, settings)
    from bk7238.cli import updating

    return updating.run(arguments, settings, image, update_package, wanted)
