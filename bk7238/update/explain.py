"""Why the bootloader did not install: what it printed or, where it prints nothing, what it saw in the flash.

Its checks and messages: docs/hardware/bootloader.md.
"""

from __future__ import annotations

import re

from bk7238.formats import crc_framing, partitions, rbl
from bk7238.formats.partitions import Partition
from bk7238.image import ImageError, predict

_BOOTLOADER = crc_framing.physical(0x10000)
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


def seen(flash: bytes, package: bytes) -> str:
    """What a bootloader that says nothing saw: `flash` are physical bytes, `package` the whole RBL."""
    try:
        cause = predict.as_it_is(flash, package).cause
    except ImageError:
        cause = ""
    if cause:
        return cause
    table = _table(flash)
    download, app = table.get("download"), table.get("app")
    if download is None or app is None:
        return "its partition table has no `download` or no `app` entry"
    where = f"download partition at {download.physical_start:#x}"
    raw = flash[download.physical_start : download.physical_start + rbl.SIZE]
    if download.framed:
        return f"its {where} is on the CRC-framed device, where no header can be read"
    if len(raw) < rbl.SIZE:
        return f"its {where} lies beyond the flash"
    header = rbl.unpack(raw)
    if not header.crc_ok:
        return _no_header(flash, package, download, where)
    if raw == footer(flash, target(flash, raw, app)):
        return "the package's header equals the footer of the installed app: to the bootloader it is installed already"
    if header.partition == "download":
        return "the package names `download` as its destination: the bootloader passes over it"
    return f"a sound header in its {where}, for partition `{header.partition}`"


def untouched(flash: bytes, image: bytes, partition: Partition) -> bool:
    """Whether a partition, up to its footer, is what it was in the image, which may end before it."""
    start, end = partition.physical_start, _footer_at(partition)
    return flash[start:end] == image[start:end].ljust(end - start, b"\xff")


def damage(flash: bytes, image: bytes, app: Partition) -> str:
    """What is wrong with the app partition, up to its footer: frames that do not hold, and frames that are erased
    where the image had some. Empty where all is well, else ends with a semicolon. Addresses are physical."""
    start, end = app.physical_start, _footer_at(app)
    bad = crc_framing.bad_frames(flash[start:end])
    had = set(crc_framing.erased_frames(image[start:end]))
    erased = [at for at in crc_framing.erased_frames(flash[start:end]) if at not in had]
    kinds = (("damaged", bad), ("erased", erased))
    said = [f"{len(frames)} are {kind}, the first at {start + frames[0]:#x}" for kind, frames in kinds if frames]
    return f"of the frames of the app partition {' and '.join(said)}; " if said else ""


def no_package(said: list[str]) -> bool:
    """Whether it said that it finds no package."""
    return any(words in line for words in _NO_PACKAGE for line in said)


def waiting(flash: bytes, partition: Partition, said: list[str]) -> bool:
    """Whether a sound header other than the footer of the partition that it is for is in the download partition: the
    bootloader, which depends on the flash alone, will try again at each start. Not one that `said` that it finds no
    package there."""
    if no_package(said):
        return False
    header = download_header(flash)
    return header is not None and rbl.unpack(header).crc_ok and header != footer(flash, partition)


def download_header(flash: bytes) -> bytes | None:
    """The 96 bytes in which the bootloader looks for a package, None where it has no such partition."""
    download = _table(flash).get("download")
    if download is None or download.framed:
        return None
    raw = flash[download.physical_start : download.physical_start + rbl.SIZE]
    return raw if len(raw) == rbl.SIZE else None


def app_partition(flash: bytes, usual: Partition) -> Partition:
    """Where the bootloader in the flash takes the app to be; `usual` where it has none that can be."""
    app = _table(flash).get("app")
    if app is None or not app.framed or app.length < crc_framing.DATA * 4:
        return usual
    end = app.offset + app.length
    return app if end % crc_framing.DATA == 0 and app.physical_end <= len(flash) else usual


def target(flash: bytes, header: bytes, app: Partition) -> Partition:
    """Where the bootloader in the flash installs a package with that header: `app`, or another partition of its table
    that it replaces."""
    wanted = rbl.unpack(header).partition if len(header) >= rbl.SIZE else "app"
    found = None if wanted in ("app", "bootloader", "download") else _table(flash).get(wanted)
    return app if found is None or found.length < rbl.SIZE or found.physical_end > len(flash) else found


def footer(flash: bytes, partition: Partition) -> bytes:
    """The 96 bytes at the end of a partition, where the bootloader keeps the installed package's header."""
    end = flash[_footer_at(partition) : partition.physical_end]
    return (crc_framing.strip(end) if partition.framed else end)[-rbl.SIZE :]


def _footer_at(partition: Partition) -> int:
    """The physical address of the first byte that belongs to the footer, or to a frame of it."""
    end = partition.offset + partition.length
    return crc_framing.physical(end - 128) if partition.framed else end - rbl.SIZE


def footer_version(flash: bytes, app: Partition) -> str | None:
    """The version in a sound footer of the app partition, None where there is none."""
    data = footer(flash, app)
    header = rbl.unpack(data) if len(data) == rbl.SIZE else None
    return header.version if header is not None and header.crc_ok else None


def _table(flash: bytes) -> dict[str, Partition]:
    return {partition.name: partition for _, partition in partitions.find(crc_framing.strip(flash[:_BOOTLOADER]))}


def _no_header(flash: bytes, package: bytes, download: Partition, where: str) -> str:
    raw = flash[download.physical_start : download.physical_start + rbl.SIZE]
    elsewhere = flash.find(package[: rbl.SIZE])
    if elsewhere not in (-1, download.physical_start):
        return f"no header in its {where}; the package lies at {elsewhere:#x}: app and bootloader disagree"
    if raw == b"\xff" * rbl.SIZE:
        return f"its {where} is blank"
    return f"the header in its {where} is damaged: its CRC-32 does not match"
