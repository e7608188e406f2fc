"""IPv4 packets (RFC 791), without options of our own and without fragments."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bk7238.network.checksum import checksum

ICMP, TCP, UDP = 1, 6, 17

_HEADER = struct.Struct("!BBHHHBBH4s4s")
_DONT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF  # more fragments, and the offset
_TTL = 64


class Fragment(ValueError):
    """A part of a packet. Nothing that is simulated here makes them, so they are refused."""


@dataclass(frozen=True)
class Packet:
    """A packet: addresses of 4 bytes, the protocol number, the payload, and the header's bytes (for ICMP errors)."""

    source: bytes
    destination: bytes
    protocol: int
    payload: bytes
    header: bytes = b""
    ttl: int = _TTL


def parse(data: bytes) -> Packet:
    """The packet at the start of `data`. Raises ValueError where it is damaged, Fragment where it is a part.

    The payload ends at the packet's total length: what follows is padding or a checksum of the layer below.
    """
    if len(data) < _HEADER.size:
        raise ValueError(f"an IPv4 packet of {len(data)} bytes")
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _HEADER.unpack_from(data)
    length = (first & 15) * 4
    if first >> 4 != 4 or length < _HEADER.size or not length <= total <= len(data):
        raise ValueError("an IPv4 header whose lengths do not agree")
    header = data[:length]
    if checksum(header):
        raise ValueError("an IPv4 header with a wrong checksum")
    if fragment & _FRAGMENT:
        raise Fragment("an IPv4 fragment")
    return Packet(source, destination, protocol, data[length:total], header, ttl)


def build(source: bytes, destination: bytes, protocol: int, payload: bytes, identification: int) -> bytes:
    """A packet. `identification` is any 16-bit number: there are no fragments for it to hold together."""
    total = _HEADER.size + len(payload)
    fields = (0x45, 0, total, identification, _DONT_FRAGMENT, _TTL, protocol)
    header = _HEADER.pack(*fields, checksum(_HEADER.pack(*fields, 0, source, destination)), source, destination)
    return header + payload
