"""Arguments that several commands share, and what makes them wrong: one line, exit status 2, nothing written."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from bk7238.engine.engine import NAMES
from bk7238.image import FlashImage, flash_image
from bk7238.update import options

T = TypeVar("T")


class UsageError(Exception):
    """What the user gave cannot be used; the message is one line that says what to give instead."""


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def checked(read: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """What `read` gives, with its ValueError turned into a usage error."""
    try:
        return read(*arguments, **more)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _told(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader whose error argparse shows as it is."""

    def told(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return told


ssid = _told(options.ssid)
passphrase = _told(options.passphrase)
ap_passphrase = _told(options.ap_passphrase)
request = _told(options.request)
channel = _told(options.channel)
flash_size = _told(options.flash_size)


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


def add_image(parser: argparse.ArgumentParser) -> None:
    """IMAGE, and what takes it whatever it looks like."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="full flash image, CRC-framed")
    add_force(parser)


def add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="take an image that looks like no BK7238's all the same")


def image(arguments: argparse.Namespace) -> FlashImage:
    """The image that was given. Raises UsageError."""
    return checked(flash_image.read, arguments.image, force=arguments.force)


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that runs a machine takes."""
    parser.add_argument("--engine", choices=NAMES, default="unicorn", help="who executes (default: unicorn)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of everything random (default: 0)")
    parser.add_argument(
        "--flash-size", type=flash_size, metavar="2M|4M", help="of the chip (default: the smallest that holds IMAGE)"
    )
    parser.add_argument("--artifacts", type=Path, metavar="DIR", help="a folder for logs, the flash and the result")
    parser.add_argument("--log", action="store_true", help="print what the models have to say, on stderr")
