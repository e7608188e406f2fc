"""`bk7238 firmware`: which firmware can be called by its name, and where it lies on this machine."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bk7238 import firmware, resources
from bk7238.cli.arguments import UsageError


def add(commands: Any) -> None:
    """Add `bk7238 firmware`."""
    parser = commands.add_parser("firmware", help="list the firmware that can be called by its name")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=type(parser))
    listing = verbs.add_parser("list", help="the shipped firmware and the vendor's, and where each is found")
    listing.add_argument("--json", action="store_true", help="one line for machines")
    listing.set_defaults(run=_list)
    where = verbs.add_parser("where", help="print the folder that holds all of these images")
    where.add_argument("images", nargs="+", metavar="IMAGE")
    where.set_defaults(run=_where)


def _list(arguments: argparse.Namespace) -> int:
    images = [*firmware.shipped(), *firmware.manifest()]
    if arguments.json:
        rows = [
            {"file": i.file, "role": i.role, "origin": i.origin, "path": i.path and str(i.path), "intact": i.intact}
            for i in images
        ]
        print(json.dumps({"images": rows}))
        return 0
    for image in images:
        state = "missing" if image.path is None else "found" if image.intact else "altered"
        print(f"{image.file}\n  {state}: {image.path or 'from ' + image.origin}\n  {image.role}")
    searched = ", ".join(map(str, resources.image_folders()))
    print(f"looked in $BK7238_FIRMWARE, ../shared/firmware, the user's cache and what is shipped ({searched})")
    return 0


def _where(arguments: argparse.Namespace) -> int:
    for folder in resources.image_folders():
        if all((folder / image).is_file() for image in arguments.images):
            print(folder)
            return 0
    raise UsageError(
        f"{' and '.join(arguments.images)} are in no folder; put them into one and name it with "
        "BK7238_FIRMWARE=... (`bk7238 firmware list` says where they come from)"
    )
