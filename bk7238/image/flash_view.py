"""A flash as its chip reads it: partitions, footers, code by logical addresses. It alone applies the chip's codec.

    view = FlashView(chip, image)
    view.footer(view.partitions["app"])

Addresses are physical (bytes of the flash) where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bk7238.chip import Area, Chip, FlashChip
from bk7238.formats import rbl
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.partitions import Partition
from bk7238.image.machine_code import Name, is_code, names


@dataclass(frozen=True)
class Frames:
    """The frames of a range: how many hold, and where those are that are erased, and those that do not hold."""

    start: int
    end: int
    good: int
    erased: tuple[int, ...]
    bad: tuple[int, ...]


@dataclass(frozen=True)
class FlashView:
    """`data` are the bytes of a flash from its beginning on; they may end before it does."""

    chip: Chip
    data: bytes

    @property
    def flash(self) -> FlashChip:
        """The smallest flash that holds the bytes. Raises ChipError where none does."""
        return self.chip.flash_for(len(self.data))

    def of(self, chip: Chip) -> FlashView:
        """The same flash as a chip sees it that reads the same in it: what is known of it is not found out again."""
        other = FlashView(chip, self.data)
        vars(other).update(vars(self) | vars(other))
        return other

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle has: the bytes, and not what was made of them."""
        return {"chip": self.chip, "data": self.data}

    def whole(self) -> FlashView:
        """The same flash, its bytes filled up to its size. Raises ChipError where they are too many."""
        return self.up_to(self.flash.size)

    def up_to(self, size: int) -> FlashView:
        """The same flash, its bytes filled up to this size where they are fewer."""
        return self if len(self.data) >= size else FlashView(self.chip, self.data.ljust(size, b"\xff"))

    @property
    def app_start(self) -> int:
        """Where the boot loader's bytes end and the app's may begin."""
        return self.chip.codec.physical(self.chip.app)

    # Code, as the CPU sees it, and as the boot loader reads what is not scrambled

    @cached_property
    def boot_loader(self) -> bytes:
        """The logical bytes that belong to the boot loader."""
        return self._decode(self.data[: self.app_start], 0)

    @cached_property
    def beyond_boot_loader(self) -> bytes:
        """The logical bytes of all that follows the boot loader's."""
        return self._decode(self.data[self.app_start :], self.app_start)

    @cached_property
    def app_code(self) -> bytes:
        """The content of the app's partition; of all that follows the boot loader where the table has none."""
        return self.beyond_boot_loader if self.app is None else self._content(self.app)

    @cached_property
    def is_code(self) -> bool | None:
        """Whether boot loader and app look like code; None where there is too little of it."""
        return is_code(self.boot_loader + self.app_code)

    @cached_property
    def app_names(self) -> tuple[Name, ...]:
        """The names that the app gives itself."""
        return names(self.app_code)

    @cached_property
    def loader_names(self) -> tuple[Name, ...]:
        """The names that the boot loader gives itself."""
        return names(self.boot_loader)

    @cached_property
    def _clear(self) -> tuple[range, ...]:
        """The logical addresses of what is not scrambled."""
        return self.chip.clear_in(CRC_FRAMES.decode(self.data[: self.app_start], 0))

    def _decode(self, framed: bytes, at: int) -> bytes:
        return self.chip.codec.decode(framed, at, self._clear)

    @property
    def logical_size(self) -> int:
        """How many logical bytes the whole frames have."""
        return len(self.data) // self.chip.codec.frame * self.chip.codec.data

    def logical(self, start: int, end: int) -> bytes:
        """What the CPU reads from one logical address to another; 0xFF beyond the end."""
        codec = self.chip.codec
        first = start // codec.data
        last = -(-end // codec.data)
        framed = self.data[first * codec.frame : last * codec.frame].ljust((last - first) * codec.frame, b"\xff")
        return self._decode(framed, first * codec.frame)[start - first * codec.data : end - first * codec.data]

    def patch(self, start: int, data: bytes) -> tuple[int, bytes]:
        """The address and the bytes to write so that `data` stands at a logical address: whole frames."""
        codec = self.chip.codec
        first, last = start // codec.data * codec.data, -(-(start + len(data)) // codec.data) * codec.data
        content = bytearray(self.logical(first, last))
        content[start - first : start - first + len(data)] = data
        return codec.physical(first), codec.encode(bytes(content), first, self._clear)

    def frames(self, start: int, end: int) -> Frames:
        """The whole frames of a range that begins with one."""
        data, codec = self.data[start:end], self.chip.codec
        bad, erased = codec.bad(data), codec.erased(data)
        good = len(data) // codec.frame - len(bad) - len(erased)
        return Frames(start, end, good, tuple([start + at for at in erased]), tuple([start + at for at in bad]))

    @cached_property
    def is_framed(self) -> bool:
        """Whether the bytes have CRCs as the flash of this chip has them: where the boot loader lies or, where that is
        lost, anywhere. Some frames may be damaged."""
        return self.has_frames(0, self.app_start) or self.has_frames(self.app_start, len(self.data))

    def has_frames(self, start: int, end: int) -> bool:
        """Whether there are frames from this address on: an eighth of what is not erased. So the first eighth, where
        all of it holds, is enough."""
        data, codec = self.data[start:end], self.chip.codec
        eighth = -(-len(data) // codec.frame // 8) * codec.frame
        if eighth and codec.counts(data[:eighth]) == (eighth // codec.frame, 0):
            return True
        good, bad = codec.counts(data)
        return good > 0 and good * 8 >= good + bad

    # The partition table, and what it names

    @cached_property
    def table(self) -> list[tuple[int, Partition]]:
        """The boot loader's table, the highest entry first: its logical offset, and the partition."""
        return self.chip.table_in(self.boot_loader)

    @cached_property
    def partitions(self) -> dict[str, Partition]:
        """The boot loader's table by name; the highest entry of a name counts."""
        found: dict[str, Partition] = {}
        for _, partition in self.table:
            found.setdefault(partition.name, partition)
        return found

    @property
    def app(self) -> Partition | None:
        """The table's entry for the app."""
        return self.partitions.get("app")

    @property
    def download(self) -> Partition | None:
        """The table's entry for the package that is to be installed."""
        return self.partitions.get("download")

    def area(self, name: str) -> Area:
        """An area: of the boot loader's table or, where it does not name it, of the chip. Raises ChipError."""
        entry = self.partitions.get(name)
        if entry is None:
            return self.flash.area(name)
        return Area(name, entry.physical_start, entry.physical_end - entry.physical_start)

    def raw(self, partition: Partition) -> bytes:
        """The physical bytes of a partition."""
        return self.data[partition.physical_start : partition.physical_end]

    def content(self, partition: Partition) -> bytes:
        """What stands in a partition: its logical bytes where it is framed."""
        return self.app_code if partition == self.app else self._content(partition)

    def _content(self, partition: Partition) -> bytes:
        raw = self.raw(partition)
        return self._decode(raw, partition.physical_start) if partition.framed else raw

    def footer_at(self, partition: Partition) -> int:
        """The first byte that belongs to the footer of a partition, or to a frame of it."""
        end = partition.offset + partition.length
        if not partition.framed:
            return end - rbl.SIZE
        codec = self.chip.codec
        return codec.physical(end - -(-rbl.SIZE // codec.data) * codec.data - codec.data)

    def footer(self, partition: Partition) -> bytes:
        """The 96 bytes at the end of a partition, where the boot loader keeps the installed package's header; fewer
        where it lies beyond the flash."""
        at = self.footer_at(partition)
        end = self.data[at : partition.physical_end]
        return (self._decode(end, at) if partition.framed else end)[-rbl.SIZE :]

    @property
    def header(self) -> bytes | None:
        """The 96 bytes in which the boot loader looks for a package; None where it has no such partition, or one in
        which no header can be read."""
        download = self.download
        if download is None or download.framed:
            return None
        raw = self.data[download.physical_start : download.physical_start + rbl.SIZE]
        return raw if len(raw) == rbl.SIZE else None
