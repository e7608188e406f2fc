"""Why the bootloader did not install: what it printed or, where it prints nothing, what it saw in the flash.

Its checks and messages: docs/hardware/bootloader.md.
"""

from __future__ import annotations

import re

from bk7238.formats import rbl
from bk7238.formats.partitions import Partition
from bk7238.image import ImageError, predict
from bk7238.image.flash_view import FlashView

_NO_PACKAGE = ("The download partition(download) not found", "The header in the download partition is damaged")
_COMPLAINTS = re.compile(
    r"\[E/(?!OTA\] \(ota_erase_dl_rbl)|failed|error|not found|no support|no space|out of bound|Not allow|must link"
    r"|Please use none crc",
    re.IGNORECASE,
)

_HARMLESS = re.compile(r"will be forced to upgrade|Don't found flash device\([^)]*[^ -~]")  # that name was never set


def printed(lines: list[str], most: int = 4) -> list[str]:
    """The bootloader's complaints among its lines since the reset, each once, the first `most`. Not those that change
    nothing: of a partition without a footer, and of a table without an entry for the bootloader itself."""
    complaints: list[str] = []
    for line in lines:
        text = line.strip()
        if _COMPLAINTS.search(text) and not _HARMLESS.search(text) and text not in complaints:
            complaints.append(text)
    return complaints[:most]


def seen(flash: FlashView, package: bytes) -> str:
    """What a bootloader that says nothing saw; `package` is the whole RBL."""
    try:
        cause = predict.as_it_is(flash, package).cause
    except ImageError:
        cause = ""
    if cause:
        return cause
    download, app = flash.download, flash.app
    if download is None or app is None:
        return "its partition table has no `download` or no `app` entry"
    where = f"download partition at {download.physical_start:#x}"
    if download.framed:
        return f"its {where} is on the CRC-framed device, where no header can be read"
    raw = flash.header
    if raw is None:
        return f"its {where} lies beyond the flash"
    header = rbl.unpack(raw)
    if not header.crc_ok:
        return _no_header(flash, raw, package, download, where)
    if raw == flash.footer(target(flash, raw, app)):
        return "the package's header equals the footer of the installed app: to the bootloader it is installed already"
    if header.partition == "download":
        return "the package names `download` as its destination: the bootloader passes over it"
    return f"a sound header in its {where}, for partition `{header.partition}`"


def untouched(flash: FlashView, image: FlashView, partition: Partition) -> bool:
    """Whether a partition, up to its footer, is what it was in the image, which may end before it."""
    start, end = partition.physical_start, flash.footer_at(partition)
    return flash.data[start:end] == image.data[start:end].ljust(end - start, b"\xff")


def damage(flash: FlashView, image: FlashView, app: Partition) -> str:
    """What is wrong with the app partition, up to its footer: frames that do not hold, and frames that are erased
    where the image had some. Empty where all is well, else ends with a semicolon. Addresses are physical."""
    start, end = app.physical_start, flash.footer_at(app)
    found, had = flash.frames(start, end), set(image.frames(start, end).erased)
    kinds = (("damaged", found.bad), ("erased", [at for at in found.erased if at not in had]))
    said = [f"{len(frames)} are {kind}, the first at {frames[0]:#x}" for kind, frames in kinds if frames]
    return f"of the frames of the app partition {' and '.join(said)}; " if said else ""


def no_package(said: list[str]) -> bool:
    """Whether it said that it finds no package."""
    return any(words in line for words in _NO_PACKAGE for line in said)


def waiting(flash: FlashView, partition: Partition, said: list[str]) -> bool:
    """Whether a sound header other than the footer of the partition that it is for is in the download partition: the
    bootloader, which depends on the flash alone, will try again at each start. Not one that `said` that it finds no
    package there."""
    if no_package(said):
        return False
    header = flash.header
    return header is not None and rbl.unpack(header).crc_ok and header != flash.footer(partition)


def app_partition(flash: FlashView, usual: Partition) -> Partition:
    """Where the bootloader in the flash takes the app to be; `usual` where it has none that can be."""
    app, frame = flash.app, flash.chip.codec.data
    if app is None or not app.framed or app.length < frame * 4:
        return usual
    end = app.offset + app.length
    return app if end % frame == 0 and app.physical_end <= len(flash.data) else usual


def target(flash: FlashView, header: bytes, app: Partition) -> Partition:
    """Where the bootloader in the flash installs a package with that header: `app`, or another partition of its table
    that it replaces."""
    wanted = rbl.unpack(header).partition if len(header) >= rbl.SIZE else "app"
    found = None if wanted in ("app", "bootloader", "download") else flash.partitions.get(wanted)
    return app if found is None or found.length < rbl.SIZE or found.physical_end > len(flash.data) else found


def footer_version(flash: FlashView, app: Partition) -> str | None:
    """The version in a sound footer of the app partition, None where there is none."""
    data = flash.footer(app)
    header = rbl.unpack(data) if len(data) == rbl.SIZE else None
    return header.version if header is not None and header.crc_ok else None


def _no_header(flash: FlashView, raw: bytes, package: bytes, download: Partition, where: str) -> str:
    elsewhere = flash.data.find(package[: rbl.SIZE])
    if elsewhere not in (-1, download.physical_start):
        return f"no header in its {where}; the package lies at {elsewhere:#x}: app and bootloader disagree"
    if raw == b"\xff" * rbl.SIZE:
        return f"its {where} is blank"
    return f"the header in its {where} is damaged: its CRC-32 does not match"
