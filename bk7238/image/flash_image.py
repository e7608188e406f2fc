"""A full flash image: what a programmer reads out of the chip, from physical address 0 on, CRC-framed.

A file that cannot be one is refused with a line that names file, offset and remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bk7238.formats import crc_framing, partitions
from bk7238.formats.partitions import Partition

LARGEST = 0x400000
BOOTLOADER = 0x10000  # logical bytes that belong to the bootloader
_BOOTLOADER_VERSION = re.compile(rb"BK7238\0*_(\d+\.\d+\.\d+)")


class ImageError(ValueError):
    """A file that is no full flash image; the message is one line for its user."""


@dataclass(frozen=True)
class FlashImage:
    """`data` are the physical bytes of the file, `partitions` the bootloader's table by name."""

    name: str
    data: bytes
    partitions: dict[str, Partition]
    bootloader_version: str

    @property
    def app(self) -> Partition:
        return self.partitions["app"]


def read(path: Path) -> FlashImage:
    """Read and check a file. Raises ImageError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}; give a full flash image") from None
    return parse(data, path.name)


def parse(data: bytes, name: str) -> FlashImage:
    """Check that `data` is a full flash image. Raises ImageError."""
    if not data:
        raise ImageError(f"{name}: the file is empty; give a full flash image")
    if len(data) > LARGEST:
        raise ImageError(f"{name}: {len(data):#x} bytes are more than the largest flash, {LARGEST:#x}")
    _check_framing(data, name)
    bootloader = crc_framing.strip(data[: crc_framing.physical(BOOTLOADER)])
    table = {partition.name: partition for _, partition in partitions.find(bootloader)}
    if "app" not in table:
        raise ImageError(
            f"{name}: no partition table with an `app` entry below {crc_framing.physical(BOOTLOADER):#x}; "
            "give a full image that begins with the bootloader, not an app or a package alone"
        )
    end = table["app"].physical_end
    if len(data) < end:
        raise ImageError(
            f"{name}: truncated at {len(data):#x}, the app partition reaches to {end:#x}; read the flash out again"
        )
    version = _BOOTLOADER_VERSION.search(bootloader)
    return FlashImage(name, data, table, "BK7238_" + version[1].decode() if version else "unknown")


def _check_framing(data: bytes, name: str) -> None:
    bad = crc_framing.bad_frames(data[: crc_framing.FRAME])
    if bad or data[: crc_framing.FRAME] == b"\xff" * crc_framing.FRAME or len(data) < crc_framing.FRAME:
        if data[:4] == b"RBL\0":
            raise ImageError(f"{name}: this is an update package (RBL); give the full flash image first, then it")
        raise ImageError(
            f"{name}: the 32 bytes at 0x0 are not followed by their CRC-16; "
            "a full flash image has one after every 32 bytes, as programmers read it out"
        )
