"""`--symbols ELF[@ADDRESS]`: names and lines of a user's own code."""

from __future__ import annotations

import argparse

from bk7238.bench import command
from bk7238.debug.symbols import symbol_file


def add(parser: argparse.ArgumentParser) -> None:
    """Add --symbols: in `symbols` ELF files, each with the address that it was loaded to."""
    parser.add_argument(
        "--symbols",
        type=command.reader(symbol_file),
        action="append",
        default=[],
        metavar="ELF[@ADDRESS]",
        help="names and lines of your own code, where it crashes (repeatable)",
    )
