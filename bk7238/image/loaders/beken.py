"""The vendor's boot loader 1.0.x, check by check in its own order: what it prints and does.

Read off 90 runs of the unmodified 1.0.15, each of which tests/boot/test_prediction.py repeats; docs/images.md lists
them. It compares no versions, checks no magic and no CRC of a partition entry, and starts the app whatever happened.
"""

from __future__ import annotations

import re
import zlib

from bk7238.formats import partitions, rbl, rbl_body
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders import beken_stream as stream
from bk7238.image.loaders.boot import Boot, End, Step
from bk7238.image.loaders.loader import (
    FOR_DOWNLOAD,
    UNSCRAMBLED,
    Keys,
    Loader,
    difference,
    entries,
    installed_already,
    no_entry,
    no_header,
    place,
)
from bk7238.image.loaders.storage import SECTOR, Storage

SMALLEST_APP = 128  # a smaller one derails the check of what was written
_VERSION_AT = 0x108  # behind the name of the chip, where builds for plain flash of the BK7231U have code
_VERSION = re.compile(rb"_(1\.0\.\d+)\0")  # as the vendor has it; printed as BK7238_1.0.15
_CHUNK = 128  # bytes of the body read at a time for its CRC
_SMALLEST_BODY = 32  # a smaller one makes the CRC's loop count below zero
_LINES_A_MINUTE = 7800  # of about 88 characters at 115,200 baud; more than a minute of them counts as a hang
_FIRST = 32  # bytes that tell whether there is an app

_PACKAGE = "RT-Thread OTA package(V0.2.8-beken-1133282d-20220604)"
_NO_DEVICE = "[E/FAL] (fal_partition_read:396) Partition read error! Don't found flash device({}) of the partition({})."
_OUT_OF_BOUND = "[E/FAL] (fal_partition_read:389) Partition read error! Partition address out of bound."
_APP_NOT_VERIFIED = "[E/OTA] (ota_main:178) App verify failed! Need to recovery factory firmware."
_GO = "go os_addr(0x{:x}).........."
_FAILED = "[E/OTA] (ota_main:144) OTA upgrade failed!"


class Beken(Loader):
    """Foretold, check by check."""

    name = "beken"
    keys = Keys(key_at=0x1F2D, iv_at=0x1F1C)
    scrambles = False
    # Without an entry for itself in the table it asks for a device whose name was never set.
    remark = re.compile(rf"{Loader.remark.pattern}|Don't found flash device\([^)]*[^ -~]")

    def recognises(self, code: bytes) -> str | None:
        """`Beken boot loader` and its version."""
        version = _VERSION.match(code, _VERSION_AT)
        return f"Beken boot loader {version[1].decode()}" if version and b"rt_ota_upgrade" in code else None

    def predict(self, flash: FlashView, package: bytes = b"") -> Boot:
        """What it does at the next start."""
        return _Start(flash.whole(), self.keys, package).foretell()

    def sees(self, flash: FlashView, package: bytes = b"") -> str:
        """The cause that is foretold."""
        return self.predict(flash, package).cause or super().sees(flash, package)


