"""What the boot loader in a flash will do with the package there: chosen by the loader that stands in the image.

`bk7238 image check` prints it, `bk7238 ota` explains with it an update that did not happen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bk7238.chip import Chip, ChipError
from bk7238.formats import rbl
from bk7238.image import app_table, beken_loader, chip_check, reference_loader
from bk7238.image.flash_image import ImageError
from bk7238.image.flash_view import FlashView
from bk7238.image.prediction import Prediction
from bk7238.image.storage import SECTOR

_PROBE = 64


@dataclass(frozen=True)
class Loader:
    """A boot loader that can be foretold: `recognises` gives its name for logical bytes that hold it."""

    recognises: Callable[[bytes], str | None]
    predict: Callable[[FlashView, str], Prediction]


LOADERS = (
    Loader(beken_loader.recognises, beken_loader.predict),
    Loader(reference_loader.recognises, reference_loader.predict),
)


def predict(flash: bytes, package: bytes | None = None, at: int | None = None, chip: Chip | None = None) -> Prediction:
    """Foretell the next boot of a flash of a chip, or of the one that is recognised (physical bytes; what is shorter
    than a flash is filled up with 0xFF).

    `package`, a whole RBL, is first put where the app writes it, or at the physical address `at`. Without `at` it is
    left alone if a part of it is in the flash already: then this is the dump of a device that has downloaded it.
    Raises ImageError where no boot loader is known.
    """
    view = _whole(FlashView(chip or chip_check.recognise(flash), flash))
    if package is not None and (at is not None or not holds(view, package)):
        view = FlashView(view.chip, place(view.data, package, where_app_writes(view)[0] if at is None else at))
    return as_it_is(view, package)


def as_it_is(flash: FlashView, package: bytes | None = None) -> Prediction:
    """Foretell the next boot of a flash in which nothing is put any more. A `package` that was meant to be installed
    is compared with what lies there, for the cause. Raises ImageError where no boot loader is known."""
    flash = _whole(flash)
    for loader in LOADERS:
        name = loader.recognises(flash.boot_loader)
        if name is not None:
            return _explained(loader.predict(flash, name), flash, package)
    raise ImageError("the boot loader in this image is not known; Beken's 1.0.x and the reference one can be foretold")


def _whole(flash: FlashView) -> FlashView:
    """Filled up to the smallest flash that holds it."""
    try:
        return flash.whole()
    except ChipError as error:
        raise ImageError(str(error)) from None


def where_app_writes(flash: FlashView) -> tuple[int, str]:
    """The physical address at which the app puts a package, and how that is known."""
    for entry in app_table.of_flash(flash):
        if entry.name == "ota":
            return entry.start, "the app's own partition table"
    fitted = flash.flash
    return fitted.area("download").start, f"the SDK's table for {fitted.size >> 20} MiB, as the app has none"


def holds(flash: FlashView, package: bytes) -> bool:
    """Whether a part of the package lies somewhere outside the boot loader and the app."""
    pieces = [package[: rbl.SIZE], *(package[n * SECTOR : n * SECTOR + _PROBE] for n in (1, 2, 3))]
    return any(len(set(piece)) > 1 and flash.data.find(piece, flash.app_start) >= 0 for piece in pieces)


def place(flash: bytes, package: bytes, at: int) -> bytes:
    """The flash after the app has written a package there: whole sectors, the rest of the last one erased."""
    end = at + -(-len(package) // SECTOR) * SECTOR
    if not 0 <= at < len(flash):
        raise ImageError(f"the package would begin at {at:#x}, beyond the flash of {len(flash):#x} bytes")
    written = package.ljust(end - at, b"\xff")[: len(flash) - at]
    return flash[:at] + written + flash[at + len(written) :]


# Why, with the package at hand


def _explained(prediction: Prediction, flash: FlashView, package: bytes | None) -> Prediction:
    """The prediction with a cause that says what a comparison with the package shows."""
    if not prediction.cause or package is None or len(set(package[: rbl.SIZE])) < 2:
        return prediction
    download = flash.download
    failed = next((step.name for step in prediction.steps if step.passed is False), "")
    if download is None:
        return prediction
    where = f"its download partition at {download.physical_start:#x}"
    if failed == "package header" and not download.framed:
        elsewhere = flash.data.find(package[: rbl.SIZE])
        if 0 <= elsewhere != download.physical_start:
            cause = f"no header in {where}; the package lies at {elsewhere:#x}: app and bootloader disagree"
            return replace(prediction, cause=cause)
    if failed in ("package header", "body's CRC-32") and not download.framed:
        there = flash.data[download.physical_start : download.physical_start + len(package)]
        if there != package and there[: rbl.SIZE // 2] != b"\xff" * (rbl.SIZE // 2):
            offset = next((n for n, (a, b) in enumerate(zip(there, package, strict=False)) if a != b), len(there))
            return replace(prediction, cause=f"{prediction.cause} (it differs from the package from {offset:#x} on)")
    if failed == "dry run" and beken_loader.recognises(flash.boot_loader):
        key, iv = (text.decode("latin-1") for text in beken_loader.keys(flash.boot_loader))
        return replace(prediction, cause=f"{prediction.cause}; the boot loader's key is {key!r}, its IV {iv!r}")
    return prediction
