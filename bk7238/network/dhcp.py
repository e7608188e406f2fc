"""A DHCP server (RFC 2131, options RFC 2132) that leases the addresses from `first` on, by MAC address.

It is authoritative: a request for an address that it cannot give is answered with a NAK, so that a device with an old
lease starts over at once. Relays are not served.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bk7238.network.addresses import BROADCAST_IP, BROADCAST_MAC, NO_IP, ip_text, mac_text
from bk7238.network.events import Events, LeaseGranted, LeaseOffered, LeaseRefused, LeaseReleased
from bk7238.peripherals.core import Actor, State

SERVER_PORT, CLIENT_PORT = 67, 68

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)

_BOOTP = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
COOKIE = bytes.fromhex("63825363")
_BROADCAST_FLAG = 0x8000
_SMALLEST = 300  # of BOOTP (RFC 1542, section 2.1); shorter replies are dropped by some clients

_MASK, _ROUTER, _NAME_SERVER, _DOMAIN, _BROADCAST = 1, 3, 6, 15, 28
_REQUESTED_IP, _LEASE_TIME, _TYPE, _SERVER, _T1, _T2 = 50, 51, 53, 54, 58, 59

TURNED_DOWN = "the server was told to refuse it"
_OFFER_TIME = 60_000_000  # microseconds for which an offer is held


@dataclass(frozen=True)
class Message:
    """A client's message. Addresses are bytes; `requested` and `server` are empty when the option is missing."""

    kind: int
    xid: int
    flags: int
    client_ip: bytes
    mac: bytes
    requested: bytes
    server: bytes


@dataclass(frozen=True)
class Reply:
    """A reply's bytes, and where it goes."""

    payload: bytes
    ip: bytes
    mac: bytes


@dataclass
class Lease:
    """Who has an address, until when (microseconds), and whether it was acknowledged or only offered."""

    mac: bytes
    ip: bytes
    expires: int
    bound: bool = False


def parse(data: bytes) -> Message:
    """A client's message. Raises ValueError for anything else."""
    if len(data) < _BOOTP.size:
        raise ValueError(f"a DHCP message of {len(data)} bytes")
    op, hardware, size, _, xid, _, flags, client_ip, _, _, relay, mac, _, _, cookie = _BOOTP.unpack_from(data)
    if (op, hardware, size, cookie) != (1, 1, 6, COOKIE):
        raise ValueError("not a DHCP request over Ethernet")
    if relay != NO_IP:
        raise ValueError("a DHCP request through a relay")
    found = options(data[_BOOTP.size :])
    kind = found.get(_TYPE, b"")
    requested, server = found.get(_REQUESTED_IP, b""), found.get(_SERVER, b"")
    if len(kind) != 1 or len(requested) not in (0, 4) or len(server) not in (0, 4):
        raise ValueError("a DHCP option of the wrong length")
    return Message(kind[0], xid, flags, client_ip, mac[:6], requested, server)


