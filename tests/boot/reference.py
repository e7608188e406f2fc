"""The reference boot loader on the bench: a flash with a package in the download partition, run from reset on."""

from __future__ import annotations

import dataclasses

from bk7238 import resources
from bk7238.formats import crc_framing, rbl, rbl_body
from bk7238.machine import Machine

FLASH, DOWNLOAD, DOWNLOAD_END, SECTOR = 0x200000, 0x132000, 0x1E0000, 0x1000
APP_START, APP_END = 0x11000, 0x132000
STARTED, STUCK = "go os_addr(", "App verify failed!"


def built(name: str) -> bytes:
    """A file of the reference firmware as it is committed."""
    return (resources.reference() / name).read_bytes()


def image(package: bytes = b"", old: bytes | None = None) -> bytearray:
    """A whole flash: boot loader and app of `old` (default: the reference image), and a package that was downloaded."""
    flash = bytearray((built("reference_1.0.0.bin") if old is None else old).ljust(FLASH, b"\xff"))
    flash[DOWNLOAD : DOWNLOAD + len(package)] = package
    return flash


def bootloader(patch: dict[int, bytes]) -> bytes:
    """The reference image with other bytes at logical addresses of its boot loader."""
    whole = built("reference_1.0.0.bin")
    logical = bytearray(built("boot.bin"))
    for at, data in patch.items():
        logical[at : at + len(data)] = data
    return crc_framing.frame(bytes(logical)).ljust(APP_START, b"\xff") + whole[APP_START:]


def repacked(package: bytes, body: bytes | None = None, **fields: object) -> bytes:
    """A package with other fields in its header, whose own CRC is right; a new body brings its CRC and size."""
    header = rbl.unpack(package)
    if body is None:
        body = package[rbl.SIZE :]
    else:
        fields = {"body_crc": rbl_crc(body), "body_size": len(body), **fields}
    return dataclasses.replace(header, **fields).pack() + body  # type: ignore[arg-type]


def rbl_crc(body: bytes) -> int:
    return rbl.header(b"", body, algorithm=0, timestamp=0).body_crc


def packed(raw: bytes, compression: str = "none", **fields: object) -> bytes:
    """A package of `raw`, encrypted."""
    body = rbl_body.encode(raw, compression, "aes")
    algorithm = {"none": 0x002, "gzip": 0x102, "lzma": 0x402}[compression]
    header = rbl.header(raw, body, algorithm=algorithm, timestamp=0, version="test")
    return dataclasses.replace(header, **fields).pack() + body  # type: ignore[arg-type]


def installed(before: bytes | bytearray, raw: bytes | None = None) -> bytes:
    """The flash that a right installation of what lies in the download partition leaves; `raw` is the app in it."""
    flash = bytearray(before)
    body = crc_framing.frame(built("app-1.0.1.bin") if raw is None else raw)
    end = -(-(APP_START + len(body)) // SECTOR) * SECTOR
    flash[APP_START:end] = body.ljust(end - APP_START, b"\xff")
    footer = crc_framing.frame(bytes(before[DOWNLOAD : DOWNLOAD + rbl.SIZE]))
    flash[APP_END - 2 * SECTOR : APP_END] = footer.rjust(2 * SECTOR, b"\xff")
    flash[DOWNLOAD : DOWNLOAD + SECTOR] = b"\xff" * SECTOR
    return bytes(flash)


class Bench:
    """One machine that is started again and again; starting over costs milliseconds, making one does not."""

    def __init__(self) -> None:
        self.machine = Machine(bytes(image()))
        self.ended = ""
        self.machine.uart1.on_line(self._line)
        self._window = bytes(self.machine.flash.data[:DOWNLOAD])

    @property
    def flash(self) -> bytearray:
        return self.machine.flash.data

    def load(self, flash: bytes | bytearray) -> None:
        """Program the chip."""
        self.machine.flash.status = 0
        self.machine.flash.load(bytes(flash))
        if self._window != flash[:DOWNLOAD]:
            self.show()

    def show(self) -> None:
        """The CPU sees the chip as it is."""
        self.machine.board.flash.insert(self.machine.flash)
        self._window = bytes(self.flash[:DOWNLOAD])

    def start(self, within: int = 60_000_000) -> list[str]:
        """Power off and on, and run until the boot loader starts the app or gives up. What it printed."""
        self.machine.power_cycle()
        self.ended = ""
        self.machine.uart1.output.clear()
        self.machine.run(self.machine.now + within)
        if self.flash[:DOWNLOAD] != self._window:
            self.show()
        return self.machine.uart1.text.splitlines()

    def _line(self, line: str) -> None:
        if STARTED in line or STUCK in line:
            self.ended = STARTED if STARTED in line else STUCK
            self.machine.stop()
