"""`--symbols ELF[@ADDRESS]`: names and lines of a user's own code."""

from __future__ import annotations

import argparse

from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.debug import symbols


def add(parser: argparse.ArgumentParser) -> None:
    """Add --symbols: in `symbols` ELF files, each with the address that it was loaded to."""
    parser.add_argument(
        "--symbols",
        type=command.reader(symbols.symbol_file),
        action="append",
        default=[],
        metavar="ELF[@ADDRESS]",
        help="names and lines of your own code, where it crashes (repeatable)",
    )


def check(arguments: argparse.Namespace) -> None:
    """See that what was given are ELFs with symbols, before anything is done. Raises UsageError."""
    given.checked(symbols.check, arguments.symbols)
