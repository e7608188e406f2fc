"""Flashes and packages for the table of test_prediction.py: small apps, so that a boot takes tenths of a second."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass, field, replace

from bk7238.formats import crc_framing, partitions, rbl, rbl_body
from bk7238.image import build

DOWNLOAD = partitions.Partition("download", "beken_onchip", 0x132000, 0xAE000)
APP = partitions.Partition("app", "beken_onchip_crc", 0x10000, 0x110000)
BOOTLOADER = partitions.Partition("bootloader", "beken_onchip_crc", 0, 0x10000)
KEY, IV = rbl_body.KEY.encode(), rbl_body.IV.encode()


def app(size: int = 40000, seed: int = 1, reset: int = 0x10100) -> bytes:
    """Text that compresses to half its size, with the word at 0x20 that an app has."""
    rng = random.Random(seed)
    data = bytearray(rng.choice(b"ABCDEFGHijklmnop") for _ in range(size))
    data[0x20:0x24] = struct.pack("<I", reset)
    return bytes(data)


NEW, OLD = app(), app(20000, seed=7)


def pack(
    raw: bytes = NEW, compression: str = "lzma", encryption: str = "aes", *, key=KEY, iv=IV, stream=None, **fields
):
    """A package. `stream` replaces what the packer would encrypt, `fields` the header's fields (its CRC is right)."""
    if stream is None:
        body = rbl_body.encode(raw, compression, encryption, key, iv)
    else:
        body = rbl_body.encrypt(stream, encryption, key, iv)
    number = rbl.algorithm(compression, encryption)
    header = rbl.header(raw, body, algorithm=number, timestamp=5, version="2.0")
    return replace(header, **fields).pack() + body


def flipped(package: bytes, at: int) -> bytes:
    """With one byte of the body changed, and CRCs that hold all the same."""
    changed = bytearray(package)
    changed[at] ^= 0x55
    header = rbl.unpack(package)
    return replace(header, body_crc=zlib.crc32(changed[rbl.SIZE :])).pack() + bytes(changed[rbl.SIZE :])


def damaged(package: bytes, at: int, byte: int = 0x55) -> bytes:
    """With one byte changed and nothing else."""
    return package[:at] + bytes((package[at] ^ byte,)) + package[at + 1 :]


@dataclass(frozen=True)
class Device:
    """What is in the flash before the boot. `table` replaces the boot loader's (lowest entry first, None: as shipped),
    `patches` are logical addresses in the boot loader and bytes."""

    package: bytes = b""
    at: int = 0x132000
    old: bytes = OLD
    footer: bytes | None = None
    table: tuple[partitions.Partition, ...] | None = None
    patches: dict[int, bytes] = field(default_factory=dict)

    def flash(self, bootloader: bytes) -> bytes:
        loader = bytearray(bootloader)
        start = min(at for at, _ in partitions.find(bootloader))
        for number, partition in enumerate(self.table or ()):
            loader[start + 64 * number : start + 64 * number + 64] = partition.pack()
        for at, data in self.patches.items():
            loader[at : at + len(data)] = data
        flash = bytearray(b"\xff" * 0x200000)
        footer = build.footer(self.old, 3, "1.0") if self.footer is None else self.footer
        for address, data in ((0, bytes(loader)), (0x11000, self.old), (0x131F9A, footer)):
            framed = crc_framing.frame(data)
            flash[address : address + len(framed)] = framed
        flash[self.at : self.at + len(self.package)] = self.package
        return bytes(flash[:0x200000])


def entry(bootloader: bytes, name: str) -> int:
    """The logical address of a table entry of the shipped table."""
    return next(at for at, partition in partitions.find(bootloader) if partition.name == name)
