"""Raw binaries, as a linker's output is before CRCs are added, and what is often given in their place."""

from __future__ import annotations

from pathlib import Path

from bk7238 import host_files, resources
from bk7238.chip import Chip
from bk7238.formats import partitions
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.partitions import Partition
from bk7238.image import split
from bk7238.image.file_format import file_format
from bk7238.image.flash_image import ImageError
from bk7238.image.flash_view import FlashView


def read(path: Path, what: str, chip: Chip) -> tuple[bytes, int]:
    """The bytes of a raw binary for a chip, or of the app in an app partition that was read out of the flash, and the
    file's modification time in whole seconds. Raises ImageError for another file; `what` says what is to be given."""
    data, modified = contents(path, what)
    data = _without_crcs(data, chip)
    check(data, path.name, what, chip)
    return data, modified


def contents(path: Path, what: str) -> tuple[bytes, int]:
    """The bytes of any file, which may be one that is called by its name alone, and its modification time in whole
    seconds. Raises ImageError."""
    try:
        path = resources.located(path)
        return host_files.read(path, host_files.BINARY), int(path.stat().st_mtime)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}; give {what}") from None


def _without_crcs(data: bytes, chip: Chip) -> bytes:
    """The app in the whole frames of an app partition, without its footer; other bytes as they are."""
    alone, codec = FlashView(chip, data), chip.codec
    if alone.app is not None or not codec.begins_with_unit(data) or alone.frames(0, len(data)).bad:
        return data
    entry = Partition("app", partitions.FRAMED_DEVICE, chip.app, alone.logical_size, codec=codec)
    loader = CRC_FRAMES.encode(entry.pack().ljust(chip.app, b"\xff"), 0)  # it says where the footer is
    return split.app_parts(FlashView(chip, loader + data), entry)[0]


def check(data: bytes, name: str, what: str, chip: Chip) -> None:
    """Raises ImageError for what is no raw binary: another format, or one with CRCs already."""
    check_format(data, name, what)
    view = FlashView(chip, data)
    codec = view.chip.codec
    if not codec.is_encoded(data):
        return
    found = view.frames(0, len(data))
    without = {*found.bad, *found.erased}
    first = next(at for at in range(0, len(data), codec.frame) if at not in without)
    seen = f"{name}: the 32 bytes at {first:#x} are followed by their CRC-16, and so on"
    if view.app is not None:
        raise ImageError(f"{seen}: a full flash image or a boot loader; `bk7238 image split` takes a full image apart")
    raise ImageError(f"{seen}: CRCs are added here, and it has them already; give {what}")


def check_format(data: bytes, name: str, what: str) -> None:
    """Raises ImageError for a file of another format, as its first bytes tell."""
    other = file_format(data)
    if other is not None:
        raise ImageError(f"{name}: what begins at 0x0 is {other.kind}; give {what}: {other.remedy}")
