"""`bk7238 gdb IMAGE [PACKAGE]`: serve GDB, with the update on its way where a package is given."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.cli import symbols
from bk7238.engine import interruption
from bk7238.image import package

ONLY_WITH_PACKAGE = ("delivered", "faults")


def add(commands: Any) -> None:
    """Add `bk7238 gdb`."""
    parser = commands.add_parser("gdb")
    given.add_image(parser)
    parser.add_argument("package", type=Path, metavar="PACKAGE", nargs="?", help="update package (RBL) to be offered")
    parser.add_argument(
        "--port", type=given.port, default=3333, metavar="N", help="to listen on (default: 3333; 0: any)"
    )
    parser.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="of this host (default: 127.0.0.1, nobody else's)"
    )
    symbols.add(parser)
    parser.add_argument("--break", action="append", default=[], dest="breaks", metavar="FUNCTION", help="stop there")
    parser.add_argument("--run", action="store_true", dest="running", help="do not wait for GDB: attach while it runs")
    names = (*given.NETWORK, *given.MACHINE, *ONLY_WITH_PACKAGE)
    command.add_options(parser, names)
    given.add_artifacts(parser)
    parser.set_defaults(run=run)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Boot the image and serve GDB. Returns the exit status."""
    image = given.image(arguments)
    settings = given.settings(arguments)
    if settings.engine != "unicorn":
        raise given.UsageError(f"the engine {settings.engine} has a GDB server of its own; use unicorn here")
    offered = None if arguments.package is None else given.checked(package.read, arguments.package)
    for name in ("request", "ap_ssid", "ap_psk", *ONLY_WITH_PACKAGE):
        if offered is None and name in arguments:
            raise given.UsageError(f"{command.flag(name)} needs a PACKAGE")
    from bk7238.cli import debugging

    return debugging.run(arguments, settings, image, offered)
