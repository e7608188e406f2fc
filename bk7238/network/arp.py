"""ARP over Ethernet (RFC 826): who has the gateway's address, and the addresses of those who speak."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bk7238.peripherals.core import Actor, State

_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
REQUEST, REPLY = 1, 2

NEIGHBOURS = 256


@dataclass(frozen=True)
class Arp:
    """An ARP packet for IPv4 over Ethernet."""

    operation: int
    sender_mac: bytes
    sender_ip: bytes
    target_mac: bytes
    target_ip: bytes

    def pack(self) -> bytes:
        """The packet's bytes."""
        return _PACKET.pack(
            _ETHERNET, _IPV4, 6, 4, self.operation, self.sender_mac, self.sender_ip, self.target_mac, self.target_ip
        )


def parse(data: bytes) -> Arp:
    """The packet at the start of `data`. Raises ValueError for other than IPv4 over Ethernet."""
    if len(data) < _PACKET.size:
        raise ValueError(f"an ARP packet of {len(data)} bytes")
    hardware, protocol, hardware_size, protocol_size, *fields = _PACKET.unpack_from(data)
    if (hardware, protocol, hardware_size, protocol_size) != (_ETHERNET, _IPV4, 6, 4):
        raise ValueError("ARP for other than IPv4 over Ethernet")
    return Arp(*fields)


class Neighbours(Actor):
    """Which MAC address has which IPv4 address: the last 256 who were heard."""

    _known: dict[bytes, bytes] = State(factory=dict)

    def learn(self, ip: bytes, mac: bytes) -> None:
        """Remember that `ip` is at `mac`."""
        if self._known.get(ip) == mac:
            return
        self._known.pop(ip, None)
        self._known[ip] = mac
        if len(self._known) > NEIGHBOURS:
            del self._known[next(iter(self._known))]

    def find(self, ip: bytes) -> bytes | None:
        """The MAC address of `ip`, if it is known."""
        return self._known.get(ip)
