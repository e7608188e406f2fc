"""Arguments that several commands share, and what makes them wrong: one line, exit status 2, nothing written."""

from __future__ import annotations

import argparse
import os
import shlex
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bk7238 import chip as chips
from bk7238 import host_files
from bk7238.bench import command, values
from bk7238.bench.settings import Settings
from bk7238.chip import Chip
from bk7238.cli.parser import UsageError
from bk7238.formats.scrambling import Coefficients
from bk7238.image import FlashImage, flash_image

if TYPE_CHECKING:
    from bk7238.faults.scenario import Scenario

__all__ = ["UsageError"]

T = TypeVar("T")

NETWORK = (
    *("profile", "ssid", "ap_ssid", "psk", "ap_psk", "router", "hidden", "channel", "ht", "ht40"),
    *("n_only", "b_only", "wmm", "country", "dtim", "misbehaviour"),
    *("request", "update_by", "ota_password", "date"),
)
OUTSIDE = ("serve", "gateway", "gateway_anywhere", "forward", "tap")
MACHINE = ("chip", "flash_key", "flash_size", "devices", "engine", "seed")
"""The settings that several commands take, by what they are about."""


def checked(read: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """What `read` gives, with its ValueError turned into a usage error."""
    try:
        return read(*arguments, **more)
    except ValueError as error:
        raise UsageError(str(error)) from None


flash_size = command.reader(values.flash_size)
whole = command.reader(values.whole)
time = command.reader(values.within)


def port(text: str) -> int:
    """Read the number of a TCP port."""
    number = whole(text)
    if not 0 <= number < 0x10000:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return number


REPLAY = "replay"
"""What every command leaves in its folder of artifacts: a line for a shell that carries it out again."""

OF_A_RUN = (
    *("uart[12].log", "chip.log", "flash.bin", "crash.txt", "gateway.log", "air.pcapng", "80211_keys"),
    *("events.jsonl", "board.json"),
    *("fetched-*.*", "result.json", REPLAY),
)
"""What `ota` and `run` leave in their folder, and `gdb` a part of it."""

_locked: list[int] = []


def artifacts(arguments: argparse.Namespace, clear: Iterable[str] = ()) -> Path | None:
    """Make the folder, see that files can be written there, and keep other commands out until this one ends; remove
    what an earlier one left by these names, and write the command that is carried out. The last check of a command, so
    that nothing is written when another fails."""
    path: Path | None = arguments.artifacts
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        _locked.append(host_files.lock(path))
        for name in clear:
            for left in path.glob(name):
                left.unlink()
        command_line = shlex.join(["bk7238", *arguments.words])
        host_files.write_in(path, REPLAY, f"cd {shlex.quote(str(Path.cwd()))} && {command_line}\n")
    except BlockingIOError:
        raise UsageError(f"{path}: another command writes there; name another folder for the artifacts") from None
    except OSError as error:
        if host_files.is_hosts(error):
            raise
        raise UsageError(f"{path}: {error.strerror or error}; name another folder for the artifacts") from None
    return path


def release() -> None:
    """Let other commands have the folders of this one."""
    while _locked:
        os.close(_locked.pop())


def add_image(parser: argparse.ArgumentParser) -> None:
    """IMAGE, and what takes it whatever it looks like."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="full flash image, CRC-framed")
    add_force(parser)


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add --force."""
    parser.add_argument("--force", action="store_true", help="take an image that looks like another chip's or none")


def image(arguments: argparse.Namespace, usual: Settings | None = None) -> FlashImage:
    """The image that was given, of the chip and with the key of --chip and --flash-key, or else of these settings.
    Raises UsageError."""
    named, key = (vars(arguments).get(name) or getattr(usual, name, None) for name in ("chip", "flash_key"))
    return checked(flash_image.read, arguments.image, force=arguments.force, chip=named, key=key)


def scenario(path: Path | None) -> Scenario | None:
    """What a scenario says, where there is one. Raises UsageError."""
    if path is None:
        return None
    from bk7238.faults import scenario

    return checked(scenario.read, path)


def add_chip(parser: argparse.ArgumentParser, help: str | None = None) -> None:
    """The options --chip and --flash-key, of a command that takes no other settings."""
    command.add_options(parser, ("chip", "flash_key"), None, **({"chip": help} if help else {}))


def chip(arguments: argparse.Namespace) -> Chip | None:
    """What --chip names."""
    return vars(arguments).get("chip")


def key(arguments: argparse.Namespace) -> Coefficients | None:
    """What --flash-key says."""
    return vars(arguments).get("flash_key")


def chip_or_usual(arguments: argparse.Namespace) -> Chip:
    """The chip of a command that has no image to recognise it by, with the key that was given."""
    return (chip(arguments) or chips.usual()).keyed(key(arguments))


def settings(arguments: argparse.Namespace, usual: Settings | None = None, **more: Any) -> Settings:
    """The settings that were given, the others as usual. Raises UsageError."""
    return checked(command.read, arguments, usual, **more)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add --quiet, of a command that tells how it goes on."""
    parser.add_argument("--quiet", action="store_true", help="print the end alone: no story, consoles or progress")


def add_artifacts(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """What every command that runs a machine leaves behind, and says of it."""
    told = "a folder for logs, the flash and the result"
    parser.add_argument("--artifacts", type=Path, required=required, metavar="DIR", help=told)
    parser.add_argument("--log", action="store_true", help="print what the models have to say, on stderr")
