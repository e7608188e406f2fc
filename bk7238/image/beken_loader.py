"""The vendor's boot loader 1.0.x, check by check in its own order: what it prints and does.

Read off 90 runs of the unmodified 1.0.15, each of which tests/boot/test_prediction.py repeats; docs/images.md lists
them. It compares no versions, checks no magic and no CRC of a partition entry, and starts the app whatever happened.
"""

from __future__ import annotations

import re
import zlib

from bk7238.formats import partitions, rbl
from bk7238.image import beken_stream as stream
from bk7238.image.beken_install import IV_AT, KEY_AT, NO_DEVICE, OUT_OF_BOUND, SMALLEST_APP, Installation
from bk7238.image.flash_view import FlashView
from bk7238.image.prediction import End, Prediction

__all__ = ["IV_AT", "KEY_AT", "SMALLEST_APP", "keys", "predict", "recognises"]

NAME_AT = 0x100
VERSION = re.compile(rb"BK7238\0\0_(1\.0\.\d+)\0")  # as the vendor has it; printed as BK7238_1.0.15
CHUNK = 128  # bytes of the body read at a time for its CRC
SMALLEST_BODY = 32  # a smaller one makes the CRC's loop count below zero
LINES_A_MINUTE = 7800  # of about 88 characters at 115,200 baud; more than a minute of them counts as a hang

_PACKAGE = "RT-Thread OTA package(V0.2.8-beken-1133282d-20220604)"


def recognises(bootloader: bytes) -> str | None:
    """The name of the loader in these logical bytes, or None where it is another."""
    version = VERSION.match(bootloader, NAME_AT)
    return f"Beken boot loader {version[1].decode()}" if version and b"rt_ota_upgrade" in bootloader else None


def keys(bootloader: bytes) -> tuple[bytes, bytes]:
    """Key and IV as they stand in the boot loader."""
    return bootloader[KEY_AT : KEY_AT + 32], bootloader[IV_AT : IV_AT + 16]


def predict(flash: FlashView, name: str) -> Prediction:
    """What this boot loader does with a flash of the whole chip's size."""
    return _Beken(flash, name).run()


