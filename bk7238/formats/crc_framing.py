"""How code lies in the flash: every 32 logical bytes are followed by their CRC-16, 34 physical bytes in all.

A *logical* address is what the CPU and code use, a *physical* one is a byte offset in the flash chip. The CRC has
polynomial 0x8005, starts at 0xFFFF, goes most significant bit first without a final XOR, and is stored big-endian.
Facts: docs/hardware/flash.md.
"""

from __future__ import annotations

DATA = 32
FRAME = 34


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x8005 if crc & 0x8000 else 0)
        table.append(crc & 0xFFFF)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """The CRC-16 that guards a frame's data."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _TABLE[crc >> 8 ^ byte]
    return crc


def physical(logical: int) -> int:
    """The physical address of the byte at a logical address."""
    return logical // DATA * FRAME + logical % DATA


def logical(physical: int) -> int:
    """The logical address of a physical one; an address within a CRC gives the frame's end."""
    return physical // FRAME * DATA + min(physical % FRAME, DATA)


def strip(framed: bytes) -> bytes:
    """The logical bytes of physical ones that begin with a frame. CRCs are not looked at."""
    return b"".join([framed[at : at + DATA] for at in range(0, len(framed), FRAME)])


def frame(data: bytes) -> bytes:
    """The physical bytes of logical ones; a last partial frame is filled up with 0xFF."""
    frames = []
    for at in range(0, len(data), DATA):
        part = data[at : at + DATA].ljust(DATA, b"\xff")
        frames.append(part + crc16(part).to_bytes(2, "big"))
    return b"".join(frames)


def bad_frames(framed: bytes) -> list[int]:
    """Physical offsets of the frames whose CRC does not match. Erased frames (all 0xFF) are not counted."""
    bad = []
    for at in range(0, len(framed) // FRAME * FRAME, FRAME):
        part = framed[at : at + FRAME]
        if part != b"\xff" * FRAME and crc16(part[:DATA]) != int.from_bytes(part[DATA:], "big"):
            bad.append(at)
    return bad
