"""The options that let a device reach more than what is simulated, and what is said of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from bk7238.cli import arguments as given
from bk7238.network import host_server
from bk7238.network.events import (
    ConnectionOpened,
    ConnectionReset,
    Event,
    HostConnected,
    HostSilent,
    HostUnreachable,
    Refused,
)

_TOLD = (Refused, HostUnreachable, HostSilent)
_LOGGED = (*_TOLD, HostConnected, ConnectionOpened, ConnectionReset)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gateway", metavar="HOST:PORT", help="let the device reach this server of your machine, and nothing else"
    )
    parser.add_argument("--gateway-anywhere", action="store_true", help="HOST may be another machine's numeric address")
    parser.add_argument("--tap", metavar="NAME", help="bridge the device's network to this Linux TAP interface")
    parser.add_argument(
        "--serve",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="offer FILE on the device's network as well; may be repeated",
    )


def server(arguments: argparse.Namespace) -> host_server.Server | None:
    """The server that the gateway leads to. Raises UsageError for options that do not go together."""
    outside = [option for option in ("gateway", "tap", "serve") if getattr(arguments, option)]
    if len(outside) > 1:
        raise given.UsageError(f"--{outside[0]} and --{outside[1]} do not go together: the device has one network")
    if arguments.gateway is None:
        if arguments.gateway_anywhere:
            raise given.UsageError("--gateway-anywhere needs --gateway HOST:PORT")
        return None
    return given.checked(lambda: host_server.server(arguments.gateway, anywhere=arguments.gateway_anywhere))


def served(arguments: argparse.Namespace) -> dict[str, bytes]:
    """The files of --serve, by the path that they are offered at."""
    files: dict[str, bytes] = {}
    for path in arguments.serve:
        name = "/" + path.name
        if name in files:
            raise given.UsageError(f"{path}: another file is served as {name} already")
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            raise given.UsageError(f"{path}: {error.strerror}; name a file to serve") from None
    return files


def teller(folder: Path | None) -> Callable[[Event], None]:
    """A listener that tells what was refused or failed on stderr, once each, and writes all to gateway.log."""
    seen: set[str] = set()
    log: TextIO | None = None if folder is None else (folder / "gateway.log").open("w")

    def tell(event: Event) -> None:
        if not isinstance(event, _LOGGED):
            return
        if log is not None:
            log.write(f"{event.time / 1e6:12.6f} {event}\n")
            log.flush()
        text = _text(event)
        if text and text not in seen:
            seen.add(text)
            print(f"bk7238: {text}", file=sys.stderr)

    return tell


def _text(event: Event) -> str:
    if isinstance(event, Refused):
        port = "" if event.port is None else f":{event.port}"
        return f"refused: {event.protocol} from {event.client} to {event.destination}{port} ({event.answer})"
    if isinstance(event, HostUnreachable):
        return f"{event.server}: {event.reason}; is the server running?"
    if isinstance(event, HostSilent):
        return f"{event.server} has not answered for {event.seconds:g} seconds: the device's connection is reset"
    return ""
