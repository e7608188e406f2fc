"""What is told of a device that reaches more than what is simulated."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bk7238 import host_files
from bk7238.bench.settings import Settings
from bk7238.network.events import (
    ConnectionBroken,
    ConnectionOpened,
    Event,
    ForwardedConnection,
    ForwardFailed,
    HostConnected,
    HostSilent,
    HostUnreachable,
    Refused,
)
from bk7238.network.forward import Forwarder
from bk7238.network.host_server import Forward
from bk7238.peripherals.core import Signal

_TOLD = (Refused, HostUnreachable, HostSilent, ForwardFailed)
_LOGGED = (*_TOLD, HostConnected, ForwardedConnection, ConnectionOpened, ConnectionBroken)


def follow(forwarder: Forwarder | None, on_event: Signal, settings: Settings, folder: Path | None) -> None:
    """Say where forwarded ports are, and from now on what becomes of connections with the host."""
    if forwarder is not None:
        tell_of(forwarder, settings.forward)
    if settings.gateway or settings.forward:
        on_event.connect(teller(folder))


def teller(folder: Path | None) -> Callable[[Event], None]:
    """A listener that tells what was refused or failed on stderr, once each, and writes all to gateway.log."""
    seen: set[str] = set()
    log = None if folder is None else host_files.create_in(folder, "gateway.log")

    def tell(event: Event) -> None:
        if not isinstance(event, _LOGGED):
            return
        if log is not None:
            log.write(f"{event.time / 1e6:12.6f} {event}\n".encode("utf-8", "backslashreplace"))
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
    if isinstance(event, ForwardFailed):
        return f"forwarded to {event.device}: {event.reason}"
    return ""


def tell_of(forwarder: Forwarder, forwards: Sequence[Forward]) -> None:
    """Say on stderr where forwarded ports are."""
    for one, at in zip(forwards, forwarder.addresses, strict=True):
        print(f"bk7238: {at} is port {one.to} of the device ({one.protocol})", file=sys.stderr)
        if one.is_open:
            print(f"bk7238: warning: whoever reaches {at.host} can reach this device", file=sys.stderr)
