"""QuickLZ 1.5, level 3, in pieces of 4,096 bytes: the `quicklz` compression of update packages.

A stream is a row of packets, each after its length (32 bits, **big**-endian). A packet: flags (bit 0 compressed, bit 1
long header, bits 2 and 3 the level), packed and unpacked size (one byte each, or four), then groups of a control word
and up to 31 items: a bit 0 is a literal byte, a 1 a reference of one to four bytes, whose low bits say which kind it
is. The last ten bytes are literals. Checked against what the vendor's packer makes; this packer finds other matches
than that one, so its streams differ.
"""

from __future__ import annotations

import struct

PIECE = 4096
_LITERAL_END = 10  # so many bytes at the end of a packet are literals
_LONGEST = 258
_HEADER_LONG = 9


class QuickLzError(ValueError):
    """The stream is damaged; the message says how."""


def decompress(stream: bytes, limit: int) -> bytes:
    """The unpacked bytes of a stream. Stops at the first length of 0 or beyond the end, where padding begins.

    Raises QuickLzError for a damaged packet and for more than `limit` bytes.
    """
    unpacked = bytearray()
    at = 0
    while at + 4 <= len(stream):
        (size,) = struct.unpack_from(">I", stream, at)
        if size == 0 or at + 4 + size > len(stream):
            break
        unpacked += unpack(stream[at + 4 : at + 4 + size], limit - len(unpacked))
        at += 4 + size
    return bytes(unpacked)


def compress(raw: bytes) -> bytes:
    """A stream of packets for `raw`."""
    stream = bytearray()
    for at in range(0, len(raw), PIECE):
        packet = pack(raw[at : at + PIECE])
        stream += struct.pack(">I", len(packet)) + packet
    return bytes(stream)


def unpack(packet: bytes, limit: int) -> bytes:
    """One packet unpacked. Raises QuickLzError."""
    if len(packet) < 3:
        raise QuickLzError("a QuickLZ packet of fewer than 3 bytes")
    flags = packet[0]
    if flags & 2:
        if len(packet) < _HEADER_LONG:
            raise QuickLzError("a QuickLZ packet ends in its header")
        packed, size = struct.unpack_from("<II", packet, 1)
        at = _HEADER_LONG
    else:
        packed, size, at = packet[1], packet[2], 3
    if size > limit:
        raise QuickLzError(f"a QuickLZ packet says {size} bytes, {limit} are left of the size in the header")
    if packed > len(packet):
        raise QuickLzError(f"a QuickLZ packet says it has {packed} bytes, {len(packet)} are there")
    if not flags & 1:
        return packet[at : at + size]
    if flags >> 2 & 3 != 3:
        raise QuickLzError(f"QuickLZ level {flags >> 2 & 3}, only level 3 is used in packages")
    try:
        return _expand(packet, at, size)
    except (IndexError, struct.error):
        raise QuickLzError("a QuickLZ packet ends before its content does") from None


def _expand(packet: bytes, at: int, size: int) -> bytes:
    out = bytearray()
    control = 1
    while len(out) < size:
        if control == 1:
            (control,) = struct.unpack_from("<I", packet, at)
            control |= 1 << 32 if not control >> 31 else 0
            at += 4
        if not control & 1 or len(out) > size - 1 - _LITERAL_END:
            out.append(packet[at])
            at += 1
        else:
            offset, length, step = _reference(packet, at)
            at += step
            if not 0 < offset <= len(out) or len(out) + length > size:
                raise QuickLzError(f"a QuickLZ reference to {offset} bytes back at byte {len(out)}")
            for _ in range(length):
                out.append(out[-offset])
        control >>= 1
    return bytes(out)


def _reference(packet: bytes, at: int) -> tuple[int, int, int]:
    """Offset, length and bytes taken of the reference at `at`."""
    word = int.from_bytes(packet[at : at + 4], "little")
    if word & 3 == 0:
        return (word & 0xFF) >> 2, 3, 1
    if word & 2 == 0:
        return (word & 0xFFFF) >> 2, 3, 2
    if word & 1 == 0:
        return (word & 0xFFFF) >> 6, (word >> 2 & 0xF) + 3, 2
    if word & 0x7F != 3:
        return word >> 7 & 0x1FFFF, (word >> 2 & 0x1F) + 2, 3
    return word >> 15, (word >> 7 & 0xFF) + 3, 4


def pack(raw: bytes) -> bytes:
    """One packet for up to 64 KiB: a greedy search for the latest match of three bytes."""
    body = _squeeze(raw)
    flags = 0x4C | 1 if len(body) < len(raw) else 0x4C
    body = body if flags & 1 else raw
    if len(body) + 3 < 216 and len(raw) < 216:
        return bytes((flags, len(body) + 3, len(raw))) + body
    return bytes((flags | 2,)) + struct.pack("<II", len(body) + _HEADER_LONG, len(raw)) + body


def _squeeze(raw: bytes) -> bytes:
    out = bytearray()
    latest: dict[bytes, int] = {}
    at, last = 0, len(raw) - 1 - _LITERAL_END
    while at < len(raw):
        control, items = 1 << 31, bytearray()
        for bit in range(31):
            if at >= len(raw):
                break
            key = raw[at : at + 3]
            seen = latest.get(key) if at <= last else None
            length = _match(raw, seen, at) if seen is not None and at - seen > 2 else 0
            if seen is None or length < 3:
                items.append(raw[at])
                length = 1
            else:
                control |= 1 << bit
                items += _encode(at - seen, length)
            for place in range(at, min(at + length, last + 1)):
                latest[raw[place : place + 3]] = place
            at += length
        out += struct.pack("<I", control) + items
    return bytes(out)


def _match(raw: bytes, seen: int, at: int) -> int:
    most = min(_LONGEST, len(raw) - 4 - at)
    length = 0
    while length < most and raw[seen + length] == raw[at + length]:
        length += 1
    return length


def _encode(offset: int, length: int) -> bytes:
    if length == 3 and offset < 1 << 6:
        return bytes((offset << 2,))
    if length == 3 and offset < 1 << 14:
        return struct.pack("<H", offset << 2 | 1)
    if length < 19 and offset < 1 << 10:
        return struct.pack("<H", offset << 6 | (length - 3) << 2 | 2)
    if length < 34:
        return struct.pack("<I", offset << 7 | (length - 2) << 2 | 3)[:3]
    return struct.pack("<I", offset << 15 | (length - 3) << 7 | 3)