class _Start:
    """One start that is foretold. A check that ends the update returns the cause, one that passes an empty text.
    `package` is what was meant to be installed."""

    download: Partition
    target: Partition
    header: rbl.RblHeader
    raw_header: bytes
    unpacked: stream.Stream

    def __init__(self, flash: FlashView, keys: Keys, package: bytes) -> None:
        self.flash, self.package = flash, package  # as they were before the start
        self.storage, self.chip, self.table = Storage(flash), flash.chip, flash.partitions
        self.key, self.iv = keys.read(flash.boot_loader)
        self.steps: list[Step] = []
        self.end, self.endless = End.KEPT, 0
        self.destination = "app"  # the partition that the package names
        self.halted = False  # no app is started any more
        self.chance: list[tuple[int, int]] = []

    def foretell(self) -> Boot:
        """All of it, until a check ends the update."""
        checks = (
            *(self.find_download, self.read_header, self.find_target, self.compare_footer, self.check_encryption),
            *(self.check_body, self.check_room, self.check_algorithm, self.dry_run),
            *(self.erase, self.write, self.verify, self.finish),
        )
        cause = next(filter(None, (check() for check in checks)), "")
        if not self.halted:
            self.start_app()
        return Boot(
            Beken().recognises(self.flash.boot_loader) or "",
            tuple(self.steps),
            self.end,
            cause,
            bytes(self.storage.data),
            self.destination,
            self.endless,
            tuple(self.chance),
        )

    def step(self, name: str, passed: bool | None, found: str, *lines: str) -> str:
        """Record a step; returns the cause if it did not pass."""
        self.steps.append(Step(name, passed, found, lines))
        return found if passed is False else ""

    @property
    def is_app(self) -> bool:
        """Whether the package is for the app: what is written for another partition is checked in another way."""
        return self.target.name == "app"

    @property
    def content(self) -> str:
        """What is packed, in words."""
        return "the app" if self.is_app else "the content"

    @property
    def copy_failed(self) -> tuple[str, str]:
        """Its last words where the package cannot be unpacked."""
        name = self.target.name
        return (
            f"[E/OTA] (rt_ota_upgrade:975) OTA upgrade failed! Download data copy to partition({name}) error!",
            _FAILED,
        )

    def footer(self, partition: Partition) -> tuple[rbl.RblHeader | None, bytes]:
        """The footer of a partition and its bytes; None where the partition cannot be read."""
        if partition.device not in partitions.DEVICES or partition.length < rbl.SIZE:
            return None, b""
        raw = self.storage.read(partition, partition.length - rbl.SIZE, rbl.SIZE)
        return rbl.unpack(raw), raw

    # The checks, in their order

    def find_download(self) -> str:
        if "download" not in self.table:
            return self.step(
                "partition table",
                False,
                no_entry(self.flash, "download"),
                "[E/OTA] (rt_ota_init:105) Initialize failed! The download partition(download) not found.",
                f"[E/OTA] (rt_ota_init:115) {_PACKAGE} initialize failed(-2).",
            )
        self.download = self.table["download"]
        wrong = ", ".join(p.name for p in self.table.values() if not p.crc_ok)
        note = f"; the CRC of {wrong} is wrong, which is not checked" if wrong else ""
        self.step("partition table", True, entries(self.flash) + note)
        return self.step("update package", None, "looked for", f"[I/OTA] {_PACKAGE} initialize success.")

    def read_header(self) -> str:
        own = self.table.get("bootloader")
        if own is None:
            self.step("boot loader's entry", None, "there is none; the result is ignored", _NO_DEVICE.format("*", "*"))
        elif own.device not in partitions.DEVICES:
            line = _NO_DEVICE.format(own.device, own.name)
            self.step("boot loader's entry", None, f"no device `{own.device}`; the result is ignored", line)
        name = "package header"
        if self.download.device not in partitions.DEVICES:
            found = f"its download partition is on a device `{self.download.device}`, which does not exist"
            line = _NO_DEVICE.format(self.download.device, self.download.name)
            return self.step(name, False, found, line, line)
        if self.download.length < rbl.SIZE:
            found = f"its download partition has {self.download.length} bytes, a header {rbl.SIZE}"
            return self.step(name, False, found, _OUT_OF_BOUND, _OUT_OF_BOUND)
        self.raw_header = self.storage.read(self.download, 0, rbl.SIZE)
        self.header = rbl.unpack(self.raw_header)
        if not self.header.crc_ok:
            return self.step(name, False, no_header(self.flash, self.download, self.package))
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
            return self.step("destination", False, FOR_DOWNLOAD)
        self.target, self.destination = self.table[wanted], wanted
        return self.step("destination", True, f"`{wanted}` at {self.target.physical_start:#x}")

    def compare_footer(self) -> str:
        installed, raw = self.footer(self.target)
        self.versions = ""
        if installed is None or not installed.crc_ok:
            lines = []
            if self.target.device not in partitions.DEVICES:
                lines.append(_NO_DEVICE.format(self.target.device, self.target.name))
            lines.append(
                f"[E/OTA] (rt_ota_check_upgrade:438) Get '{self.target.name}' partition firmware header failed! "
                "This partition will be forced to upgrade."
            )
            return self.step("installed version", True, "its footer is not valid: the update is forced", *lines)
        if raw == self.raw_header:
            return self.step("installed version", False, installed_already(self.target))
        self.versions = f"({installed.version}->{self.header.version})"
        return self.step("installed version", True, f"version {installed.version!r}; any other header is installed")

    def check_encryption(self) -> str:
        if self.header.algorithm & 0xF == 0:
            found = "the package is not encrypted"
            return self.step("encryption", False, found, "[E/OTA] (ota_main:125) none encryption Not allow!")
        return self.step("encryption", True, self.header.encryption)

    def check_body(self) -> str:
        name, size = "body's CRC-32", self.header.body_size
        if size < _SMALLEST_BODY:
            return self._endless(f"the body has {size} bytes: its loop over fewer than {_SMALLEST_BODY} never ends")
        beyond = rbl.SIZE + size - self.download.length
        chunks = -(-size // _CHUNK)
        inside = min(chunks, max(0, self.download.length - rbl.SIZE) // _CHUNK) if beyond > 0 else chunks
        if chunks - inside > _LINES_A_MINUTE:
            takes = f"complaining takes {(chunks - inside) // _LINES_A_MINUTE} minutes at every start"
            return self._endless(f"the header says {size} bytes of body: {takes}")
        body = self.storage.read(self.download, rbl.SIZE, min(size, inside * _CHUNK))
        complaints = (_OUT_OF_BOUND,) * (chunks - inside)
        crc = zlib.crc32(body)
        if not complaints and crc == self.header.body_crc:
            return self.step(name, True, f"{crc:08x}")
        shown = "*" if complaints else f"{crc:08x}"
        found = f"the package has {rbl.SIZE + size} bytes, its {place(self.download)} {self.download.length}"
        if not complaints:
            crcs = f"its CRC-32 is {crc:08x}, the header says {self.header.body_crc:08x}"
            found = f"the body in its {place(self.download)} is damaged: {crcs}"
            found += difference(self.flash, self.download, self.package)
        line = (
            f"[E/OTA] (rt_ota_part_fw_verify:389) Verify firmware CRC32(calc.crc: {shown} != hdr.crc: "
            f"{self.header.body_crc:08x}) failed on partition 'download'."
        )
        return self.step(name, False, found, *complaints, line)

    def _endless(self, found: str) -> str:
        self.end, self.halted, self.endless = End.HANGS, True, 1
        return self.step("body's CRC-32", False, found, _OUT_OF_BOUND)

    def check_room(self) -> str:
        needed = self.header.raw_size + rbl.SIZE
        if needed > self.target.length:
            needs = f"{self.content} and its footer take {needed} bytes"
            found = f"{needs}, partition `{self.target.name}` has {self.target.length}"
            line = f"The partition ({self.target.device}) has no space (unless {needed}) for upgrade."
            return self.step("room", False, found, f"[E/OTA] (rt_ota_upgrade:957) {line}", _FAILED)
        lines = [f"[I/OTA] OTA firmware({self.target.name}) upgrade{self.versions} startup."]
        if self.target.device not in partitions.DEVICES:
            lines.insert(0, _NO_DEVICE.format(self.target.device, self.target.name))
        return self.step("room", True, f"{needed} of {self.target.length} bytes", *lines)

    def check_algorithm(self) -> str:
        compression = self.header.algorithm & 0xFF00
        if compression not in stream.KNOWN:
            found = f"the compression is {self.header.compression}, which this boot loader does not have"
            line = f"[E/OTA] (copy_fw_from_dl_part:532) ota algorithm no support: {self.header.algorithm & 0xFFFF}!"
            return self.step("compression", False, found, line, *self.copy_failed)
        return self.step("compression", True, self.header.compression)

    def dry_run(self) -> str:
        unpacked = self._unpack()
        found, line = self._custom_verify(unpacked.data)
        if found:
            at = 635 if len(unpacked.data) >= stream.PIECE else 667  # in a whole piece, or in the last one
            number = f"[E/OTA] (copy_fw_from_dl_part:{at}) Custom verify RAW firmware failed!"
            return self._cannot_unpack(found, line, number, *self.copy_failed)
        lines = [text for text in (line, unpacked.error) if text]
        if unpacked.hangs:
            self.end, self.halted = End.HANGS, True
            ends = f"the body ends after {len(unpacked.data)} of {self.header.raw_size} bytes"
            return self._cannot_unpack(f"{ends}: it waits for more for ever")
        if unpacked.enough:
            lines.append(self._enough(unpacked))
        calculated = rbl.fnv1a(unpacked.data)
        if calculated != self.header.raw_hash:
            lines.append(
                f"[E/OTA] (copy_fw_from_dl_part:720) Verify downloaded firmware hash (calc.hash: {calculated:08x} != "
                f"hdr.hash: {self.header.raw_hash:08x}) failed."
            )
            return self._cannot_unpack(self._why(unpacked), *lines, *self.copy_failed)
        self.unpacked = unpacked
        return self.step("dry run", True, f"{len(unpacked.data)} bytes, hash {calculated:08x}", *lines)

    def _cannot_unpack(self, found: str, *lines: str) -> str:
        key, iv = self.key.decode("latin-1"), self.iv.decode("latin-1")
        return self.step("dry run", False, f"{found}; the boot loader's key is {key!r}, its IV {iv!r}", *lines)

    def _enough(self, unpacked: stream.Stream) -> str:
        return f"[I/OTA] total_len(({len(unpacked.data)}) >= size_raw({self.header.raw_size}), _STREAM_END"

    def _unpack(self) -> stream.Stream:
        body = self.storage.read(self.download, rbl.SIZE, self.header.body_size)
        if self.header.algorithm & 2:
            body = rbl_body.decrypt(body, "aes", self.key, self.iv)
        return stream.unpack(body, self.header.algorithm & 0xFF00, self.header.raw_size)

    def _custom_verify(self, data: bytes) -> tuple[str, str]:
        if not data:
            return "", ""
        if not self.is_app:
            return "", f"[I/OTA] The current part name: {self.target.name}, it does not need to custom verity."
        if self.chip.codec.begins_with_unit(data):
            found = "what is packed has CRCs after every 32 bytes: pack the image without them"
            return found, "[E/OTA] (rt_ota_custom_verify:236) Please use none crc image to build rbl file!"
        word = int.from_bytes(data[0x20:0x24].ljust(4, b"\0"), "little")
        low, high = self.target.offset, self.target.offset + self.target.length
        if not low <= word <= high:
            found = f"the app's word at 0x20 is {word:#x}, not in the app partition ({low:#x} to {high:#x})"
            found += ": it is linked elsewhere, or unpacked with the wrong key"
            return found, "[E/OTA] (rt_ota_custom_verify:264) The application must link to the flash 64KB location!"
        return "", ""

    def _why(self, unpacked: stream.Stream) -> str:
        if not unpacked.data:
            why = "key or IV differ from the boot loader's, or the stream is not one it reads"
            return f"nothing could be unpacked: {why}"
        if unpacked.error:
            return f"the body is damaged after {len(unpacked.data)} unpacked bytes ({unpacked.error})"
        return "what was unpacked has another hash than the header says"

    # The actions

    def erase(self) -> str:
        name = self.target.name
        if self.target.device not in partitions.DEVICES:
            return self._erase_nothing(f"device({self.target.device}) of the partition({name}).")
        start, end = self.target.physical_start, self.target.physical_end
        footer = self._place(self.target.length - SECTOR) // SECTOR * SECTOR
        if self.target.framed:
            body_end = self._place(-(-self.header.raw_size // self.chip.codec.data) * self.chip.codec.data)
        else:  # as many sectors as the size has, from the one in which the partition begins
            body_end = start // SECTOR * SECTOR + self.header.raw_size
        body_end = -(-body_end // SECTOR) * SECTOR
        bar = self.storage.erase(start, body_end)
        bar += self.storage.erase(max(footer, body_end), end)
        return self.step(
            "erase",
            None,
            f"{start:#x} to {body_end:#x}, and the footer's sectors from {footer:#x}",
            f"[I/OTA] The partition '{name}' is erasing.",
            f"{bar}[I/OTA] The partition '{name}' erase success.",
        )

    def _erase_nothing(self, what: str) -> str:
        self.end, self.halted, self.endless = End.HANGS, True, 2
        where = f"partition `{self.target.name}` is on a device `{self.target.device}`, which does not exist"
        return self.step(
            "erase",
            False,
            f"{where}: it tries for ever",
            f"[I/OTA] The partition '{self.target.name}' is erasing.",
            f"[E/FAL] (fal_partition_erase:476) Partition erase error! Don't found flash {what}",
            f"[E/OTA] (rt_ota_erase_fw:789) The partition '{self.target.name}' erase failed.",
            f"[E/FAL] (fal_partition_write:437) Partition write error!  Don't found flash {what}",
            f"[E/OTA] (copy_fw_from_dl_part:645) Copy firmware from download partition failed! OTA partition "
            f"({self.target.name}) write error!",
        )

    def _place(self, offset: int) -> int:
        """The physical address of an offset in the target."""
        at = self.target.offset + offset
        return self.chip.codec.physical(at) if self.target.framed else at

    def write(self) -> str:
        self.end = End.BRICKED if self._hits_app() else End.KEPT
        again = self._unpack()  # from what the erasing has left of the package
        lines = [again.error] if again.error else []
        if again.enough:
            lines.append(self._enough(again))
        for at in range(0, len(again.data), stream.PIECE):
            start, end = self.storage.write(self.target, at, again.data[at : at + stream.PIECE])
            if end > start:
                self.chance.append((start, end))
        lost = "the package was erased together with the app"
        if again.hangs or again.error:
            self.halted = again.hangs
            return self.step("write", False, lost, *lines, *(self.copy_failed if again.error else ()))
        whole = again == self.unpacked
        self.step("write", whole, f"{len(again.data)} bytes" if whole else lost, *lines)
        return ""

    def _hits_app(self) -> bool:
        """Whether the app that is started lies where the package goes."""
        app = self.table.get("app")
        if app is None or self.is_app:
            return True
        return self.target.physical_start < app.physical_end and app.physical_start < self.target.physical_end

    def verify(self) -> str:
        size, name = self.header.raw_size, self.target.name
        where, at = ("the app partition", 297) if self.is_app else (f"partition `{name}`", 337)
        if size < SMALLEST_APP:
            self.end, self.halted, self.endless = End.HANGS, True, 0 if self.is_app else 1
            found, line = f"{size} bytes for {where}, fewer than {SMALLEST_APP}: its check never ends", _OUT_OF_BOUND
            if self.is_app:
                found = (
                    f"an app of {size} bytes, fewer than {SMALLEST_APP}, makes its check run off the flash and restart"
                )
                line = "[ARM ANOMALY][2]"
            return self.step("verify", False, found, line)
        written, start = self._written(size), self._written(len(self.unpacked.data))
        calculated = rbl.fnv1a(written)
        if calculated == self.header.raw_hash:
            return self.step("verify", True, f"hash {calculated:08x}")
        reinstalls = start == self.unpacked.data
        self.end = End.REINSTALLS if reinstalls else self.end
        by_chance = any(first < self._place(size) for first, _ in self.chance)
        shown = "*" if by_chance else f"{calculated:08x}"
        line = (
            f"[E/OTA] (part_fw_hash_verify:{at}) Verify firmware hash(calc.hash: {shown} != hdr.hash: "
            f"{self.header.raw_hash:08x}) failed on partition '{name}'."
        )
        found = f"the {size} bytes in {where} have another hash than the header says"
        if reinstalls:
            found += f": {self.content} has {len(self.unpacked.data)} bytes, the header says {size}"
        elif self.is_app and self.storage.read(self.target, 0, size) == self.unpacked.data:
            found += f": {UNSCRAMBLED}"
        return self.step("verify", False, found, line, _FAILED)

    def _written(self, count: int) -> bytes:
        """The first bytes in the target: the app's through the CPU's window, whatever device its partition is on."""
        return (
            self.storage.window(self.target.offset, count) if self.is_app else self.storage.read(self.target, 0, count)
        )

    def finish(self) -> str:
        self.end = End.INSTALLED
        self.storage.write(self.target, self.target.length - rbl.SIZE, self.raw_header)
        start = self.download.physical_start // SECTOR * SECTOR
        self.storage.erase(start, start + SECTOR)
        return self.step(
            "finish",
            True,
            f"the header is the new footer, the first sector of the download partition ({start:#x}) is erased",
            "[E/OTA] (ota_erase_dl_rbl:24) ota_erase_dl_rbl",
            f"[E/OTA] (ota_erase_dl_rbl:32) ota_erase_dl_rbl erase:{self.download.offset:x}",
        )

    def start_app(self) -> None:
        app = self.table.get("app")
        lines, at = [], self.chip.app  # where it goes without a valid footer
        if app is not None and "download" in self.table:
            footer, _ = self.footer(app)
            if app.device not in partitions.DEVICES:
                lines.append(_NO_DEVICE.format(app.device, app.name))
            if footer is None or not footer.crc_ok:
                lines.append(_APP_NOT_VERIFIED)
            else:
                at = app.offset
        if self.storage.window(at, _FIRST) == b"\xff" * _FIRST and self.end is End.KEPT:
            self.end = End.NO_APP
        self.step("start", None, f"the app at {at:#x} is started, whatever happened", *lines, _GO.format(at))
