"""What is said of a boot loader: how it is recognised, what it prints, and why it installs nothing.

A boot loader is a class in a file of its own: what differs from `Loader`, which is also taken for one that nobody
knows. Nearly all of them are built on RT-Thread's OTA package and print its lines. docs/contributing.md says how to add
one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from bk7238.formats import rbl
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders.boot import Boot

FOR_DOWNLOAD = "the package names `download` as its destination: the bootloader passes over it"
UNSCRAMBLED = (
    "the boot loader writes the app as it was packed, and the chip descrambles what the CPU reads; it is for chips "
    "that do not scramble, take the one that the chip's own image has"
)
DISAGREE = "app and bootloader disagree; build the app for the bootloader's layout, or take a bootloader of the app's"


class Says(Enum):
    """How far a boot loader is, by one of its lines."""

    NAME = "its name"
    STEP = "a step of an update"
    PROGRESS = "a part of the package is written"
    WRITTEN = "all of the package is written"
    APP_STARTS = "the app is started"


@dataclass(frozen=True)
class Keys:
    """Where key and IV of the packages stand in a boot loader, as logical addresses."""

    key_at: int
    iv_at: int

    def read(self, code: bytes) -> tuple[bytes, bytes]:
        """The key's 32 bytes and the IV's 16 in logical bytes."""
        return code[self.key_at : self.key_at + 32], code[self.iv_at : self.iv_at + 16]

    def put(self, code: bytes, key: bytes, iv: bytes) -> bytes:
        """Logical bytes with another key and IV."""
        changed = bytearray(code)
        changed[self.key_at : self.key_at + len(key)] = key
        changed[self.iv_at : self.iv_at + len(iv)] = iv
        return bytes(changed)


class Loader:
    """A boot loader, and what is general to them. The patterns are looked for in a line without colours, those of
    `lines` in their order."""

    name = "unknown"  # in the registry
    keys: Keys | None = None
    scrambles = True  # what it writes can be read by a chip that scrambles
    lines = {
        Says.NAME: re.compile(r"^BK7\d{3}[A-Z]*_"),
        Says.STEP: re.compile(r"upgrade\(|erase success"),
        Says.WRITTEN: re.compile(r"100%$"),
        Says.PROGRESS: re.compile(r"\d%$"),
        Says.APP_STARTS: re.compile(r"^(go os_addr\(|J 0x[0-9a-f]+$)"),  # as newer ones say it, and 1.0.1 and 1.0.5
    }
    complaint = re.compile(
        r"\[E/(?!OTA\] \(ota_erase_dl_rbl)|failed|error|not found|no support|no space|out of bound|Not allow|must link"
        r"|Please use none crc",
        re.IGNORECASE,
    )
    remark = re.compile(r"will be forced to upgrade")  # looks like a complaint, and changes nothing
    of_app = re.compile(r"App verify failed")  # a complaint of the app that it starts, and not of a package
    finds_no_package = re.compile(r"The download partition\(download\) not found")

    def recognises(self, code: bytes) -> str | None:
        """What people call the boot loader in these logical bytes, version and all; None where it is another one."""
        return None

    def predict(self, flash: FlashView, package: bytes = b"") -> Boot | None:
        """What it does at the next start with a flash, or None where that is found out by running it. The cause says
        what a comparison with `package` shows, a whole RBL that was meant to be installed. Raises ChipError for more
        bytes than a flash has."""
        return None

    # What it prints

    def says(self, line: str) -> Says | None:
        """How far it is by this line; None where the line does not tell."""
        return next((what for what, pattern in self.lines.items() if pattern.search(line)), None)

    def complaints(self, lines: Iterable[str], most: int = 4) -> list[str]:
        """Its complaints among its lines since a reset, each once, the first `most`: not what changes nothing."""
        found: list[str] = []
        for line in lines:
            text = line.strip()
            if self.complaint.search(text) and not self.remark.search(text) and text not in found:
                found.append(text)
        return found[:most]

    def no_package(self, lines: Iterable[str]) -> bool:
        """Whether it said that it finds no package."""
        return any(self.finds_no_package.search(line) for line in lines)

    def quoted(self, said: list[str]) -> str:
        """Its complaints in one line."""
        return "the bootloader printed" + (": " + " / ".join(said) if said else " nothing about an update")

    def why(self, said: list[str], flash: FlashView, package: bytes = b"") -> str:
        """Why it installed nothing: its complaints and, where these are none or that it finds no package, what it sees
        in the flash."""
        if not self.no_package(said) and not all(self.of_app.search(line) for line in said):
            return self.quoted(said)
        return f"{self.quoted(said).removesuffix('.')}{'; ' if said else ': '}{self.sees(flash, package)}"

    # What it sees in a flash

    def target(self, flash: FlashView, header: bytes, app: Partition) -> Partition:
        """Where it installs a package with that header: `app`, or another partition of its table that it replaces."""
        wanted = rbl.unpack(header).partition if len(header) >= rbl.SIZE else "app"
        found = None if wanted in ("app", "bootloader", "download") else flash.partitions.get(wanted)
        return app if found is None or found.length < rbl.SIZE or found.physical_end > len(flash.data) else found

    def sees(self, flash: FlashView, package: bytes = b"") -> str:
        """Why it may install nothing and say nothing: what stands in the flash. `package`, the whole RBL that was meant
        to be installed, is compared with it."""
        download, app = flash.download, flash.app
        if download is None or app is None:
            return no_entry(flash, "app" if app is None and download is not None else "download")
        raw = flash.header
        if raw is None or not rbl.unpack(raw).crc_ok:
            return no_header(flash, download, package)
        target = self.target(flash, raw, app)
        if raw == flash.footer(target):
            return installed_already(target)
        header = rbl.unpack(raw)
        if header.partition == "download":
            return FOR_DOWNLOAD
        return f"a sound header in its {place(download)}, for partition `{header.partition}`"


def no_entry(flash: FlashView, name: str) -> str:
    """That its partition table lacks an entry, and which it has."""
    return f"its partition table has no `{name}` entry, only {entries(flash)}"


def entries(flash: FlashView) -> str:
    """The entries of its partition table, the highest first, with their physical addresses."""
    there = [f"`{entry.name}` at {entry.physical_start:#x}" for entry in reversed(flash.partitions.values())]
    return ", ".join(there) or "nothing"


def place(download: Partition) -> str:
    """The download partition with its physical address."""
    return f"download partition at {download.physical_start:#x}"


def no_header(flash: FlashView, download: Partition, package: bytes = b"") -> str:
    """Why there is no package's header in a download partition in which none can be read, or none with a right CRC."""
    where = f"its {place(download)}"
    if download.framed:
        return f"{where} is on the CRC-framed device, where no header can be read"
    elsewhere = flash.data.find(package[: rbl.SIZE]) if _can_be_found(package) else -1
    if elsewhere not in (-1, download.physical_start):
        return f"no header in {where}; the package lies at {elsewhere:#x}: {DISAGREE}"
    raw = flash.header
    if raw is None:
        return f"{where} lies beyond the flash"
    if raw == b"\xff" * rbl.SIZE:
        return f"{where} is blank"
    return f"the header in {where} is damaged: its CRC-32 does not match{difference(flash, download, package)}"


def difference(flash: FlashView, download: Partition, package: bytes) -> str:
    """Where the download partition differs from the package that was meant to be in it, in brackets; else empty."""
    there = flash.data[download.physical_start : download.physical_start + len(package)]
    if not _can_be_found(package) or there == package or there[: rbl.SIZE // 2] == b"\xff" * (rbl.SIZE // 2):
        return ""
    offset = next((n for n, (a, b) in enumerate(zip(there, package, strict=False)) if a != b), len(there))
    return f" (it differs from the package from {offset:#x} on)"


def installed_already(target: Partition) -> str:
    """That the header of the package is the footer of this partition."""
    where = "the installed app" if target.name == "app" else f"partition `{target.name}`"
    return f"the package's header equals the footer of {where}: to the bootloader it is installed already"


def _can_be_found(package: bytes) -> bool:
    return len(set(package[: rbl.SIZE])) > 1
