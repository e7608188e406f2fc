"""A full flash image: what a programmer reads out of the chip, from physical address 0 on, CRC-framed.

A file that cannot be one is refused with a line that names file, offset and remedy.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from bk7238 import host_files, resources
from bk7238.chip import Chip
from bk7238.formats import rbl
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.partitions import Partition
from bk7238.formats.scrambling import Coefficients
from bk7238.image import chip_check
from bk7238.image.file_format import PACKAGES, file_format
from bk7238.image.flash_view import FlashView
from bk7238.image.machine_code import is_code


class ImageError(ValueError):
    """A file that is no full flash image; the message is one line for its user."""


@dataclass(frozen=True)
class FlashImage:
    """`view` is the file as its chip reads it, `partitions` the boot loader's table by name. `path` is where it was
    read, `forced` whether it was taken whatever it looks like."""

    name: str
    view: FlashView
    partitions: dict[str, Partition]
    bootloader_version: str
    path: Path | None = field(default=None, compare=False)
    forced: bool = field(default=False, compare=False)

    def __repr__(self) -> str:
        return f"<image {self.name}: {len(self.data):,} bytes of {self.chip.name}>"

    @property
    def data(self) -> bytes:
        """The physical bytes of the file."""
        return self.view.data

    @property
    def chip(self) -> Chip:
        """Whose it is."""
        return self.view.chip

    @property
    def app(self) -> Partition:
        """The partition that is run."""
        return self.partitions["app"]


def read(path: Path, *, force: bool = False, chip: Chip | None = None, key: Coefficients | None = None) -> FlashImage:
    """Read and check a file, which may be one that is called by its name alone. Raises ImageError."""
    typed = path
    try:
        path = resources.located(path)
        data = host_files.read(path, host_files.BINARY)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}; give a full flash image{resources.NAMES}") from None
    found = parse(data, path.name, force=force, chip=chip, key=key, typed=typed)
    return replace(found, path=path, forced=force)


def parse(
    data: bytes,
    name: str,
    *,
    force: bool = False,
    chip: Chip | None = None,
    key: Coefficients | None = None,
    typed: Path | None = None,
) -> FlashImage:
    """Check that `data` is a full flash image of `chip`, by default of the one that is recognised, with the
    coefficients `key` in its eFuse where they are not its own. Raises ImageError, whose remedy calls the file as it was
    `typed`.

    With `force` it may be any bytes that fit a flash: what has no partition table is taken to have the vendor's, and
    what ends before the app partition does is filled up with 0xFF.
    """
    view = chip_check.recognise(bytes(data), key) if chip is None else FlashView(chip.keyed(key), bytes(data))
    if not data:
        raise ImageError(f"{name}: the file is empty; give a full flash image")
    chip, largest = view.chip, view.chip.largest.size
    size = chip_check.repeated(view)
    if size and not force:
        raise ImageError(
            f"{name}: {len(data) // size} times the same {size:#x} bytes: a chip of {size >> 20} MiB that was read "
            f"more than once; give the first {size} bytes (head -c {size})"
        )
    if len(data) > largest:
        raise ImageError(f"{name}: {len(data):#x} bytes are more than the largest flash, {largest:#x}")
    table = view.partitions
    if force:
        table = chip.usual_table(view.flash.size) | table
        view = view.up_to(min(table["app"].physical_end, largest))
    else:
        _check(view, name, str(typed or name))
        view = view.up_to(table["app"].physical_end)
    names = b"|".join(re.escape(one.encode()) for one in chip.names)
    version = re.search(rb"(%s)\0*_(\d+\.\d+\.\d+)" % names, view.boot_loader)
    return FlashImage(name, view, table, b"_".join(version.groups()).decode() if version else "unknown")


def _check(view: FlashView, name: str, typed: str) -> None:
    """Raises ImageError where the bytes are no whole image of this chip."""
    data, other = view.data, file_format(view.data)
    if other in PACKAGES:
        raise ImageError(
            f"{name}: this is {other.kind}; the full flash image comes first and it behind it, or "
            f"{_build('--bootloader BOOTLOADER --package', typed)} makes an image of it"
        )
    what = chip_check.other_file(data)
    if what:
        raise ImageError(f"{name}: {what}")
    start = chip_check.rotation(view)
    if start:
        raise ImageError(
            f"{name}: the boot loader begins at {start:#x} and the dump comes to its beginning again behind its end: "
            f"it is rotated; read the flash out from 0x0 on, or put the first {start} bytes at the end"
        )
    if not view.is_framed:
        raise ImageError(f"{name}: the 32 bytes at 0x0 are not followed by their CRC-16; {_unframed(view, typed)}")
    why = chip_check.objection(view)
    if why:
        raise ImageError(f"{name}: {chip_check.scrambled(view, why)}")
    if view.app is None:
        raise ImageError(
            f"{name}: no partition table with an `app` entry below {view.app_start:#x}; "
            "give a full image that begins with the bootloader; of an app alone "
            f"{_build('--bootloader BOOTLOADER --app', typed)} makes one"
        )
    end = view.app.physical_end
    if len(data) < end and (len(data) <= view.app.physical_start or not _is_packed(view)):
        raise ImageError(
            f"{name}: truncated at {len(data):#x}, the app partition reaches to {end:#x}; read the flash out again"
        )


def _is_packed(view: FlashView) -> bool:
    """Whether the bytes end with a footer: a packager made them for a smaller partition than the table has."""
    footer = CRC_FRAMES.decode(view.data[-rbl.SIZE // CRC_FRAMES.data * CRC_FRAMES.frame :], 0)
    return len(footer) == rbl.SIZE and rbl.unpack(footer).crc_ok


def _build(options: str, typed: str) -> str:
    """The command that makes a full image of a file, which is the value of the last of the options."""
    return f"`bk7238 image build {options} {shlex.quote(typed)} -o full.bin`"


def _unframed(view: FlashView, typed: str) -> str:
    """What is seen in bytes that are not framed from their beginning on."""
    at = chip_check.shift(view)
    if at:
        return f"frames with right CRCs begin at {at:#x}: bytes are missing or too many there; read the flash out again"
    crcs = "a full flash image has one after every 32 bytes"
    if view.chip.table_in(chip_check.plain(view.chip, view.data)):
        if len(view.data) > view.chip.app:
            return f"this is a flash without its CRCs, and {crcs}; read it out with them"
        return f"this is a boot loader without CRCs, and {crcs}: {_build('--app APP --bootloader', typed)} makes it"
    if is_code(view.data):
        return f"this is code without CRCs, and {crcs}: {_build('--bootloader BOOTLOADER --app', typed)} makes it"
    return f"{crcs}, as programmers read it out; this has neither CRCs nor code"
