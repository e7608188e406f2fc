"""A boot loader's own bytes: its partition table, its key and IV, as a file alone or within a full image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bk7238 import host_files, resources
from bk7238.chip import Chip
from bk7238.formats import partitions
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.partitions import Partition
from bk7238.formats.scrambling import Coefficients
from bk7238.image import chip_check, loaders
from bk7238.image.flash_image import ImageError
from bk7238.image.flash_view import FlashView


@dataclass(frozen=True)
class Bootloader:
    """`data` are logical bytes. `rest` are the physical bytes of a full image behind those of the boot loader, None
    where the file had the boot loader alone and without CRCs."""

    name: str
    data: bytes
    chip: Chip
    rest: bytes | None = None

    @property
    def table(self) -> list[tuple[int, Partition]]:
        """(logical offset, partition), the highest first."""
        return self.chip.table_in(self.data)

    @property
    def partitions(self) -> dict[str, Partition]:
        """The table, by name."""
        return {partition.name: partition for _, partition in self.table}

    def file(self) -> bytes:
        """The bytes of a file of the kind that was read."""
        if self.rest is None:
            return self.data
        return self.chip.codec.encode(self.data, 0, self.chip.clear_in(self.data)) + self.rest

    def with_table(self, table: list[Partition]) -> Bootloader:
        """With another table, the first partition highest. Raises ImageError where there is no place for it."""
        places = [at for at, _ in self.table]
        if not places:
            raise ImageError(f"{self.name}: no partition table to replace; give a boot loader or a full image")
        if not table:
            raise ImageError(f"{self.name}: an empty table would leave the boot loader without `download` and `app`")
        low, high = min(places), max(places) + partitions.SIZE
        end, most = low + partitions.SIZE * len(table), self.chip.table_below
        if end > most:
            raise ImageError(f"{self.name}: a table of {len(table)} entries at {low:#x} ends above {most:#x}")
        data = bytearray(self.data.ljust(end, b"\xff"))
        occupied = bytes(data[high:end]).strip(b"\xff")
        if occupied:
            raise ImageError(f"{self.name}: no room for {len(table)} entries: {high:#x} is in use")
        data[low:high] = b"\xff" * (high - low)
        data[low:end] = b"".join(_packed(partition) for partition in reversed(table))
        return replace(self, data=bytes(data))

    def with_keys(self, key: bytes, iv: bytes) -> Bootloader:
        """With another key (32 bytes) and IV (16). Raises ImageError for other lengths, and where their place is not
        known."""
        place = loaders.of_code(self.data).keys
        if place is None:
            raise ImageError(f"{self.name}: where this boot loader keeps key and IV is not known")
        check_keys(key, iv)
        return replace(self, data=place.put(self.data, key, iv))


def check_keys(key: bytes, iv: bytes) -> None:
    """Raises ImageError where a key has not 32 bytes or an IV not 16."""
    if len(key) != 32:
        raise ImageError(f"a key has 32 characters, this one {len(key)}; give -k as it stands in the boot loader")
    if len(iv) != 16:
        raise ImageError(f"an IV has 16 characters, this one {len(iv)}; give -i as it stands in the boot loader")


def _packed(partition: Partition) -> bytes:
    try:
        return partition.pack()
    except (UnicodeEncodeError, ValueError) as error:
        raise ImageError(f"partition {partition.name!r} cannot be written: {error}") from None


def parse(
    data: bytes, name: str, *, force: bool = False, chip: Chip | None = None, key: Coefficients | None = None
) -> Bootloader:
    """A boot loader alone (raw, scrambled or not, or framed) or a full image, of `chip` or of the one that is
    recognised, with the coefficients `key` in its eFuse where they are not its own. Raises ImageError; for another
    chip's not with `force`."""
    if not data:
        raise ImageError(f"{name}: the file is empty; give a boot loader or a full flash image")
    view = chip_check.recognise(bytes(data), key) if chip is None else FlashView(chip.keyed(key), data)
    framed, place = view.is_framed, view.chip.app
    code = data if framed else chip_check.plain(view.chip, data)
    why = "" if force else chip_check.objection(view) if framed else chip_check.objection_to_code(view.chip, code)
    if framed:
        if why:
            raise ImageError(f"{name}: {chip_check.scrambled(view, why)}")
        return Bootloader(name, view.boot_loader, view.chip, data[view.app_start :])
    what = chip_check.other_file(data)
    if what:
        raise ImageError(f"{name}: {what}")
    if len(data) > place:
        raise ImageError(
            f"{name}: {len(data):#x} bytes without CRCs are more than a boot loader's {place:#x}; give the boot "
            "loader alone, or a full image with a CRC after every 32 bytes"
        )
    if why:
        as_framed = FlashView(view.chip, CRC_FRAMES.encode(data, 0))
        raise ImageError(f"{name}: {chip_check.scrambled(as_framed, why)}")
    return Bootloader(name, code, view.chip)


def read(path: Path, *, force: bool = False, chip: Chip | None = None, key: Coefficients | None = None) -> Bootloader:
    """Read a file. Raises ImageError."""
    try:
        path = resources.located(path)
        return parse(host_files.read(path, host_files.BINARY), path.name, force=force, chip=chip, key=key)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}; give a boot loader or a full flash image") from None
