"""`bk7238 firmware`: which firmware can be called by its name, where it lies on this machine, and to have it there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bk7238 import download, firmware, resources
from bk7238.cli.arguments import UsageError
from bk7238.cli.progress import FetchBar
from bk7238.exit_status import ExitStatus
from bk7238.firmware import KnownFirmware


def add(commands: Any) -> None:
    """Add `bk7238 firmware`."""
    parser = commands.add_parser("firmware")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=type(parser))
    listing = verbs.add_parser("list", help="the shipped firmware and the vendor's, and where each is found")
    listing.add_argument("--json", action="store_true", help="one line for machines")
    listing.set_defaults(run=_list)
    where = verbs.add_parser("where", help="print the folder that holds all of these images")
    where.add_argument("images", nargs="+", metavar="IMAGE")
    where.set_defaults(run=_where)
    fetch = verbs.add_parser("fetch", help="download images of the vendor's that have a public address")
    fetch.add_argument("images", nargs="*", metavar="IMAGE", help="(default: all that are missing)")
    fetch.set_defaults(run=_fetch)


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


def _fetch(arguments: argparse.Namespace) -> int:
    """Download what is not there into the user's cache. Returns the exit status, 1 where something could not be had."""
    known = {image.file: image for image in firmware.manifest()}
    for name in arguments.images:
        if name not in known:
            raise UsageError(f"no image is called {name!r}; there is {', '.join(known)}")
        if known[name].url is None:
            raise UsageError(f"{name} has no public address: {known[name].origin}")
    cache = resources.cache()
    if cache is None:
        raise UsageError("this user has no home: name a folder for the cache with XDG_CACHE_HOME=...")
    failed = False
    for image in [known[name] for name in arguments.images or known]:
        if image.intact:
            print(f"{image.file}: there already, {image.path}")
        elif image.url is None:
            print(f"{image.file}: it has no public address: {image.origin}")
        else:
            failed |= not _download(image, cache)
    return ExitStatus.OTHER_END if failed else ExitStatus.EXPECTED


def _download(image: KnownFirmware, cache: Path) -> bool:
    """Whether it could be had, into this cache; says so."""
    assert image.url is not None and image.sha256 is not None
    shown = FetchBar(image.file)
    try:
        with shown:
            path = download.fetch(image.url, image.sha256, cache / "firmware", image.file, tell=shown.tell)
    except download.DownloadError as error:
        print(f"bk7238: {error}", file=sys.stderr)
        return False
    print(f"{image.file}: {path}")
    return True
