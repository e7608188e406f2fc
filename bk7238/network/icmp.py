"""ICMP (RFC 792): echo, and the destination-unreachable messages of a gateway that reaches nothing."""

from __future__ import annotations

import struct

from bk7238.network.checksum import checksum
from bk7238.network.ipv4 import ICMP, Packet

_HEADER = struct.Struct("!BBHI")
_ECHO_REPLY, _UNREACHABLE, _ECHO_REQUEST = 0, 3, 8
_QUERIES = {0, 8, 13, 14, 17, 18}

NET, HOST, PROTOCOL, PORT = 0, 1, 2, 3
CODES = {NET: "net unreachable", HOST: "host unreachable", PROTOCOL: "protocol unreachable", PORT: "port unreachable"}


def message(kind: int, code: int, rest: int, data: bytes) -> bytes:
    """An ICMP message; `rest` is the second word of its header."""
    total = checksum(_HEADER.pack(kind, code, 0, rest) + data)
    return _HEADER.pack(kind, code, total, rest) + data


def echo_reply(request: bytes) -> bytes | None:
    """The answer to an echo request, or None for anything else."""
    if len(request) < _HEADER.size or checksum(request):
        return None
    kind, code, _, rest = _HEADER.unpack_from(request)
    if kind != _ECHO_REQUEST or code:
        return None
    return message(_ECHO_REPLY, 0, rest, request[_HEADER.size :])


def echo_request(identifier: int, data: bytes = b"") -> bytes:
    """A ping with this identifier and sequence number 1."""
    return message(_ECHO_REQUEST, 0, identifier << 16 | 1, data)


def answers_echo(data: bytes) -> bool:
    """Whether a message is the answer to a ping."""
    return len(data) >= _HEADER.size and not checksum(data) and data[:2] == bytes((_ECHO_REPLY, 0))


def unreachable(packet: Packet, code: int) -> bytes | None:
    """What a gateway says of a packet it cannot deliver. None for ICMP errors, never answered (RFC 1122)."""
    if packet.protocol == ICMP and packet.payload[:1] and packet.payload[0] not in _QUERIES:
        return None
    return message(_UNREACHABLE, code, 0, packet.header + packet.payload[:8])


def undelivered(data: bytes) -> tuple[int, bytes] | None:
    """Of a destination-unreachable message its code and what it quotes of the packet. None for anything else."""
    if len(data) < _HEADER.size or checksum(data) or data[0] != _UNREACHABLE:
        return None
    return data[1], data[_HEADER.size :]
