"""The flash that a right update leaves, computed without the product: own CRC, own header offsets, own packing.

Only AES, zlib and lzma are shared with it. Addresses are physical.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY, IV = b"0123456789ABCDEF0123456789ABCDEF", b"0123456789ABCDEF"
APP, FOOTER_SECTORS, DOWNLOAD, END = 0x11000, 0x130000, 0x132000, 0x1E0000
FLASH = 0x200000
OWN_SETTINGS = [(0x1E1000, 0x1E2000), (0x1E5000, 0x1ED000)]
"""What OpenBeken writes for itself in its first seconds: its configuration and its file system."""


@cache
def shifted_out(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x8005 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


@cache
def frame_crc(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc = crc << 8 & 0xFFFF ^ shifted_out(crc >> 8 ^ byte)
    return crc


def framed(data: bytes) -> bytes:
    if len(data) % 32:  # the boot loader leaves the bytes of the frame before in what the last one does not fill
        data += data[-32:][: -len(data) % 32]
    parts = (data[at : at + 32] for at in range(0, len(data), 32))
    return b"".join(part + frame_crc(part).to_bytes(2, "big") for part in parts)


def raw_app(package: bytes) -> bytes:
    """The app in a package: decrypted, decompressed, cut to its size."""
    algorithm, raw_size, body_size = (struct.unpack_from("<I", package, at)[0] for at in (4, 84, 88))
    decryptor = Cipher(algorithms.AES(KEY), modes.CBC(IV)).decryptor()
    body = decryptor.update(package[96 : 96 + body_size]) + decryptor.finalize()
    if algorithm >> 8 == 1:
        raw = zlib.decompressobj(31).decompress(body)
    else:
        raw = lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(body)
    assert len(raw) == raw_size
    return raw


def after_update(before: bytes, package: bytes) -> bytes:
    """The whole chip when the updated device has joined again. `before` is the chip at power-on."""
    flash = bytearray(before)
    # The app wrote the package into the download partition, whole sectors, and the boot loader erased the first one.
    sectors = -(-len(package) // 0x1000) * 0x1000
    flash[DOWNLOAD : DOWNLOAD + sectors] = package.ljust(sectors, b"\xff")
    flash[DOWNLOAD : DOWNLOAD + 0x1000] = b"\xff" * 0x1000
    # It erased as many sectors of the app partition as the new app needs, and the two that hold the footer.
    app = framed(raw_app(package))
    end = -(-(APP + len(app)) // 0x1000) * 0x1000
    flash[APP:end] = app.ljust(end - APP, b"\xff")
    flash[FOOTER_SECTORS:DOWNLOAD] = b"\xff" * (DOWNLOAD - FOOTER_SECTORS)
    # The footer is the package's header in the last three frames of the partition: 96 bytes at logical 0x11FFA0.
    footer = framed(package[:96])
    flash[DOWNLOAD - len(footer) : DOWNLOAD] = footer
    return bytes(flash)


def differences(flash: bytes, expected: bytes) -> list[int]:
    """The first addresses at which they differ, outside of what the app writes for itself."""
    flash, expected = bytearray(flash), bytearray(expected)
    for start, end in OWN_SETTINGS:
        flash[start:end] = expected[start:end] = bytes(end - start)
    return [] if flash == expected else [at for at in range(len(flash)) if flash[at] != expected[at]][:5]
