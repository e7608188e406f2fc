"""The partition table that an app was built with: Beken's SDK compiles one into each app, and LibreTiny another.

The SDK's has entries of 20 bytes: owner, pointer to a description, physical start, length, options. It is found by the
pointer to `Application` and followed in both directions while descriptions follow. LibreTiny's has entries of 48 bytes:
the boot loader's magic, name[16], device[16], physical start, length, a word; the first is for the whole flash. An app
that has both goes by this one. The vendor's OTA guide names a difference between this table and the boot loader's as
the first cause of an update that does not happen.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from bk7238.formats import partitions
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView

ENTRY = struct.Struct("<5I")
LARGEST = 0x1000000
_APPLICATION = re.compile(rb"Application(?<![A-Za-z]Application)\0")  # what begins with letters is searched for fast
_TEXT = re.compile(rb"[A-Za-z][\x20-\x7e]{1,31}\0")
COUNTERPARTS = {"Application": "app", "ota": "download", "app": "app", "download": "download"}
_SECTOR = 0x1000  # LibreTiny's ends are rounded up to it
_FAL = struct.Struct("<4s16s16sIII")
_ROOT = partitions.MAGIC + b"root\0"


@dataclass(frozen=True)
class AppPartition:
    """One partition as the app knows it; addresses are physical."""

    name: str
    start: int
    length: int

    @property
    def end(self) -> int:
        """The address behind its last byte."""
        return self.start + self.length


def find(app: bytes, base: int) -> list[AppPartition]:
    """The table inside an app's logical bytes; empty where there is none. `base` is the logical address of its first
    byte."""
    return _libretiny(app) or _sdk(app, base)


def downloads(own: list[AppPartition]) -> int | None:
    """The physical address to which an app with this table writes packages; None where the table does not say."""
    return next((entry.start for entry in own if COUNTERPARTS.get(entry.name) == "download"), None)


def _libretiny(app: bytes) -> list[AppPartition]:
    table, root = [], app.find(_ROOT)
    at = root + _FAL.size
    while root >= 0 and app.startswith(partitions.MAGIC, at) and at + _FAL.size <= len(app):
        _, name, _, start, length, _ = _FAL.unpack_from(app, at)
        table.append(AppPartition(name.split(b"\0")[0].decode("latin-1"), start, length))
        at += _FAL.size
    return table


def _sdk(app: bytes, base: int) -> list[AppPartition]:
    for text in _APPLICATION.finditer(app):
        pointer = struct.pack("<I", base + text.start())
        at = app.find(pointer)
        while at >= 0:
            table = _around(app, at - 4, base)
            if len(table) > 1:
                return table
            at = app.find(pointer, at + 1)
    return []


def _around(app: bytes, at: int, base: int) -> list[AppPartition]:
    first = at
    while (before := _entry(app, first - ENTRY.size, base)) is not None and before:
        first -= ENTRY.size
    table = []
    while (entry := _entry(app, first, base)) is not None:
        table.append(entry)
        first += ENTRY.size
    return table


def _entry(app: bytes, at: int, base: int) -> AppPartition | None:
    if at < 0 or at + ENTRY.size > len(app):
        return None
    _, description, start, length, _ = ENTRY.unpack_from(app, at)
    text = _TEXT.match(app, description - base) if base <= description < base + len(app) else None
    if text is None or not 0 < length <= LARGEST or start > LARGEST or (start | length) & 0xFF:
        return None
    return AppPartition(text[0][:-1].decode(), start, length)


def differences(own: list[AppPartition], loader: dict[str, Partition]) -> list[str]:
    """In a line each: where the app's table and the boot loader's do not say the same of app and download."""
    found = []
    for entry in own:
        name = COUNTERPARTS.get(entry.name)
        if name is None:
            continue
        other = loader.get(name)
        if other is None:
            found.append(f"`{entry.name}` of the app is missing in the boot loader's table (`{name}`)")
        elif entry.start != other.physical_start:
            found.append(
                f"`{entry.name}` begins at {entry.start:#x} for the app, `{name}` at {other.physical_start:#x} for "
                "the boot loader"
            )
        elif entry.end not in (other.physical_end, other.physical_end + -other.physical_end % _SECTOR):
            found.append(
                f"`{entry.name}` ends at {entry.end:#x} for the app, `{name}` at {other.physical_end:#x} for the "
                "boot loader"
            )
    return found


def misplaced(own: list[AppPartition], loader: dict[str, Partition]) -> list[str]:
    """That the app writes packages where the boot loader does not look for them, with the remedy; else nothing."""
    download, place = loader.get("download"), downloads(own)
    if download is None or place is None or download.physical_start == place:
        return []
    return [
        f"the app writes packages to {place:#x}, the boot loader looks for them at {download.physical_start:#x} "
        "and installs none: give it a table for this app with --partitions, which `bk7238 image partitions --dump` "
        "prints of an image that has one"
    ]


def of_flash(flash: FlashView) -> list[AppPartition]:
    """The table in the app of a flash."""
    return find(flash.beyond_boot_loader, flash.chip.app)
