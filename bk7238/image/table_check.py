"""What a boot loader or the flash will not like about a partition table."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from bk7238.chip import Chip
from bk7238.formats.partitions import Partition
from bk7238.peripherals.nor_endings import SECTOR


def objections(table: Iterable[Partition], chip: Chip) -> list[str]:
    """In a line each, by physical addresses: what is not made of whole sectors, what overlaps, and what lies outside
    the largest flash of the chip."""
    placed = sorted(table, key=lambda one: one.physical_start)
    found = [text for one in placed for text in _places(one, chip)]
    for before, after in pairwise(placed):
        if before.physical_end > after.physical_start:
            found.append(
                f"{before.name} ({_range(before)}) and {after.name} ({_range(after)}) overlap: what is written to one "
                "is erased with the other"
            )
    return found


def _places(one: Partition, chip: Chip) -> list[str]:
    found = []
    if one.physical_start % SECTOR or one.physical_end % SECTOR:
        found.append(
            f"{one.name} ({_range(one)}) does not begin and end with a sector of {SECTOR:#x}: what lies beside it in "
            "its sectors is erased with it"
        )
    if one.physical_end > chip.largest.size:
        found.append(f"{one.name} ({_range(one)}) ends beyond the largest flash, {chip.largest.size:#x}")
    return found


def _range(one: Partition) -> str:
    return f"{one.physical_start:#x} to {one.physical_end:#x}"
