"""The flash as a boot loader's drivers see it: partitions that are read, erased and programmed, and the CPU's window.

All addresses are physical unless a name says otherwise. Programming can only clear bits, as in the chip. The drivers
make and undo CRC frames themselves and know nothing of scrambling; the window shows what the chip's codec makes of it.
"""

from __future__ import annotations

from bk7238.formats.codec import CRC_FRAMES, Codec
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView
from bk7238.peripherals.nor_endings import BLOCK_64K, PAGE
from bk7238.peripherals.nor_endings import SECTOR as SECTOR
from bk7238.peripherals.nor_flash import NorFlash

PIECE = 32


class Storage:
    """The bytes of a whole chip, to be changed."""

    def __init__(self, flash: FlashView) -> None:
        self._chip = NorFlash(len(flash.data), 0)
        self._chip.load(flash.data)
        self.data = self._chip.data
        self._codec = flash.chip.codec

    def read(self, partition: Partition, offset: int, count: int) -> bytes:
        """`count` bytes at an offset of a partition, without the CRCs of a framed one. A chip begins again at its end,
        the CPU's window reads as 0xFF there."""
        count = min(count, len(self.data))
        if not partition.framed:
            start = (partition.offset + offset) % len(self.data)
            return bytes(self.data[start : start + count]).ljust(count, b"\xff")
        return self._decoded(CRC_FRAMES, partition.offset + offset, count)

    def window(self, logical: int, count: int) -> bytes:
        """What the CPU reads at a logical address."""
        return self._decoded(self._codec, logical, min(count, len(self.data)))

    def _decoded(self, codec: Codec, logical: int, count: int) -> bytes:
        first = logical // codec.data
        frames = -(-(logical + count) // codec.data) - first
        start = first * codec.frame
        raw = bytes(self.data[start : start + frames * codec.frame]).ljust(frames * codec.frame, b"\xff")
        skip = logical - first * codec.data
        return codec.decode(raw, start)[skip : skip + count]

    def erase(self, start: int, end: int) -> str:
        """Erase from sector to sector, whole blocks where they are aligned. What a boot loader shows: `#` and `B`."""
        start, end = start // SECTOR * SECTOR, -(-end // SECTOR) * SECTOR
        end = min(end, len(self.data) + BLOCK_64K)  # a table may say anything
        bar = ""
        while start < end:
            size = BLOCK_64K if start % BLOCK_64K == 0 and end - start >= BLOCK_64K else SECTOR
            self._chip.erase(start, size)
            bar += "B" if size == BLOCK_64K else "#"
            start += size
        return bar

    def program(self, start: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`, as far as there is a chip."""
        self._chip.program(start, data)

    def write(self, partition: Partition, offset: int, data: bytes) -> tuple[int, int]:
        """Program up to 4,096 bytes at an offset of a partition in the vendor's way, framed where it is framed.

        What is missing of a last frame is taken from the frame before it. Pages of 256 bytes come first, then pieces
        of 32; if the one piece that then remains is the only one, what follows in it is left to chance: its place is
        returned, and set to zeros here.
        """
        at = partition.offset + offset
        if partition.framed:
            data = CRC_FRAMES.encode(_filled(data, CRC_FRAMES.data), at)
            at = CRC_FRAMES.physical(at)
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
