"""What the vendor's boot loader 1.0.x does with a package that has passed its checks: dry run, erase, write, verify."""

from __future__ import annotations

from bk7238.formats import partitions, rbl, rbl_body
from bk7238.formats.partitions import Partition
from bk7238.image import beken_stream as stream
from bk7238.image.boot import Boot
from bk7238.image.prediction import End
from bk7238.image.storage import SECTOR

IV_AT, KEY_AT = 0x1F1C, 0x1F2D
_FIRST = 32  # bytes that tell whether there is an app
SMALLEST_APP = 128  # a smaller one derails the check of what was written

NO_DEVICE = "[E/FAL] (fal_partition_read:396) Partition read error! Don't found flash device({}) of the partition({})."
_APP_NOT_VERIFIED = "[E/OTA] (ota_main:178) App verify failed! Need to recovery factory firmware."
_GO = "go os_addr(0x{:x}).........."
_FAILED = "[E/OTA] (ota_main:144) OTA upgrade failed!"
OUT_OF_BOUND = "[E/FAL] (fal_partition_read:389) Partition read error! Partition address out of bound."


class Installation(Boot):
    """The part of a boot that follows the checks, which set the package's place, its header and the destination."""

    download: Partition
    target: Partition
    header: rbl.Header
    raw_header: bytes
    unpacked: stream.Stream

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
        name = self.target.name
        return (
            f"[E/OTA] (rt_ota_upgrade:975) OTA upgrade failed! Download data copy to partition({name}) error!",
            _FAILED,
        )

    @property
    def keys(self) -> tuple[bytes, bytes]:
        """Key and IV as they stand in the boot loader."""
        return self.bootloader[KEY_AT : KEY_AT + 32], self.bootloader[IV_AT : IV_AT + 16]

    def dry_run(self) -> str:
        name = "dry run"
        unpacked = self._unpack()
        lines = []
        found, line = self._custom_verify(unpacked.data)
        if line and not found:
            lines.append(line)
        if found:
            at = 635 if len(unpacked.data) >= stream.PIECE else 667  # in a whole piece, or in the last one
            number = f"[E/OTA] (copy_fw_from_dl_part:{at}) Custom verify RAW firmware failed!"
            return self.step(name, False, found, line, number, *self.copy_failed)
        lines += [unpacked.error] if unpacked.error else []
        if unpacked.hangs:
            self.end, self.halted = End.HANGS, True
            found = (
                f"the body ends after {len(unpacked.data)} of {self.header.raw_size} bytes: it waits for more for ever"
            )
            return self.step(name, False, found)
        if unpacked.enough:
            lines.append(self._enough(unpacked))
        calculated = rbl.fnv1a(unpacked.data)
        if calculated != self.header.raw_hash:
            lines.append(
                f"[E/OTA] (copy_fw_from_dl_part:720) Verify downloaded firmware hash (calc.hash: {calculated:08x} != "
                f"hdr.hash: {self.header.raw_hash:08x}) failed."
            )
            return self.step(name, False, self._why(unpacked), *lines, *self.copy_failed)
        self.unpacked = unpacked
        return self.step(name, True, f"{len(unpacked.data)} bytes, hash {calculated:08x}", *lines)

    def _enough(self, unpacked: stream.Stream) -> str:
        return f"[I/OTA] total_len(({len(unpacked.data)}) >= size_raw({self.header.raw_size}), _STREAM_END"

    def _unpack(self) -> stream.Stream:
        body = self.storage.read(self.download, rbl.SIZE, self.header.body_size)
        if self.header.algorithm & 2:
            body = rbl_body.decrypt(body, "aes", *self.keys)
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
            return (
                "nothing could be unpacked: key or IV differ from the boot loader's, or the stream is not one it reads"
            )
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
        if again.hangs:
            self.halted = True
            return self.step("write", False, "the package was erased together with the app", *lines)
        if again.error:
            return self.step("write", False, "the package was erased together with the app", *lines, *self.copy_failed)
        whole = again == self.unpacked
        found = f"{len(again.data)} bytes" if whole else "the package was erased together with the app"
        self.step("write", whole, found, *lines)
        return ""

    def _hits_app(self) -> bool:
        """Whether the app that is started lies where the package goes."""
        app = self.table.get("app")
        if app is None or self.is_app:
            return True
        return self.target.physical_start < app.physical_end and app.physical_start < self.target.physical_end

    def verify(self) -> str:
        return self._verify_app() if self.is_app else self._verify_other()

    def _verify_app(self) -> str:
        """The app is read through the CPU's window, whatever device its partition is on."""
        size = self.header.raw_size
        if size < SMALLEST_APP:
            self.end, self.halted = End.HANGS, True
            found = f"an app of {size} bytes, fewer than {SMALLEST_APP}, makes its check run off the flash and restart"
            return self.step("verify", False, found, "[ARM ANOMALY][2]")
        start = self.storage.window(self.target.offset, len(self.unpacked.data))
        return self._compare(self.storage.window(self.target.offset, size), start, "the app partition", 297)

    def _verify_other(self) -> str:
        """Another partition is read as its device has it."""
        size, where = self.header.raw_size, f"partition `{self.target.name}`"
        if size < SMALLEST_APP:
            self.end, self.halted, self.endless = End.HANGS, True, 1
            found = f"{size} bytes for {where}, fewer than {SMALLEST_APP}: its check never ends"
            return self.step("verify", False, found, OUT_OF_BOUND)
        start = self.storage.read(self.target, 0, len(self.unpacked.data))
        return self._compare(self.storage.read(self.target, 0, size), start, where, 337)

    def _compare(self, written: bytes, start: bytes, where: str, at: int) -> str:
        """Whether `written`, which begins with `start` for what was unpacked, has the header's hash."""
        size, calculated = self.header.raw_size, rbl.fnv1a(written)
        if calculated == self.header.raw_hash:
            return self.step("verify", True, f"hash {calculated:08x}")
        reinstalls = start == self.unpacked.data
        self.end = End.REINSTALLS if reinstalls else self.end
        by_chance = any(first < self._place(size) for first, _ in self.chance)
        shown = "*" if by_chance else f"{calculated:08x}"
        line = (
            f"[E/OTA] (part_fw_hash_verify:{at}) Verify firmware hash(calc.hash: {shown} != hdr.hash: "
            f"{self.header.raw_hash:08x}) failed on partition '{self.target.name}'."
        )
        found = f"the {size} bytes in {where} have another hash than the header says"
        if reinstalls:
            found += f": {self.content} has {len(self.unpacked.data)} bytes, the header says {size}"
        return self.step("verify", False, found, line, _FAILED)

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
                lines.append(NO_DEVICE.format(app.device, app.name))
            if footer is None or not footer.crc_ok:
                lines.append(_APP_NOT_VERIFIED)
            else:
                at = app.offset
        if self.storage.window(at, _FIRST) == b"\xff" * _FIRST and self.end is End.KEPT:
            self.end = End.NO_APP
        self.step("start", None, f"the app at {at:#x} is started, whatever happened", *lines, _GO.format(at))
