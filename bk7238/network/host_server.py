"""Servers of the user's machine, by numeric addresses, on this machine unless more is asked for; and ports of it that
lead to the device."""

from __future__ import annotations

import ipaddress
import re
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
    number = _port(port)
    address, host = _address(host)
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise ValueError(f"{host} is no server's address; a server on this machine is at 127.0.0.1")
    if not address.is_loopback and not anywhere:
        raise ValueError(f"{host} is not on this machine; --gateway-anywhere lets the device reach other machines")
    return HostServer(str(address), number)


_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


@dataclass(frozen=True)
class GatewayServer:
    """A server that the device reaches at the port `port`: of the gateway, or of another address of its network, which
    it finds under `name`. `protocol` is tcp or udp."""

    target: HostServer
    port: int
    name: str = ""
    protocol: str = "tcp"

    def __str__(self) -> str:
        suffix = "/udp" if self.protocol == "udp" else ""
        port = "" if self.port == self.target.port else f":{self.port}"
        return (f"{self.name}{port}=" if self.name or port else "") + f"{self.target}{suffix}"


def gateway_server(text: str, *, anywhere: bool = False) -> GatewayServer:
    """The server named by HOST:PORT or [NAME][:PORT]=HOST:PORT, with /udp behind it for UDP. Raises ValueError as
    `server` does."""
    rest, protocol = (text, "tcp") if "://" in text else _protocol(text)
    found, equals, where = rest.rpartition("=")
    target = server(where, anywhere=anywhere)
    if not equals:
        return GatewayServer(target, target.port, protocol=protocol)
    name, colon, port = found.partition(":")
    if not (_NAME.fullmatch(name) or (not name and colon)) or len(name) > 253 or re.fullmatch(r"[0-9.]+", name):
        raise ValueError(f"{name!r} is no host's name, as in broker.lan=127.0.0.1:1883")
    if f".{name.lower()}".endswith(".local"):
        raise ValueError(f"{name} is a name of multicast DNS, which no name server knows; take another one")
    return GatewayServer(target, _port(port) if colon else target.port, name.lower(), protocol)


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
    ports, protocol = _protocol(text)
    rest, _, to = ports.rpartition(":")
    host, colon, port = rest.rpartition(":")
    if not (port.isascii() and port.isdigit() and to.isascii() and to.isdigit()) or (colon and not host):
        raise ValueError(f"{text!r} is not of the form PORT:PORT, this machine's and the device's, as in 8080:80")
    if int(port) > 65_535 or not 1 <= int(to) <= 65_535:
        raise ValueError(f"ports go from 1 to 65535, this machine's also 0, for any that is free, not {ports!r}")
    address, _ = _address(host or LOOPBACK)
    return Forward(str(address), int(port), int(to), protocol)


def _protocol(text: str) -> tuple[str, str]:
    """What is before /tcp or /udp, and the protocol, which is TCP where none is named."""
    rest, slash, protocol = text.partition("/")
    if slash and protocol not in ("tcp", "udp"):
        raise ValueError(f"{protocol!r} is neither tcp nor udp")
    return rest, protocol or "tcp"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise ValueError(f"ports go from 1 to 65535, not {text!r}")
    return int(text)


def _address(host: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]:
    """The address that is named, and its text without brackets. Raises ValueError for another name than localhost."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        return ipaddress.ip_address(LOOPBACK if host == "localhost" else host), host
    except ValueError:
        raise ValueError(f"{host!r} is neither localhost nor a numeric address; names are not looked up") from None
