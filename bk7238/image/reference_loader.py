"""The reference boot loader of firmware/reference: the vendor's checks in their order, and between them those it lacks.

Unlike the vendor's it wants a right CRC of each partition entry and the magic of a header, checks the layout, says so
when a header is damaged, tries an installation three times, and starts an app only if its body has the footer's hash.
Its sources are the document: firmware/reference/boot/.
"""

from __future__ import annotations

import re
import zlib

from bk7238.formats import rbl
from bk7238.formats.partitions import Partition
from bk7238.image import reference_stream
from bk7238.image.boot import Boot
from bk7238.image.flash_view import FlashView
from bk7238.image.prediction import End, Prediction
from bk7238.image.storage import SECTOR

NAME = re.compile(rb"BK7[0-9A-Z]+_(\d+\.\d+\.\d+) \(reference\)")
KEY_AT, IV_AT = 0x1F2D, 0x1F1C
SMALLEST_APP = 128
ATTEMPTS = 3
COMPRESSIONS = (0, 1, 4)

_FAILED = "[E/OTA] (ota_main:144) OTA upgrade failed!"
_COPY_FAILED = "[E/OTA] (rt_ota_upgrade) OTA upgrade failed! Download data copy to partition(app) error!"


def recognises(bootloader: bytes) -> str | None:
    """The name of the loader in these logical bytes, or None where it is another."""
    name = NAME.search(bootloader)
    return f"reference boot loader {name[1].decode()}" if name else None


def predict(flash: FlashView, name: str) -> Prediction:
    """What this boot loader does with a flash of the whole chip's size."""
    return _Reference(flash, name).run()