def lease(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The client's MAC address, the address given and the one it had before, where `data` acknowledges a lease."""
    if len(data) < _BOOTP.size:
        return None
    op, _, _, _, _, _, _, before, given, _, _, mac, _, _, cookie = _BOOTP.unpack_from(data)
    if op != 2 or cookie != COOKIE or given == NO_IP or options(data[_BOOTP.size :]).get(_TYPE) != bytes((ACK,)):
        return None
    return mac[:6], given, before


def refused(data: bytes) -> bytes | None:
    """The client's MAC address, where `data` refuses it a lease (a NAK)."""
    if len(data) < _BOOTP.size:
        return None
    op, *_, mac, _, _, cookie = _BOOTP.unpack_from(data)
    nak = op == 2 and cookie == COOKIE and options(data[_BOOTP.size :]).get(_TYPE) == bytes((NAK,))
    return mac[:6] if nak else None


def options(data: bytes) -> dict[int, bytes]:
    """The options in `data`, up to the end option or to one that is cut short. The first of a kind counts."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        end = at + 2 + data[at + 1] if at + 1 < len(data) else len(data) + 1
        if end > len(data):
            break
        found.setdefault(data[at], data[at + 2 : end])
        at = end
    return found


class DhcpServer(Actor):
    """The server. `address` is its own, the router's and the name server's; the subnet's host part is one byte."""

    leases: dict[bytes, Lease] = State(factory=dict)
    lease_seconds: int = State()
    silent_until: int = State(0)  # virtual microseconds
    refusing: int = State(0)  # the requests that are answered with a NAK next
    _address: bytes = State()
    _pool: list[bytes] = State(factory=list)
    _declined: dict[bytes, int] = State(factory=dict)

    def __init__(self, address: bytes, events: Events, *, first: int, last: int, lease_seconds: int, domain: str):
        self.lease_seconds = lease_seconds
        self._events = events
        self._domain = domain.encode("ascii")
        self._hosts = range(first, last + 1)
        self.move(address)

    def move(self, address: bytes) -> None:
        """Be at another address, and lease those of its subnet: nobody has one yet."""
        self._address = address
        self._pool = [address[:3] + bytes((host,)) for host in self._hosts if host != address[3]]
        self.leases.clear()
        self._declined.clear()

    def give_away(self, now: int) -> None:
        """Forget who has which lease: others have those addresses now."""
        until = now + self.lease_seconds * 1_000_000
        self._declined.update((lease.ip, until) for lease in self.leases.values())
        self.leases.clear()

    def receive(self, data: bytes, now: int) -> list[Reply]:
        """A datagram for port 67. Raises ValueError where it is no DHCP request."""
        message = parse(data)
        if now < self.silent_until:
            return []
        match message.kind:
            case 1:
                return self._discover(message, now)
            case 3:
                return self._request(message, now)
            case 4:
                self._give_back(message, message.requested, now, declined=True)
            case 7:
                self._give_back(message, message.client_ip, now, declined=False)
            case 8:
                return [self._reply(message, ACK, NO_IP)]
        return []

    def _discover(self, message: Message, now: int) -> list[Reply]:
        lease = self._find(message, now)
        if lease is None:
            self._events.publish(LeaseRefused(now, mac_text(message.mac), "", "no address left"))
            return []
        self._events.publish(LeaseOffered(now, mac_text(message.mac), ip_text(lease.ip)))
        return [self._reply(message, OFFER, lease.ip)]

    def _request(self, message: Message, now: int) -> list[Reply]:
        if message.server and message.server != self._address:  # it chose another server's offer
            lease = self.leases.get(message.mac)
            if lease is not None and not lease.bound:
                del self.leases[message.mac]
            return []
        wanted = message.requested or message.client_ip
        lease = self._find(message, now)
        if lease is None or lease.ip != wanted:
            return self._refuse(message, wanted, "not this device's address", now)
        if self.refusing:
            self.refusing -= 1
            return self._refuse(message, wanted, TURNED_DOWN, now)
        renewal = message.client_ip != NO_IP  # only a device that uses its address fills this in
        lease.bound, lease.expires = True, now + self.lease_seconds * 1_000_000
        self._events.publish(LeaseGranted(now, mac_text(message.mac), ip_text(lease.ip), renewal))
        return [self._reply(message, ACK, lease.ip)]

    def _refuse(self, message: Message, wanted: bytes, why: str, now: int) -> list[Reply]:
        self._events.publish(LeaseRefused(now, mac_text(message.mac), ip_text(wanted), why))
        return [self._reply(message, NAK, NO_IP)]

    def _give_back(self, message: Message, ip: bytes, now: int, *, declined: bool) -> None:
        lease = self.leases.get(message.mac)
        if lease is None or lease.ip != ip:
            return
        del self.leases[message.mac]
        if declined:
            self._declined[ip] = now + self.lease_seconds * 1_000_000
        self._events.publish(LeaseReleased(now, mac_text(message.mac), ip_text(ip), declined))

    def _find(self, message: Message, now: int) -> Lease | None:
        """The client's lease, or a new one: for the address it asks for if that is free, else for the first free."""
        lease = self.leases.get(message.mac)
        if lease is not None:
            return lease
        taken = {other.ip for other in self.leases.values() if other.expires > now}
        taken.update(ip for ip, until in self._declined.items() if until > now)
        free = [ip for ip in self._pool if ip not in taken]
        if not free:
            return None
        wanted = message.requested or message.client_ip
        ip = wanted if wanted in free else free[0]
        self._declined.pop(ip, None)
        for other in [other for other in self.leases.values() if other.ip == ip]:
            del self.leases[other.mac]
        lease = self.leases[message.mac] = Lease(message.mac, ip, now + _OFFER_TIME)
        return lease

    def _reply(self, message: Message, kind: int, ip: bytes) -> Reply:
        client_ip = message.client_ip if kind == ACK else NO_IP
        server = self._address if kind == OFFER else NO_IP
        payload = _BOOTP.pack(
            2, 1, 6, 0, message.xid, 0, message.flags, client_ip, ip, server, NO_IP, message.mac, b"", b"", COOKIE
        )
        payload += self._options(kind, leased=ip != NO_IP)
        payload = payload.ljust(_SMALLEST, b"\0")
        if message.client_ip != NO_IP and kind != NAK:
            return Reply(payload, message.client_ip, message.mac)
        if message.flags & _BROADCAST_FLAG or ip == NO_IP:
            return Reply(payload, BROADCAST_IP, BROADCAST_MAC)
        return Reply(payload, ip, message.mac)

    def _options(self, kind: int, *, leased: bool) -> bytes:
        chosen: list[tuple[int, bytes]] = [(_TYPE, bytes((kind,))), (_SERVER, self._address)]
        if leased:
            seconds = self.lease_seconds
            for number, value in ((_LEASE_TIME, seconds), (_T1, seconds // 2), (_T2, seconds * 7 // 8)):
                chosen.append((number, value.to_bytes(4, "big")))
        if kind != NAK:
            chosen += [(_MASK, b"\xff\xff\xff\0"), (_ROUTER, self._address), (_NAME_SERVER, self._address)]
            chosen += [(_BROADCAST, self._address[:3] + b"\xff"), (_DOMAIN, self._domain)]
        return b"".join(bytes((number, len(data))) + data for number, data in chosen if data) + b"\xff"
