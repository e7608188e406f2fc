"""Faults of the partition table, which stands in the boot loader: framed with CRCs, in the flash before power-on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from bk7238.chip import Area, Chip
from bk7238.faults.fault import Fault
from bk7238.formats import partitions
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine

_SIZE = partitions.SIZE
_FIELDS = {"magic": (0, 4), "name": (4, 24), "device": (28, 24), "offset": (52, 4), "length": (56, 4), "crc": (60, 4)}


class PartitionTable(Fault):
    """Fields of the partition table are other than they were.

    Each argument is PARTITION.FIELD=VALUE with a field offset, length, name, device, magic (4 characters) or crc; all
    but crc leave the entry's own CRC right. PARTITION.entry=missing takes the entry out and closes the gap. An overlap
    is made of lengths and offsets: `partition-table:app.length=0x120000`.
    """

    NAME, SECTION = "partition-table", "Partition table"
    FIRES = "bytes of the table were changed"
    SWEPT = (
        "download.offset=0x133000",
        "download.length=0x1000",
        "download.name=upload",
        "download.magic=XXXX",
        "download.device=beken_onchip_crc",
        "download.crc=0",
        "download.entry=missing",
        "app.offset=0x11000",
        "app.length=0x10000",
        "app.length=0x120000",
        "app.entry=missing",
    )
    BEFORE_POWER_ON = True

    def check(self) -> None:
        if not self.spec.arguments:
            self.refuse("say what changes, as in partition-table:download.offset=0x133000")

    def other(self, name: str, value: str) -> None:
        partition, dot, field = name.rpartition(".")
        if not dot or not partition:
            self.refuse(f"{name!r} is no PARTITION.FIELD")
        if field == "entry":
            if value != "missing":
                self.refuse("an entry can only be `missing`")
        elif field not in _FIELDS:
            self.refuse(f"there is no field {field!r}; there is {', '.join(_FIELDS)} and entry")
        else:
            self._bytes(field, value)

    def flash(self, machine: Machine, _configuration: Callable[[], Area]) -> None:
        view = FlashView(machine.chip, bytes(machine.flash.data))
        logical = bytearray(view.boot_loader)
        before = bytes(logical)
        for name, value in self.spec.arguments:
            partition, _, field = name.rpartition(".")
            self._change(machine.chip, logical, partition, field, value)
        changed = [at for at in range(len(before)) if logical[at] != before[at]]
        codec = machine.chip.codec
        for start in sorted({at // codec.data * codec.data for at in changed}):
            address, framed = view.patch(start, bytes(logical[start : start + codec.data]))
            machine.flash.load(framed, address)
        if changed:
            where = f"boot loader, {codec.physical(changed[0]):#x} to {codec.physical(changed[-1]):#x}"
            self.record(where, ", ".join(f"{name}={value}" for name, value in self.spec.arguments))

    def _change(self, chip: Chip, logical: bytearray, partition: str, field: str, value: str) -> None:
        table = chip.table_in(bytes(logical))
        places = {entry.name: at for at, entry in table}
        if partition not in places:
            self.refuse(f"the image has no partition {partition!r}; there is {', '.join(sorted(places))}")
        at = places[partition]
        if field == "entry":
            lowest = min(places.values())
            logical[lowest + _SIZE : at + _SIZE] = logical[lowest:at]
            logical[lowest : lowest + _SIZE] = b"\xff" * _SIZE
            return
        start, size = _FIELDS[field]
        logical[at + start : at + start + size] = self._bytes(field, value)
        if field != "crc":
            logical[at + 60 : at + 64] = zlib.crc32(logical[at : at + 60]).to_bytes(4, "little")

    def _bytes(self, field: str, value: str) -> bytes:
        size = _FIELDS[field][1]
        if field in ("offset", "length", "crc"):
            try:
                return struct.pack("<I", int(value, 0))
            except (ValueError, struct.error):
                self.refuse(f"{field} is a number of 32 bits, not {value!r}")
        data = value.encode()
        if len(data) > size or (field == "magic" and len(data) != size):
            self.refuse(f"{field} has {size} bytes, {value!r} has {len(data)}")
        return data.ljust(size, b"\0")


KINDS = (PartitionTable,)
