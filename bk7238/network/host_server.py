"""The address of a server on the user's machine: numeric, and on this machine unless more is asked for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


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
    address, host = _address(host)
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise ValueError(f"{host} is no server's address; a server on this machine is at 127.0.0.1")
    if not address.is_loopback and not anywhere:
        raise ValueError(f"{host} is not on this machine; --gateway-anywhere lets the device reach other machines")
    return HostServer(str(address), int(port))


@dataclass(frozen=True)
class Forward:
    """A port of the user's machine, 0 for any, that leads to the port `to` of the device. `protocol` is tcp or udp."""

    host: str
    port: int
    to: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        suffix = "/udp" if self.protocol == "udp" else ""
        listens = self.port if self.host == LOOPBACK else HostServer(self.host, self.port)
        return f"{listens}:{self.to}{suffix}"

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        return not ipaddress.ip_address(self.host).is_loopback


def forward(text: str) -> Forward:
    """The forward named by [ADDRESS:]PORT:PORT, with /udp behind it for UDP. Raises ValueError."""
    ports, slash, protocol = text.partition("/")
    if slash and protocol not in ("tcp", "udp"):
        raise ValueError(f"{protocol!r} is neither tcp nor udp")
    rest, _, to = ports.rpartition(":")
    host, colon, port = rest.rpartition(":")
    if not (port.isascii() and port.isdigit() and to.isascii() and to.isdigit()) or (colon and not host):
        raise ValueError(f"{text!r} is not of the form PORT:PORT, this machine's and the device's, as in 8080:80")
    if int(port) > 65_535 or not 1 <= int(to) <= 65_535:
        raise ValueError(f"ports go from 1 to 65535, this machine's also 0, for any that is free, not {ports!r}")
    address, _ = _address(host or LOOPBACK)
    return Forward(str(address), int(port), int(to), protocol or "tcp")


def _address(host: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]:
    """The address that is named, and its text without brackets. Raises ValueError for another name than localhost."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        return ipaddress.ip_address(LOOPBACK if host == "localhost" else host), host
    except ValueError:
        raise ValueError(f"{host!r} is neither localhost nor a numeric address; names are not looked up") from None