class _Reference(Boot):
    app: Partition
    download: Partition
    header: rbl.Header
    raw_header: bytes

    def update(self) -> str:
        return self.find_partitions() or self.read_header() or self.find_target() or self.compare() or self.judge()

    def find_partitions(self) -> str:
        found = self._table()
        wrong = [partition for _, partition in found if not partition.crc_ok]
        lines = ["[E/FAL] (fal_partition_init) A partition entry has a wrong CRC-32: it is passed over."] * len(wrong)
        sound = [partition for _, partition in found if partition.crc_ok]
        self.table = {partition.name: partition for partition in reversed(sound)}
        if "app" not in self.table:
            lines.append("[E/OTA] (ota_main) The partition app was not found")
        if "download" not in self.table:
            lines.append("[E/OTA] (rt_ota_init) Initialize failed! The download partition(download) not found.")
            found_names = f"its partition table has no `download` entry, only {self.names()}"
            return self.step("partition table", False, found_names, *lines)
        self.download = self.table["download"]
        version = self.name.rpartition(" ")[2]
        lines.append(f"[I/OTA] OTA package(reference {version}) initialize success.")
        if "app" not in self.table:
            return self.step("partition table", False, "its partition table has no sound `app` entry", *lines)
        self.app = self.table["app"]
        return self.step("partition table", True, self.names(), *lines)

    def _table(self) -> list[tuple[int, Partition]]:
        """From the highest entry whose CRC is right, downward."""
        found = self.chip.table_in(self.bootloader)
        while found and not found[0][1].crc_ok:
            found = self.chip.table_in(self.bootloader[: found[0][0] + 3])
        return found

    def read_header(self) -> str:
        self.raw_header = self.storage.read(self.download, 0, rbl.SIZE)
        self.header = rbl.unpack(self.raw_header)
        if self.raw_header == b"\xff" * rbl.SIZE:
            return self.step("package header", False, self.why_no_header(self.download, self.raw_header))
        if not self.header.crc_ok or self.header.magic != rbl.MAGIC:
            found = "the magic of the header is not RBL"
            if not self.header.crc_ok:
                found = self.why_no_header(self.download, self.raw_header)
            line = "[E/OTA] (ota_main) The header in the download partition is damaged: no update."
            return self.step("package header", False, found, line)
        return self.step("package header", True, f"version {self.header.version!r} for `{self.header.partition}`")

    def find_target(self) -> str:
        wanted = self.header.partition
        found, line = "", ""
        if wanted == "bootloader":
            found = "the package is for `bootloader`, which it does not replace"
            line = "[E/OTA] (ota_main:111) Can not upgrade bootloader partition!"
        elif wanted not in self.table:
            found = f"the package is for partition `{wanted}`, which is not in the table"
            line = f"[E/OTA] (rt_ota_check_upgrade:432) The partition {wanted} was not found"
        elif wanted != "app":
            found = f"the package is for partition `{wanted}`, only `app` is installed"
            line = f"[E/OTA] (rt_ota_check_upgrade) The package names the partition {wanted}: only app is installed."
        if found:
            return self.step("destination", False, found, line)
        return self.step("destination", True, "`app`")

    def compare(self) -> str:
        installed, raw = self._footer()
        self.versions = ""
        lines: list[str] = []
        if not _good(installed):
            lines.append(
                "[I/OTA] Get 'app' partition firmware header failed! This partition will be forced to upgrade."
            )
        elif raw == self.raw_header and self._sound():
            found = "the package's header equals the footer of the installed app: it is installed already"
            return self.step("installed version", False, found)
        else:
            self.versions = f"({installed.version}->{self.header.version})"
        if self.header.algorithm & 0xF == 0:
            lines.append("[E/OTA] (ota_main:125) none encryption Not allow!")
            return self.step("encryption", False, "the package is not encrypted", *lines)
        return self.step("installed version", True, self.versions or "none", *lines)

    def judge(self) -> str:
        cause = (
            self.check_layout() or self.check_body() or self.check_sizes() or self.check_algorithm() or self.dry_run()
        ) or self.install()
        if cause:
            self.step("update", None, "given up", _FAILED)
        return cause

    # The checks

    def check_layout(self) -> str:
        app, download, size = self.app, self.download, len(self.storage.data)
        app_range = (app.physical_start, app.physical_end)
        aligned = not any(address % SECTOR for address in app_range)
        if not app.framed or app.offset == 0 or not aligned or max(app.physical_end, app.length) > size:
            found = "the app partition does not lie CRC-framed on whole sectors"
            line = "The partition 'app' must lie CRC-framed on whole sectors of the flash: error, no update."
        elif (
            download.framed
            or download.physical_start % SECTOR
            or max(download.physical_end, download.length) > size
            or download.length < SECTOR
        ):
            found = "the download partition does not lie unframed on whole sectors of the flash"
            line = "The partition 'download' must lie unframed on whole sectors of the flash: error, no update."
        elif download.physical_start < app.physical_end and app.physical_start < download.physical_end:
            found = "the app and download partitions overlap"
            line = "The partitions 'app' and 'download' overlap: error, no update."
        else:
            return self.step("layout", True, "app and download lie apart, on whole sectors")
        return self.step("layout", False, found, f"[E/OTA] (ota_main) {line}")

    def check_body(self) -> str:
        size = self.header.body_size
        if size == 0 or size % 16 or size > self.download.length - rbl.SIZE:
            line = f"[E/OTA] (ota_main) The package's body cannot have {size} bytes: error, no update."
            found = f"a body of {size} bytes: empty, no whole blocks, or longer than the download partition"
            return self.step("body's size", False, found, line)
        crc = zlib.crc32(self.storage.read(self.download, rbl.SIZE, size))
        if crc != self.header.body_crc:
            line = (
                f"[E/OTA] (rt_ota_part_fw_verify) Verify firmware CRC32(calc.crc: {crc:08x} != hdr.crc: "
                f"{self.header.body_crc:08x}) failed on partition 'download'."
            )
            found = f"the body is damaged: its CRC-32 is {crc:08x}, the header says {self.header.body_crc:08x}"
            return self.step("body's CRC-32", False, found, line)
        return self.step("body's CRC-32", True, f"{crc:08x}")

    def check_sizes(self) -> str:
        size, room = self.header.raw_size, self.app.length - rbl.SIZE
        if size > room:
            line = (
                f"[E/OTA] (rt_ota_upgrade:957) The partition ({self.app.device}) has no space (unless "
                f"{size + rbl.SIZE}) for upgrade."
            )
            return self.step("room", False, f"the app has {size} bytes, its partition room for {room}", line)
        if size < SMALLEST_APP:
            line = f"[E/OTA] (rt_ota_upgrade) An application cannot have {size} bytes."
            return self.step("room", False, f"an app of {size} bytes, fewer than {SMALLEST_APP}", line)
        line = f"[I/OTA] OTA firmware(app) upgrade{self.versions} startup."
        return self.step("room", True, f"{size} of {room} bytes", line)

    def check_algorithm(self) -> str:
        number = self.header.algorithm
        if number & 0xFF != 2 or number >> 8 not in COMPRESSIONS:
            line = f"[E/OTA] (copy_fw_from_dl_part) ota algorithm no support: {number}!"
            found = f"algorithm {number:#x}: only AES with none, gzip or lzma is known"
            return self.step("algorithm", False, found, line)
        return self.step("algorithm", True, f"{self.header.compression}, {self.header.encryption}")

    def dry_run(self) -> str:
        keys = self.bootloader[KEY_AT : KEY_AT + 32], self.bootloader[IV_AT : IV_AT + 16]
        body = self.storage.read(self.download, rbl.SIZE, self.header.body_size)
        out = reference_stream.unpack(body, self.header.algorithm >> 8, self.header.raw_size, *keys)
        self.app_bytes = out.data
        refusal = self._first_piece(out.handed_on)
        if refusal:
            line = "[E/OTA] (copy_fw_from_dl_part) Custom verify RAW firmware failed!"
            return self.step("dry run", False, refusal[0], refusal[1], line, _COPY_FAILED)
        calculated = rbl.fnv1a(out.handed_on)
        raw_size, raw_hash = self.header.raw_size, self.header.raw_hash
        line = f"[I/OTA] total_len(({len(out.data)}) >= size_raw({raw_size}), _STREAM_END"
        if out.wrong:
            line = f"decompress error: {out.wrong}"
        if not out.wrong and len(out.data) == raw_size and calculated == raw_hash:
            return self.step("dry run", True, f"{raw_size} bytes, hash {calculated:08x}", line)
        shown = "*" if out.vague else f"{calculated:08x}"
        mismatch = (
            f"[E/OTA] (copy_fw_from_dl_part:720) Verify downloaded firmware hash (calc.hash: {shown} != hdr.hash: "
            f"{raw_hash:08x}) failed."
        )
        found = f"the body cannot be unpacked as the header says ({out.wrong or 'another size or hash'})"
        return self.step("dry run", False, found, "*" if out.vague else line, mismatch, _COPY_FAILED)

    def _first_piece(self, data: bytes) -> tuple[str, str] | None:
        if not data:
            return None
        if self.chip.codec.begins_with_unit(data):
            line = "[E/OTA] (rt_ota_custom_verify:236) Please use none crc image to build rbl file!"
            return "what is packed has CRCs after every 32 bytes: pack the image without them", line
        word, low = int.from_bytes(data[0x20:0x24], "little"), self.app.offset
        if not low <= word <= low + self.app.length:
            line = "[E/OTA] (rt_ota_custom_verify:264) The application must link to the flash 64KB location!"
            return f"the app's word at 0x20 is {word:#x}: linked elsewhere, or unpacked with the wrong key", line
        return None

    # The actions

    def install(self) -> str:
        size, start, end = self.header.raw_size, self.app.physical_start, self.app.physical_end
        footer = end - 2 * SECTOR
        codec = self.chip.codec
        body_end = min(footer, start + codec.physical(-(-size // codec.data) * codec.data))
        bar = self.storage.erase(footer, end).replace("B", "#") + self.storage.erase(start, body_end)
        place = self.app.offset
        self.storage.program(codec.physical(place), codec.encode(self.app_bytes, self.app.offset))
        header = codec.encode(self.raw_header, place + self.app.length - rbl.SIZE)
        self.storage.program(end - 3 * codec.frame, header)
        first = self.download.physical_start
        self.storage.erase(first, first + SECTOR)
        self.end = End.INSTALLED
        self.step(
            "erase",
            None,
            f"the footer's sectors from {footer:#x}, then {start:#x} to {body_end:#x}",
            "[I/OTA] The partition 'app' is erasing.",
            bar,
            "[I/OTA] The partition 'app' erase success.",
        )
        return self.step(
            "write",
            True,
            f"{size} bytes, then the footer; the first sector of the download partition ({first:#x}) is erased",
            f"[I/OTA] total_len(({size}) >= size_raw({size}), _STREAM_END",
            "[E/OTA] (ota_erase_dl_rbl:24) ota_erase_dl_rbl",
            f"[E/OTA] (ota_erase_dl_rbl:32) ota_erase_dl_rbl erase:{first:x}",
        )

    def _footer(self) -> tuple[rbl.Header, bytes]:
        """Through the CPU's window, whatever device the partition is on."""
        raw = self.storage.window(self.app.offset + self.app.length - rbl.SIZE, rbl.SIZE)
        return rbl.unpack(raw), raw

    def _sound(self) -> bool:
        footer, _ = self._footer()
        if not _good(footer) or footer.raw_size > self.app.length - rbl.SIZE:
            return False
        return rbl.fnv1a(self.storage.window(self.app.offset, footer.raw_size)) == footer.raw_hash

    def start_app(self) -> None:
        if "app" in self.table and self._app_sound():
            at = self.table["app"].offset
            self.step("start", True, f"the app at {at:#x} is sound and is started", f"go os_addr(0x{at:x})..........")
            return
        self.end = End.HANGS
        line = "[E/OTA] (ota_main) App verify failed! Need to recovery factory firmware."
        self.step("start", False, "the app does not have its footer's hash: it is not started", line)

    def _app_sound(self) -> bool:
        self.app = self.table["app"]
        return self._sound()


def _good(header: rbl.Header) -> bool:
    return header.crc_ok and header.magic == rbl.MAGIC
