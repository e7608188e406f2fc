"""Why the bootloader did not install: what it printed or, where it prints nothing, what it saw in the flash.

Its checks and messages: docs/hardware/bootloader.md.
"""

from __future__ import annotations

import re

from bk7238.formats import crc_framing, partitions, rbl
from bk7238.formats.partitions import Partition

_BOOTLOADER = crc_framing.physical(0x10000)
_COMPLAINTS = re.compile(
    r"\[E/(?!OTA\] \(ota_erase_dl_rbl)|failed|error|not found|no support|no space|out of bound|Not allow|must link"
    r"|Please use none crc",
    re.IGNORECASE,
)


def printed(lines: list[str], most: int = 4) -> list[str]:
    """The bootloader's complaints among its lines since the reset, each once, the first `most`."""
    complaints: list[str] = []
    for line in lines:
        text = line.strip()
        if _COMPLAINTS.search(text) and text not in complaints:
            complaints.append(text)
    return complaints[:most]


def seen(flash: bytes, package: bytes) -> str:
    """What a bootloader that says nothing saw: `flash` are physical bytes, `package` the whole RBL."""
    bootloader = crc_framing.strip(flash[:_BOOTLOADER])
    table = {partition.name: partition for _, partition in partitions.find(bootloader)}
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
    if raw == footer(flash, app):
        return "the package's header equals the footer of the installed app: to the bootloader it is installed already"
    if header.partition == "download":
        return "the package names `download` as its destination: the bootloader passes over it"
    return f"a sound header in its {where}, for partition `{header.partition}`"


def footer(flash: bytes, app: Partition) -> bytes:
    """The 96 bytes at the end of the app partition, where the bootloader keeps the installed package's header."""
    end = flash[crc_framing.physical(app.offset + app.length - 128) : app.physical_end]
    return crc_framing.strip(end)[-rbl.SIZE :]


def _no_header(flash: bytes, package: bytes, download: Partition, where: str) -> str:
    raw = flash[download.physical_start : download.physical_start + rbl.SIZE]
    elsewhere = flash.find(package[: rbl.SIZE])
    if elsewhere not in (-1, download.physical_start):
        return f"no header in its {where}; the package lies at {elsewhere:#x}: app and bootloader disagree"
    if raw == b"\xff" * rbl.SIZE:
        return f"its {where} is blank"
    return f"the header in its {where} is damaged: its CRC-32 does not match"
