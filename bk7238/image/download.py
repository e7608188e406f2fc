"""A package in the flash as an app leaves it there after the download: where the app writes it, whether it is there."""

from __future__ import annotations

from bk7238.formats import rbl
from bk7238.image import app_table
from bk7238.image.flash_image import ImageError
from bk7238.image.flash_view import FlashView

SECTOR = 0x1000
_PROBE = 64


def downloaded(flash: FlashView, package: bytes, at: int | None = None) -> FlashView:
    """The whole flash once a package, a whole RBL, is where the app writes it, or at the physical address `at`.

    Without `at` a flash is left alone that has a part of the package already: it is the dump of a device that has
    downloaded it. Raises ImageError where the address lies beyond the flash, ChipError for more bytes than one has.
    """
    flash = flash.whole()
    if at is None and holds(flash, package):
        return flash
    written = place(flash.data, package, where_app_writes(flash)[0] if at is None else at)
    return FlashView(flash.chip, written)


def where_app_writes(flash: FlashView) -> tuple[int, str]:
    """The physical address at which the app puts a package, and how that is known."""
    place = app_table.downloads(app_table.of_flash(flash))
    if place is not None:
        return place, "the app's own partition table"
    fitted = flash.flash
    return fitted.area("download").start, f"the SDK's table for {fitted.size >> 20} MiB, as the app has none"


def holds(flash: FlashView, package: bytes) -> bool:
    """Whether a part of the package lies somewhere outside the boot loader and the app."""
    pieces = [package[: rbl.SIZE], *(package[n * SECTOR : n * SECTOR + _PROBE] for n in (1, 2, 3))]
    return any(len(set(piece)) > 1 and flash.data.find(piece, flash.app_start) >= 0 for piece in pieces)


def place(flash: bytes, package: bytes, at: int) -> bytes:
    """The bytes of a flash after an app has written a package at a physical address: whole sectors, the rest of the
    last one erased. Raises ImageError where the address lies beyond the flash."""
    size = len(flash)
    if not 0 <= at < size:
        raise ImageError(f"the package would begin at {at:#x}, beyond the flash of {size:#x} bytes")
    written = package.ljust(-(-len(package) // SECTOR) * SECTOR, b"\xff")[: size - at]
    return flash[:at] + written + flash[at + len(written) :]
