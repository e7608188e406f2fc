"""The reference boot loader alone: a flash with a package in the download partition, run from reset on."""

from __future__ import annotations

import dataclasses

from images import built

from bk7238.formats import crc_framing, rbl
from bk7238.testing import Dut, Flash, Power

FLASH, DOWNLOAD, DOWNLOAD_END, SECTOR = 0x200000, 0x132000, 0x1E0000, 0x1000
APP_START, APP_END = 0x11000, 0x132000
STARTED, STUCK = "go os_addr(", "App verify failed!"


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


def boot(dut: Dut, flash: bytes | bytearray | None = None) -> tuple[str, list[str]]:
    """Start this flash, or the one that is there, of a device without a package: whether the app is STARTED or it is
    STUCK, and the lines up to there."""
    if flash is not None:
        dut.machine.flash.status = 0
        Flash(dut).load(bytes(flash))
        dut.operations.clear()
    Power(dut).cycle()
    ended = dut.expect_exact([STARTED, STUCK], within="60 s", console=1)
    return ended[0], [*dut.before, ended.string]
