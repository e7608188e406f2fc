"""A DHCP client (RFC 2131): asks until it has an address. It does not renew: the hosts simulated here live minutes."""

from __future__ import annotations

import random
import struct

from bk7238.network.addresses import NO_IP
from bk7238.network.dhcp import ACK, COOKIE, DISCOVER, NAK, OFFER, REQUEST, options
from bk7238.peripherals.core import Actor, State

_BOOTP = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_MASK, _ROUTER, _REQUESTED, _TYPE, _SERVER, _WANTED = 1, 3, 50, 53, 54, 55
_RETRY = 1_000_000  # microseconds
_PATIENCE = 4  # requests for one offer


class DhcpClient(Actor):
    """`address` is empty until the server has acknowledged one; `deadline` is when `poll` asks (again)."""

    address: bytes = State(b"")
    mask: bytes = State(b"")
    server: bytes = State(b"")
    deadline: int | None = State()
    _xid: int = State(0)
    _offered: bytes = State(b"")
    _requests: int = State(0)

    def __init__(self, mac: bytes, rng: random.Random) -> None:
        self._mac, self._rng = mac, rng

    def start(self, now: int) -> None:
        """Forget what was leased and ask anew, at the next poll."""
        self.address = self._offered = b""
        self._xid = self._rng.getrandbits(32)
        self.deadline = now

    def poll(self, now: int) -> bytes | None:
        """The message that is due at `now`."""
        if self.deadline is None or self.deadline > now:
            return None
        self.deadline = now + _RETRY
        if self._offered and self._requests < _PATIENCE:
            self._requests += 1
            return self._message(REQUEST, {_REQUESTED: self._offered, _SERVER: self.server})
        self._offered = b""
        return self._message(DISCOVER, {})

    def receive(self, data: bytes, now: int) -> None:
        """A message from a server; those for others, and damaged ones, change nothing."""
        if self.deadline is None or len(data) < _BOOTP.size:
            return
        op, _, _, _, xid, _, _, _, yours, _, _, mac, _, _, cookie = _BOOTP.unpack_from(data)
        if (op, xid, cookie, mac[:6]) != (2, self._xid, COOKIE, self._mac):
            return
        found = options(data[_BOOTP.size :])
        kind = int.from_bytes(found.get(_TYPE, b""), "big")
        if kind == OFFER and not self._offered and len(found.get(_SERVER, b"")) == 4 and yours != NO_IP:
            self._offered, self.server, self._requests = yours, found[_SERVER], 0
            self.deadline = now
        elif kind == ACK and self._offered:
            self.address = yours
            self.mask = found.get(_MASK, b"\xff\xff\xff\0")
            self.deadline = None
        elif kind == NAK and self._offered:
            self.start(now)

    def _message(self, kind: int, more: dict[int, bytes]) -> bytes:
        chosen = {_TYPE: bytes((kind,)), **more, _WANTED: bytes((_MASK, _ROUTER))}
        nothing = NO_IP, NO_IP, NO_IP, NO_IP
        head = _BOOTP.pack(1, 1, 6, 0, self._xid, 0, 0, *nothing, self._mac, b"", b"", COOKIE)
        message = head + b"".join(bytes((code, len(value))) + value for code, value in chosen.items()) + b"\xff"
        return message + bytes(max(0, 300 - len(message)))
