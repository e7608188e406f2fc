"""The address of a server on the user's machine: numeric, and on this machine unless more is asked for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class HostServer:
    """A server's numeric address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def server(text: str, *, anywhere: bool = False) -> HostServer:
    """The server named by HOST:PORT. Raises ValueError unless HOST is `localhost` or a numeric loopback address.

    With `anywhere` it may be another machine's numeric address. Names are never looked up.
    """
    if "://" in text:
        raise ValueError(f"{text!r} is a URL; write the server's HOST:PORT alone, as in 127.0.0.1:8000")
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is not of the form HOST:PORT, as in 127.0.0.1:8000")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
        raise ValueError(f"ports go from 1 to 65535, not {port!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ValueError(f"{host!r} is neither localhost nor a numeric address; names are not looked up") from None
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise ValueError(f"{host} is no server's address; a server on this machine is at 127.0.0.1")
    if not address.is_loopback and not anywhere:
        raise ValueError(f"{host} is not on this machine; --gateway-anywhere lets the device reach other machines")
    return HostServer(str(address), int(port))
