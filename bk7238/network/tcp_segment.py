"""TCP segments (RFC 9293, section 3.1) and the one option used here, the maximum segment size."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bk7238.network.checksum import checksum, pseudo_header
from bk7238.network.ipv4 import TCP

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

MSS = 1460  # ours, over Ethernet
DEFAULT_MSS = 536  # of a peer that does not say (RFC 9293, section 3.7.1)

_HEADER = struct.Struct("!HHIIBBHHH")
_OPTION_END, _OPTION_NOTHING, _OPTION_MSS = 0, 1, 2


@dataclass(frozen=True)
class Segment:
    """A segment. Sequence numbers are those on the wire, 32 bits."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    payload: bytes = b""
    mss: int | None = None

    @property
    def length(self) -> int:
        """How much sequence space it takes: the payload, and one each for SYN and FIN."""
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)


def parse(data: bytes, source: bytes, destination: bytes) -> Segment:
    """The segment between two IPv4 addresses. Raises ValueError where its length or its checksum is wrong."""
    if len(data) < _HEADER.size:
        raise ValueError(f"a TCP segment of {len(data)} bytes")
    source_port, destination_port, sequence, acknowledgment, offset, flags, window, _, _ = _HEADER.unpack_from(data)
    start = (offset >> 4) * 4
    if not _HEADER.size <= start <= len(data):
        raise ValueError("a TCP header longer than its segment")
    if checksum(pseudo_header(source, destination, TCP, len(data)) + data):
        raise ValueError("a TCP segment with a wrong checksum")
    mss = _find_mss(data[_HEADER.size : start]) if start > _HEADER.size else None
    return Segment(source_port, destination_port, sequence, acknowledgment, flags, window, data[start:], mss)


def _find_mss(options: bytes) -> int | None:
    at = 0
    while at < len(options) and options[at] != _OPTION_END:
        if options[at] == _OPTION_NOTHING:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return None
        if options[at] == _OPTION_MSS and length == 4:
            return int.from_bytes(options[at + 2 : at + 4], "big")
        at += length
    return None


def build(segment: Segment, source: bytes, destination: bytes) -> bytes:
    """The segment's bytes, with its checksum."""
    options = b"" if segment.mss is None else struct.pack("!BBH", _OPTION_MSS, 4, segment.mss)
    fields = (
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        segment.acknowledgment,
        (_HEADER.size + len(options)) << 2,
        segment.flags,
        segment.window,
    )
    length = _HEADER.size + len(options) + len(segment.payload)
    pseudo = pseudo_header(source, destination, TCP, length)
    total = checksum(pseudo + _HEADER.pack(*fields, 0, 0) + options + segment.payload)
    return _HEADER.pack(*fields, total, 0) + options + segment.payload
