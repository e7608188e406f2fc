"""A full flash image from its parts: boot loader, app, their footers, and areas that are stored as they are.

All code is stored with a CRC after every 32 bytes, what nothing is said about is erased. `bk7238.image.split` takes an
image apart into these parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bk7238.chip import Chip
from bk7238.formats import rbl, rbl_body
from bk7238.formats.codec import Codec
from bk7238.formats.partitions import Partition
from bk7238.image.flash_image import ImageError


@dataclass(frozen=True)
class Parts:
    """`bootloader` and `app` are logical bytes, `size` is that of the file. A footer is 96 bytes, or nothing. `areas`
    are physical addresses and the bytes there; they are put in last, over all else. The boot loader's footer is at a
    logical address, by default where the chip's vendor's packager puts it."""

    chip: Chip
    bootloader: bytes
    app: bytes
    size: int
    bootloader_footer: bytes = b""
    app_footer: bytes = b""
    areas: tuple[tuple[int, bytes], ...] = ()
    bootloader_footer_at: int | None = None


def build(parts: Parts) -> bytes:
    """The image. Raises ImageError for parts that do not fit."""
    chip, largest = parts.chip, parts.chip.largest.size
    if not 0 < parts.size <= largest:
        raise ImageError(f"an image of {parts.size:#x} bytes; the largest flash has {largest:#x}")
    app = app_partition(parts.bootloader, chip)
    usual, own = chip.packager.boot_loader_footer, parts.bootloader_footer_at
    _check_sizes(parts, app)
    image = bytearray(b"\xff" * parts.size)
    put = partial(_put_logical, chip.codec, chip.clear_in(parts.bootloader), image)
    put(0, parts.bootloader, "the boot loader")
    put(usual if own is None else own, parts.bootloader_footer, "the boot loader's footer")
    put(app.offset, parts.app, "the app")
    put(app.offset + app.length - rbl.SIZE, parts.app_footer, "the app's footer")
    for address, data in parts.areas:
        _put(image, address, data, f"the area at {address:#x}")
    return bytes(image)


def app_partition(bootloader: bytes, chip: Chip) -> Partition:
    """The app's entry of the table in a boot loader for a chip. Raises ImageError."""
    table = {partition.name: partition for _, partition in chip.table_in(bootloader)}
    if "app" not in table:
        raise ImageError(f"the boot loader has no partition table with an `app` entry; give a {chip.name}'s, raw")
    if not table["app"].framed:
        raise ImageError(f"the app partition is on `{table['app'].device}`, not on the CRC-framed device")
    return table["app"]


def smallest_size(bootloader: bytes, chip: Chip) -> int:
    """The size of the vendor's images: up to the end of the app partition."""
    return app_partition(bootloader, chip).physical_end


def footer(raw: bytes, timestamp: int, version: str, partition: str = "app") -> bytes:
    """The footer that the vendor's packager gives what it puts into an image: the header of a plain package."""
    body = rbl_body.pad(raw)
    return rbl.header(raw, body, algorithm=0, timestamp=timestamp, partition=partition, version=version).pack()


def _check_sizes(parts: Parts, app: Partition) -> None:
    place, largest = parts.chip.app, parts.chip.largest.size
    if len(parts.bootloader) > place:
        raise ImageError(f"the boot loader has {len(parts.bootloader):#x} bytes, its place {place:#x}")
    room = app.length - rbl.SIZE
    if len(parts.app) > (room if parts.app_footer else app.length):
        raise ImageError(f"the app has {len(parts.app)} bytes, its partition {room} and {rbl.SIZE} for the footer")
    if app.offset < place or app.physical_end > largest:
        raise ImageError(
            f"the app partition from {app.physical_start:#x} to {app.physical_end:#x} does not lie between the boot "
            "loader and the end of a flash"
        )
    for content in (parts.bootloader_footer, parts.app_footer):
        if len(content) not in (0, rbl.SIZE):
            raise ImageError(f"a footer of {len(content)} bytes; it has {rbl.SIZE} or is left out")


def _put_logical(codec: Codec, clear: Sequence[range], image: bytearray, logical: int, data: bytes, what: str) -> None:
    if not data:
        return
    if logical % codec.data:
        raise ImageError(f"{what} would begin at logical {logical:#x}, which is no multiple of {codec.data}")
    _put(image, codec.physical(logical), codec.encode(data, logical, clear), what)


def _put(image: bytearray, start: int, data: bytes, what: str) -> None:
    if start + len(data) > len(image):
        raise ImageError(f"{what} ends at {start + len(data):#x}, beyond the image of {len(image):#x} bytes")
    image[start : start + len(data)] = data