class _Beken(Installation):
    """The checks of one boot."""

    # The checks, in their order

    def update(self) -> str:
        return (
            self.find_download()
            or self.read_header()
            or self.find_target()
            or self.compare_footer()
            or self.check_encryption()
            or self.check_body()
            or self.check_room()
            or self.check_algorithm()
            or self.dry_run()
            or self.erase()
            or self.write()
            or self.verify()
            or self.finish()
        )

    def find_download(self) -> str:
        if "download" not in self.table:
            return self.step(
                "partition table",
                False,
                f"its partition table has no `download` entry, only {self.names()}",
                "[E/OTA] (rt_ota_init:105) Initialize failed! The download partition(download) not found.",
                f"[E/OTA] (rt_ota_init:115) {_PACKAGE} initialize failed(-2).",
            )
        self.download = self.table["download"]
        self.where = f"download partition at {self.download.physical_start:#x}"
        wrong = ", ".join(p.name for p in self.table.values() if not p.crc_ok)
        note = f"; the CRC of {wrong} is wrong, which is not checked" if wrong else ""
        self.step("partition table", True, self.names() + note)
        return self.step("update package", None, "looked for", f"[I/OTA] {_PACKAGE} initialize success.")

    def read_header(self) -> str:
        own = self.table.get("bootloader")
        if own is None:
            self.step("boot loader's entry", None, "there is none; the result is ignored", NO_DEVICE.format("*", "*"))
        elif own.device not in partitions.DEVICES:
            line = NO_DEVICE.format(own.device, own.name)
            self.step("boot loader's entry", None, f"no device `{own.device}`; the result is ignored", line)
        name = "package header"
        if self.download.device not in partitions.DEVICES:
            found = f"its download partition is on a device `{self.download.device}`, which does not exist"
            line = NO_DEVICE.format(self.download.device, self.download.name)
            return self.step(name, False, found, line, line)
        if self.download.length < rbl.SIZE:
            found = f"its download partition has {self.download.length} bytes, a header {rbl.SIZE}"
            return self.step(name, False, found, OUT_OF_BOUND, OUT_OF_BOUND)
        self.raw_header = self.storage.read(self.download, 0, rbl.SIZE)
        self.header = rbl.unpack(self.raw_header)
        if not self.header.crc_ok:
            return self.step(name, False, self.why_no_header(self.download, self.raw_header))
        known = "" if self.header.magic == rbl.MAGIC else f", magic {self.header.magic.hex()} (not checked)"
        return self.step(name, True, f"version {self.header.version!r} for `{self.header.partition}`{known}")

    def find_target(self) -> str:
        wanted = self.header.partition
        if wanted == "bootloader":
            found = "the package is for `bootloader`, which it does not replace"
            line = "[E/OTA] (ota_main:111) Can not upgrade bootloader partition!"
            return self.step("destination", False, found, line)
        if wanted not in self.table:
            found = f"the package is for partition `{wanted}`, which is not in the table"
            line = f"[E/OTA] (rt_ota_check_upgrade:432) The partition {wanted} was not found"
            return self.step("destination", False, found, line)
        if wanted == "download":
            found = "the package names `download` as its destination: the bootloader passes over it"
            return self.step("destination", False, found)
        self.target, self.destination = self.table[wanted], wanted
        return self.step("destination", True, f"`{wanted}` at {self.target.physical_start:#x}")

    def compare_footer(self) -> str:
        installed, raw = self.footer(self.target)
        self.versions = ""
        if installed is None or not installed.crc_ok:
            lines = []
            if self.target.device not in partitions.DEVICES:
                lines.append(NO_DEVICE.format(self.target.device, self.target.name))
            lines.append(
                f"[E/OTA] (rt_ota_check_upgrade:438) Get '{self.target.name}' partition firmware header failed! "
                "This partition will be forced to upgrade."
            )
            return self.step("installed version", True, "its footer is not valid: the update is forced", *lines)
        if raw == self.raw_header:
            place = "the installed app" if self.is_app else f"partition `{self.target.name}`"
            found = f"the package's header equals the footer of {place}: to the bootloader it is installed already"
            return self.step("installed version", False, found)
        self.versions = f"({installed.version}->{self.header.version})"
        return self.step("installed version", True, f"version {installed.version!r}; any other header is installed")

    def check_encryption(self) -> str:
        if self.header.algorithm & 0xF == 0:
            found = "the package is not encrypted"
            return self.step("encryption", False, found, "[E/OTA] (ota_main:125) none encryption Not allow!")
        return self.step("encryption", True, self.header.encryption)

    def check_body(self) -> str:
        name, size = "body's CRC-32", self.header.body_size
        if size < SMALLEST_BODY:
            return self._endless(f"the body has {size} bytes: its loop over fewer than {SMALLEST_BODY} never ends")
        beyond = rbl.SIZE + size - self.download.length
        chunks = -(-size // CHUNK)
        inside = min(chunks, max(0, self.download.length - rbl.SIZE) // CHUNK) if beyond > 0 else chunks
        if chunks - inside > LINES_A_MINUTE:
            minutes = (chunks - inside) // LINES_A_MINUTE
            return self._endless(
                f"the header says {size} bytes of body: complaining takes {minutes} minutes at every start"
            )
        body = self.storage.read(self.download, rbl.SIZE, min(size, inside * CHUNK))
        complaints = (OUT_OF_BOUND,) * (chunks - inside)
        crc = zlib.crc32(body)
        if not complaints and crc == self.header.body_crc:
            self.step(name, True, f"{crc:08x}")
            return ""
        shown = "*" if complaints else f"{crc:08x}"
        found = f"the package has {rbl.SIZE + size} bytes, its {self.where} {self.download.length}"
        if not complaints:
            found = f"the body in its {self.where} is damaged: its CRC-32 is {crc:08x}, the header says "
            found += f"{self.header.body_crc:08x}"
        line = (
            f"[E/OTA] (rt_ota_part_fw_verify:389) Verify firmware CRC32(calc.crc: {shown} != hdr.crc: "
            f"{self.header.body_crc:08x}) failed on partition 'download'."
        )
        return self.step(name, False, found, *complaints, line)

    def _endless(self, found: str) -> str:
        self.end, self.halted, self.endless = End.HANGS, True, 1
        return self.step("body's CRC-32", False, found, OUT_OF_BOUND)

    def check_room(self) -> str:
        needed = self.header.raw_size + rbl.SIZE
        if needed > self.target.length:
            found = f"{self.content} and its footer take {needed} bytes, "
            found += f"partition `{self.target.name}` has {self.target.length}"
            line = (
                f"[E/OTA] (rt_ota_upgrade:957) The partition ({self.target.device}) has no space (unless {needed}) "
                "for upgrade."
            )
            return self.step("room", False, found, line, "[E/OTA] (ota_main:144) OTA upgrade failed!")
        lines = [f"[I/OTA] OTA firmware({self.target.name}) upgrade{self.versions} startup."]
        if self.target.device not in partitions.DEVICES:
            lines.insert(0, NO_DEVICE.format(self.target.device, self.target.name))
        return self.step("room", True, f"{needed} of {self.target.length} bytes", *lines)

    def check_algorithm(self) -> str:
        compression = self.header.algorithm & 0xFF00
        if compression not in stream.KNOWN:
            found = f"the compression is {self.header.compression}, which this boot loader does not have"
            line = f"[E/OTA] (copy_fw_from_dl_part:532) ota algorithm no support: {self.header.algorithm & 0xFFFF}!"
            return self.step("compression", False, found, line, *self.copy_failed)
        return self.step("compression", True, self.header.compression)
