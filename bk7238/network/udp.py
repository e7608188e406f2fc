"""UDP datagrams (RFC 768)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bk7238.network.checksum import checksum, pseudo_header
from bk7238.network.ipv4 import UDP

LONGEST = 1_472  # bytes of a payload that fit a frame

_HEADER = struct.Struct("!HHHH")


@dataclass(frozen=True)
class Datagram:
    """A datagram: two ports and the payload."""

    source_port: int
    destination_port: int
    payload: bytes


def parse(data: bytes, source: bytes, destination: bytes) -> Datagram:
    """The datagram between two IPv4 addresses. Raises ValueError where its length or its checksum is wrong."""
    if len(data) < _HEADER.size:
        raise ValueError(f"a UDP datagram of {len(data)} bytes")
    source_port, destination_port, length, total = _HEADER.unpack_from(data)
    if not _HEADER.size <= length <= len(data):
        raise ValueError(f"a UDP length of {length} in {len(data)} bytes")
    data = data[:length]
    if total and checksum(pseudo_header(source, destination, UDP, length) + data):
        raise ValueError("a UDP datagram with a wrong checksum")
    return Datagram(source_port, destination_port, data[_HEADER.size :])


def build(source: bytes, source_port: int, destination: bytes, destination_port: int, payload: bytes) -> bytes:
    """A datagram with its checksum."""
    length = _HEADER.size + len(payload)
    pseudo = pseudo_header(source, destination, UDP, length)
    total = checksum(pseudo + _HEADER.pack(source_port, destination_port, length, 0) + payload)
    return _HEADER.pack(source_port, destination_port, length, total or 0xFFFF) + payload
