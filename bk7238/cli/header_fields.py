"""What stands in the header of a package and in a boot loader, as options: texts, time stamp, key and IV."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from bk7238.cli import arguments as given
from bk7238.cli.arguments import checked
from bk7238.formats import rbl, rbl_body
from bk7238.image import bootloader


def key(text: str) -> bytes:
    """Take an AES key or IV as the bytes that were typed."""
    return os.fsencode(text)


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add --key and --iv."""
    parser.add_argument("-k", "--key", type=key, help="32 characters (default: the one in the shipped boot loaders)")
    parser.add_argument("-i", "--iv", type=key, help="16 characters (default: the one in the shipped boot loaders)")


def _text(size: int) -> Callable[[str], str]:
    """A reader of text for a field of the header: as Latin-1, whatever bytes it has."""

    def read(text: str) -> str:
        data = os.fsencode(text)
        if len(data) > size:
            raise argparse.ArgumentTypeError(f"{text!r} has {len(data)} bytes, the header's field {size}; shorten it")
        return data.decode("latin-1")

    return read


def timestamp(text: str) -> int:
    """Read a time stamp of the RBL header, in seconds since 1970."""
    value = given.whole(text)
    if not 0 <= value <= rbl.LATEST:
        raise argparse.ArgumentTypeError(f"{text} does not fit the header; time stamps go from 0 to {rbl.LATEST}")
    return value


version = _text(rbl.VERSION_SIZE)
partition = _text(rbl.PARTITION_SIZE)


def keys_of(arguments: argparse.Namespace) -> tuple[bytes, bytes]:
    """The AES key and IV that were given, or the usual ones."""
    used = arguments.key or rbl_body.KEY.encode(), arguments.iv or rbl_body.IV.encode()
    checked(bootloader.check_keys, *used)
    return used
