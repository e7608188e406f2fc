"""What the network has to tell: one small record a happening, for the story, the verdict and tests.

Each has a `time` in microseconds of virtual time. Addresses are text, `server` is an address and a port as the device
used them. What is not compared says more of the same happening.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, dataclass_transform

from bk7238.network.http_head import Head
from bk7238.peripherals.core import Actor, Signal, State


@dataclass_transform(field_specifiers=(field,))
@dataclass(eq=False, repr=False)
class Event:
    """Something happened at `time`. A class below is a dataclass that nobody changes: what is the same of all is said
    here, as `dataclass` writes and compiles it for each, which every start would wait for."""

    time: int

    def __init_subclass__(cls) -> None:
        dataclass(eq=False, repr=False)(cls)

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, one.name) for one in fields(self) if one.compare)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        said = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))
        return f"{type(self).__name__}({said})"


class Events(Actor):
    """Where one part tells what happens: `on_event` is told each event, and the last 1,000 are kept in `recent`."""

    recent: deque[Event] = State(factory=partial(deque, maxlen=1000))

    def __init__(self) -> None:
        self.on_event = Signal()

    def publish(self, event: Event) -> None:
        """Keep `event` and tell of it."""
        self.recent.append(event)
        self.on_event(event)


class LeaseOffered(Event):
    """DHCP offered an address."""

    mac: str
    ip: str


class LeaseGranted(Event):
    """DHCP acknowledged an address: the device is on the network. `renewal` when it was using it all along."""

    mac: str
    ip: str
    renewal: bool


class LeaseRefused(Event):
    """DHCP answered with a NAK, or had no address left (`ip` is what was asked for, or empty)."""

    mac: str
    ip: str
    reason: str


class LeaseReleased(Event):
    """The device gave its address back (RELEASE) or found it in use (DECLINE)."""

    mac: str
    ip: str
    declined: bool


class NameAsked(Event):
    """A DNS question. `answer` is the address given, or empty when the name or the type does not exist."""

    client: str
    name: str
    kind: str
    answer: str


class TimeAsked(Event):
    """A question to the time server, and the date and time (UTC) that it was told."""

    client: str
    date: str


class PingAnswered(Event):
    """The device answered an ICMP echo request of the gateway."""

    client: str


class Pinged(Event):
    """The gateway answered an ICMP echo request."""

    client: str


class Refused(Event):
    """Someone asked for what is not here: a closed port, another host. `protocol` is tcp, udp, arp or a number.

    `answer` is what went back: reset, port unreachable, host unreachable, net unreachable, or nothing.
    """

    client: str
    destination: str
    protocol: str
    port: int | None
    answer: str
    client_port: int | None = field(default=None, compare=False)


class ConnectionOpened(Event):
    """A TCP handshake was completed."""

    client: str
    client_port: int
    port: int


class ConnectionClosed(Event):
    """A TCP connection ended in order, both directions."""

    client: str
    client_port: int
    port: int


class ConnectionBroken(Event):
    """A TCP connection broke: `reason` is `reset by the device`, `timed out` or `reset by the server`."""

    client: str
    client_port: int
    port: int
    reason: str
    server: str = field(default="", compare=False)


class HttpRequested(Event):
    """An HTTP request, and the status it was answered with. `path` is empty for what could not be parsed.

    The status is 0 where the connection ended before an answer that is HTTP. `head` is what the answer says of its
    body.
    """

    client: str
    method: str
    path: str
    host: str
    status: int
    client_port: int = field(default=0, compare=False)
    server: str = field(default="", compare=False)
    head: Head | None = field(default=None, compare=False)


class HttpBodyProgress(Event):
    """`acknowledged` of `total` bytes of a body have arrived at the device's TCP. Told every 4 KiB or so.

    `total` is what the answer announces, as in the events below; 0 where it announces nothing.
    """

    client: str
    path: str
    acknowledged: int
    total: int


class HttpBodyDelivered(Event):
    """The device's TCP has acknowledged the last byte of a body. `crc` is the CRC-32 of the body, None where it has a
    transfer coding that nobody has taken off."""

    client: str
    path: str
    total: int
    crc: int | None = field(default=None, compare=False)


class HttpBodyAborted(Event):
    """The connection ended before the whole body was acknowledged: `reason` is `closed by the device`, `closed by the
    server`, or that of ConnectionBroken."""

    client: str
    path: str
    acknowledged: int
    total: int
    client_port: int = field(default=0, compare=False)
    server: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)


class LeaseTaken(Event):
    """A simulated host got its address from somebody else's DHCP server."""

    mac: str
    ip: str
    server: str


class HttpFetched(Event):
    """A simulated host has fetched a page: its status and the bytes of its body, and where it is sent on to."""

    url: str
    status: int
    size: int
    onwards: str


class HttpFetchFailed(Event):
    """A simulated host could not fetch a page."""

    url: str
    reason: str


class PushBegan(Event):
    """A simulated host has connected to the device, to bring it a package of `total` bytes. `target` is a URL, or an
    address and a port, as in the events below."""

    target: str
    total: int


class PushProgress(Event):
    """`acknowledged` of `total` bytes of the package have arrived at the device's TCP. Told every 4 KiB or so."""

    target: str
    acknowledged: int
    total: int


class PushDelivered(Event):
    """The device's TCP has acknowledged the last byte of the package."""

    target: str
    total: int


class Pushed(Event):
    """The device has taken what a simulated host brought or asked: it answered as it does where all is well."""

    target: str


class PushFailed(Event):
    """What a simulated host brought or asked was not taken; `total` is 0 where it was no package."""

    target: str
    acknowledged: int
    total: int
    reason: str


class Identified(Pushed):
    """The device has said who it is to a simulated host: its `name`, and the `version` of what it runs."""

    name: str
    version: str


class NotIdentified(Event):
    """The device did not say who it is when a simulated host asked."""

    target: str
    reason: str


class HostConnected(Event):
    """The gateway has opened a connection to `server` on the user's machine, for a connection of the device's."""

    client: str
    client_port: int
    server: str


class HostUnreachable(Event):
    """The server on the user's machine cannot be reached, or broke a connection off."""

    client: str
    client_port: int
    server: str
    reason: str
    asked: str = field(default="", compare=False)  # address and port as the device used them
    protocol: str = field(default="tcp", compare=False)


class HostSilent(Event):
    """The server on the user's machine owed an answer for `seconds` of wall time: the connection was reset."""

    client: str
    client_port: int
    server: str
    seconds: float
    asked: str = field(default="", compare=False)


class ForwardedConnection(Event):
    """A client of the user's machine has a connection to the device, through a forwarded port."""

    client: str
    device: str


class ForwardFailed(Event):
    """A client's connection to the device did not come about, or broke."""

    client: str
    device: str
    reason: str
