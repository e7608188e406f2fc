"""UG: Tuya's envelope around an update package, a header of 32 bytes before it.

Big-endian: 55AA55AA, version[12], the package's size, the sum of its bytes, the sum of the 24 bytes before, AA55AA55.
Source: ltchiptool, soc/bk72xx/binary.py; Tuya's SDK, tkl_ota.c.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC, END = bytes.fromhex("55aa55aa"), bytes.fromhex("aa55aa55")
VERSION_SIZE = 12  # bytes of the field for text
_HEADER = struct.Struct(f">4s{VERSION_SIZE}sIII4s")
SIZE = _HEADER.size
_SUMMED = SIZE - 8  # bytes of the header that its own sum is of


class UgError(ValueError):
    """Bytes that are no UG; the message is one line."""


@dataclass(frozen=True)
class Ug:
    """The header's fields, and the `content` behind it, so much of it as `size` says. `sums_ok` tells whether the sums
    of the header and of the content hold, `end_ok` whether its end mark is there."""

    version: str
    size: int
    content: bytes
    sums_ok: tuple[bool, bool]
    end_ok: bool


def checksum(data: bytes) -> int:
    """The sum of all bytes, 32 bits."""
    return sum(data) & 0xFFFF_FFFF


def pack(content: bytes, version: str = "") -> bytes:
    """The envelope around a package. A version too long for its field is cut without NUL."""
    head = _HEADER.pack(MAGIC, version.encode("latin-1", "replace"), len(content), checksum(content), 0, b"")[:_SUMMED]
    return head + checksum(head).to_bytes(4, "big") + END + content


def unpack(data: bytes) -> Ug:
    """The envelope taken apart. Raises UgError."""
    if len(data) < SIZE or data[: len(MAGIC)] != MAGIC:
        raise UgError(f"a UG begins with {MAGIC.hex()} and a header of {SIZE} bytes")
    _, version, size, content_sum, header_sum, end = _HEADER.unpack_from(data)
    content = data[SIZE : SIZE + size]
    sums = checksum(data[:_SUMMED]) == header_sum, checksum(content) == content_sum
    return Ug(version.split(b"\0", 1)[0].decode("latin-1"), size, content, sums, end == END)
