"""`bk7238 faults [NAME]`: what can go wrong, and how it is written."""

from __future__ import annotations

import argparse
from typing import Any

from bk7238.cli.arguments import UsageError
from bk7238.faults import FaultError, all_kinds, reference_page
from bk7238.faults.fault import kind_of


def add(commands: Any) -> None:
    """Add `bk7238 faults`."""
    parser = commands.add_parser("faults")
    parser.add_argument("kind", nargs="?", metavar="NAME", help="of one fault: all that there is to say about it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the list, or one fault's page. Returns the exit status."""
    if arguments.kind is None:
        print(reference_page.summary(all_kinds()))
        return 0
    try:
        print(reference_page.plain(kind_of(arguments.kind, all_kinds())))
    except FaultError as error:
        raise UsageError(str(error)) from None
    return 0
