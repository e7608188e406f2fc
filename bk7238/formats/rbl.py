"""RBL: the 96-byte header of an update package, and of the footer that the bootloader leaves behind the app.

Little-endian: magic, algorithm, timestamp, partition[16], version[24], serial[24], CRC-32 of the body, FNV-1a of
the raw app, raw size, body size, CRC-32 of the 92 bytes before it. Facts: docs/hardware/bootloader.md.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

MAGIC = b"RBL\0"
PARTITION_SIZE, VERSION_SIZE = 16, 24  # bytes of the fields for text
LATEST = 0xFFFF_FFFF  # seconds since 1970 that a header can hold
HEADER = struct.Struct(f"<4sII{PARTITION_SIZE}s{VERSION_SIZE}s24sIIIII")
SIZE = HEADER.size

ENCRYPTIONS = {0: "none", 1: "xor", 2: "aes"}
COMPRESSIONS = {0: "none", 1: "gzip", 2: "quicklz", 3: "fastlz", 4: "lzma"}
SERIAL = "0" * 23


FNV_OF_NOTHING = 0x811C9DC5


@lru_cache(4)
def fnv1a(data: bytes) -> int:
    """FNV-1a, 32 bits: the hash of the raw app. A step a byte: that of an app which was hashed before is remembered."""
    value = FNV_OF_NOTHING
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


@dataclass(frozen=True)
class RblHeader:
    """The header's fields; `crc_ok` tells whether its own CRC-32 holds."""

    magic: bytes
    algorithm: int
    timestamp: int
    partition: str
    version: str
    serial: str
    body_crc: int
    raw_hash: int
    raw_size: int
    body_size: int
    crc_ok: bool

    @property
    def encryption(self) -> str:
        """`none`, `aes` or `unknown`."""
        return ENCRYPTIONS.get(self.algorithm & 0xF, "unknown")

    @property
    def compression(self) -> str:
        """`none`, `gzip` or another of COMPRESSIONS, or `unknown`."""
        return COMPRESSIONS.get(self.algorithm >> 8, "unknown")

    def pack(self) -> bytes:
        """The 96 bytes, with a right CRC of their own. Texts too long for their fields are cut without NUL."""
        head = HEADER.pack(
            self.magic,
            self.algorithm,
            self.timestamp,
            _field(self.partition),
            _field(self.version),
            _field(self.serial),
            self.body_crc,
            self.raw_hash,
            self.raw_size,
            self.body_size,
            0,
        )[:-4]
        return head + zlib.crc32(head).to_bytes(4, "little")


def header(
    raw: bytes, body: bytes, *, algorithm: int, timestamp: int, partition: str = "app", version: str = ""
) -> RblHeader:
    """The header of a package: `raw` is the app, `body` what follows the header. Raises ValueError for a time stamp
    that does not fit."""
    if not 0 <= timestamp <= LATEST:
        raise ValueError(f"a time stamp of {timestamp} does not fit the header; --timestamp is from 0 to {LATEST}")
    return RblHeader(
        magic=MAGIC,
        algorithm=algorithm,
        timestamp=timestamp,
        partition=partition,
        version=version,
        serial=SERIAL,
        body_crc=zlib.crc32(body),
        raw_hash=fnv1a(raw),
        raw_size=len(raw),
        body_size=len(body),
        crc_ok=True,
    )


def algorithm(compression: str, encryption: str) -> int:
    """The number of an algorithm. Raises KeyError for a name that is not in the tables above."""
    compressions = {name: number for number, name in COMPRESSIONS.items()}
    encryptions = {name: number for number, name in ENCRYPTIONS.items()}
    return compressions[compression] << 8 | encryptions[encryption]


def unpack(data: bytes) -> RblHeader:
    """The header at the start of `data`. Raises ValueError where there are fewer than 96 bytes."""
    if len(data) < SIZE:
        raise ValueError(f"an RBL header has {SIZE} bytes, these are {len(data)}")
    magic, algorithm, timestamp, partition, version, serial, *numbers, crc = HEADER.unpack(data[:SIZE])
    body_crc, raw_hash, raw_size, body_size = numbers
    return RblHeader(
        magic=magic,
        algorithm=algorithm,
        timestamp=timestamp,
        partition=_text(partition),
        version=_text(version),
        serial=_text(serial),
        body_crc=body_crc,
        raw_hash=raw_hash,
        raw_size=raw_size,
        body_size=body_size,
        crc_ok=zlib.crc32(data[: SIZE - 4]) == crc,
    )


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("latin-1")


def _field(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
