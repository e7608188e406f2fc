"""The flash as a boot loader's drivers see it: partitions that are read, erased and programmed, and the CPU's window.

All addresses are physical unless a name says otherwise. Programming can only clear bits, as in the chip.
"""

from __future__ import annotations

from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView

PIECE = 32
PAGE = 256
SECTOR = 0x1000
BLOCK = 0x10000


class Storage:
    """The bytes of a whole chip, to be changed."""

    def __init__(self, flash: FlashView) -> None:
        self.data = bytearray(flash.data)
        self._codec = flash.chip.codec

    def read(self, partition: Partition, offset: int, count: int) -> bytes:
        """`count` bytes at an offset of a partition, without the CRCs of a framed one. A chip begins again at its end,
        the CPU's window reads as 0xFF there."""
        count = min(count, len(self.data))
        if not partition.framed:
            start = (partition.offset + offset) % len(self.data)
            return bytes(self.data[start : start + count]).ljust(count, b"\xff")
        return self.window(partition.offset + offset, count)

    def window(self, logical: int, count: int) -> bytes:
        """What the CPU reads at a logical address."""
        count = min(count, len(self.data))
        codec = self._codec
        first = logical // codec.data
        frames = -(-(logical + count) // codec.data) - first
        start = first * codec.frame
        raw = bytes(self.data[start : start + frames * codec.frame]).ljust(frames * codec.frame, b"\xff")
        skip = logical - first * codec.data
        return codec.decode(raw, start)[skip : skip + count]

    def erase(self, start: int, end: int) -> str:
        """Erase from sector to sector, whole blocks where they are aligned. What a boot loader shows: `#` and `B`."""
        start, end = start // SECTOR * SECTOR, -(-end // SECTOR) * SECTOR
        end = min(end, len(self.data) + BLOCK)  # a table may say anything
        bar = ""
        while start < end:
            size = BLOCK if start % BLOCK == 0 and end - start >= BLOCK else SECTOR
            if start < len(self.data):
                self.data[start : start + size] = b"\xff" * min(size, len(self.data) - start)
            bar += "B" if size == BLOCK else "#"
            start += size
        return bar

    def program(self, start: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`."""
        end = min(start + len(data), len(self.data))
        count = max(0, end - start)
        old = int.from_bytes(self.data[start:end], "little")
        new = int.from_bytes(data[:count], "little")
        self.data[start:end] = (old & new).to_bytes(count, "little")

    def write(self, partition: Partition, offset: int, data: bytes) -> tuple[int, int]:
        """Program up to 4,096 bytes at an offset of a partition in the vendor's way, framed where it is framed.

        What is missing of a last frame is taken from the frame before it. Pages of 256 bytes come first, then pieces
        of 32; if the one piece that then remains is the only one, what follows in it is left to chance: its place is
        returned, and set to zeros here.
        """
        at = partition.offset + offset
        if partition.framed:
            data = self._codec.encode(_filled(data, self._codec.data), at)
            at = self._codec.physical(at)
        self.program(at, data)
        over = len(data) % PAGE
        end = at + len(data)
        chance = end + PIECE - over if 0 < over < PIECE else end
        self.program(end, bytes(chance - end))
        return end, chance


def _filled(data: bytes, frame: int) -> bytes:
    """Whole frames of so many bytes: what is missing is what the frame before has there, 0xFF where there is none."""
    missing = -len(data) % frame
    if not missing:
        return data
    end = len(data) + missing - frame
    before = data[end - frame : end] if end else b"\xff" * frame
    return data + before[-missing:]
