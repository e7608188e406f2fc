"""Arguments that several commands share, and what makes them wrong: one line, exit status 2, nothing written."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from bk7238.engine.engine import NAMES

T = TypeVar("T")

MEGABYTE = 0x100000


class UsageError(Exception):
    """What the user gave cannot be used; the message is one line that says what to give instead."""


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def checked(read: Callable[..., T], *arguments: Any) -> T:
    """What `read` gives, with its ValueError turned into a usage error."""
    try:
        return read(*arguments)
    except ValueError as error:
        raise UsageError(str(error)) from None


def ssid(text: str) -> bytes:
    data = os.fsencode(text)
    if not 1 <= len(data) <= 32:
        raise argparse.ArgumentTypeError(f"an SSID has 1 to 32 bytes, this one has {len(data)}")
    if b"\0" in data:
        raise argparse.ArgumentTypeError("an SSID with a zero byte cannot be configured")
    return data


def passphrase(text: str) -> str:
    if not 8 <= len(text) <= 63 or not all(" " <= character <= "~" for character in text):
        raise argparse.ArgumentTypeError("a passphrase has 8 to 63 printable ASCII characters")
    return text


def channel(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 13:
        raise argparse.ArgumentTypeError(f"channels go from 1 to 13, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def whole(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def flash_size(text: str) -> int:
    sizes = {"2M": 2 * MEGABYTE, "4M": 4 * MEGABYTE}
    if text.upper() not in sizes:
        raise argparse.ArgumentTypeError(f"flash sizes are 2M and 4M, not {text!r}")
    return sizes[text.upper()]


def artifacts(path: Path | None) -> Path | None:
    """Make the folder and see that files can be written there. The last check of a command, so that nothing is
    written when another fails."""
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; name another folder for the artifacts") from None
    return path


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that runs a machine takes."""
    parser.add_argument("--engine", choices=NAMES, default="unicorn", help="who executes (default: unicorn)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of everything random (default: 0)")
    parser.add_argument(
        "--flash-size", type=flash_size, metavar="2M|4M", help="of the chip (default: the smallest that holds IMAGE)"
    )
    parser.add_argument("--artifacts", type=Path, metavar="DIR", help="a folder for logs, the flash and the result")
    parser.add_argument("--log", action="store_true", help="print what the models have to say, on stderr")
