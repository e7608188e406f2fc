"""The partition table inside the bootloader.

Entries of 64 bytes: magic "01PE", name[24], flash device[24], offset, length, CRC-32 of the first 60 bytes. The
bootloader finds the highest magic of its place and goes downward in steps of 64 while magics follow.
Facts: docs/hardware/bootloader.md.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from bk7238.formats.codec import CRC_FRAMES, Codec

MAGIC = b"01PE"
_ENTRY = struct.Struct("<4s24s24sIII")
SIZE = _ENTRY.size
FRAMED_DEVICE = "beken_onchip_crc"
RAW_DEVICE = "beken_onchip"
DEVICES = (FRAMED_DEVICE, RAW_DEVICE)


@dataclass(frozen=True)
class Partition:
    """One partition. `offset` and `length` are logical on the CRC-framed device, physical on the raw one. `codec` is
    how that device keeps its bytes."""

    name: str
    device: str
    offset: int
    length: int
    crc_ok: bool = True
    codec: Codec = field(default=CRC_FRAMES, repr=False, compare=False)

    @property
    def framed(self) -> bool:
        """Whether it is on the CRC-framed device."""
        return self.device == FRAMED_DEVICE

    @property
    def physical_start(self) -> int:
        """The physical address of its first byte."""
        return self.codec.physical(self.offset) if self.framed else self.offset

    @property
    def physical_end(self) -> int:
        """One past the last physical byte."""
        end = self.offset + self.length
        return self.codec.physical(end) if self.framed else end

    def pack(self) -> bytes:
        """The 64 bytes of the entry, with a right CRC."""
        head = _ENTRY.pack(MAGIC, self.name.encode(), self.device.encode(), self.offset, self.length, 0)[:-4]
        return head + struct.pack("<I", zlib.crc32(head))


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("latin-1")


def unpack(entry: bytes, codec: Codec = CRC_FRAMES) -> Partition:
    """One entry of 64 bytes, magic included. Raises ValueError where the magic is missing."""
    magic, name, device, offset, length, crc = _ENTRY.unpack(entry)
    if magic != MAGIC:
        raise ValueError("no partition entry: magic 01PE is missing")
    return Partition(_text(name), _text(device), offset, length, zlib.crc32(entry[:60]) == crc, codec)


def find(bootloader: bytes, below: int | None = None, codec: Codec = CRC_FRAMES) -> list[tuple[int, Partition]]:
    """The table as the bootloader finds it in its own logical bytes: (logical offset of the entry, partition). The
    highest entry ends at logical `below` at most."""
    at = bootloader.rfind(MAGIC, 0, None if below is None else below - SIZE + len(MAGIC))
    table = []
    while at >= 0 and bootloader[at : at + 4] == MAGIC and at + SIZE <= len(bootloader):
        table.append((at, unpack(bootloader[at : at + SIZE], codec)))
        at -= SIZE
    return table
