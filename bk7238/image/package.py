"""An update package: an RBL header and its body. Without the header's magic it is refused; damage is only noted."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from bk7238 import host_files
from bk7238.formats import rbl


class PackageError(ValueError):
    """A file that is no package; the message is one line for its user."""


@dataclass(frozen=True)
class Package:
    """`data` is the whole file; `damage` says in a line each what the bootloader will not like about it."""

    name: str
    data: bytes
    header: rbl.RblHeader
    damage: tuple[str, ...]


def read(path: Path) -> Package:
    """Read and check a file. Raises PackageError."""
    try:
        data = host_files.read(path, host_files.BINARY)
    except OSError as error:
        raise PackageError(f"{path}: {error.strerror or error}; give an update package (RBL)") from None
    return parse(data, path.name)


def parse(data: bytes, name: str) -> Package:
    """Check that `data` begins with an RBL header. Raises PackageError."""
    if len(data) < rbl.SIZE:
        raise PackageError(f"{name}: {len(data)} bytes are fewer than the {rbl.SIZE} of an RBL header")
    header = rbl.unpack(data)
    if header.magic != rbl.MAGIC:
        raise PackageError(
            f"{name}: the magic at 0x0 is {header.magic.hex()}, not 52424c00 (RBL); pack the app with the OTA packager"
        )
    return as_it_is(data, name)


def as_it_is(data: bytes, name: str) -> Package:
    """The package of these bytes, whatever their header says: what a fault makes. At least a header's size."""
    header = rbl.unpack(data)
    return Package(name, data, header, tuple(_damage(header, data[rbl.SIZE :])))


def _damage(header: rbl.RblHeader, body: bytes) -> list[str]:
    damage = []
    if not header.crc_ok:
        damage.append("the header's CRC-32 does not match")
    if len(body) != header.body_size:
        damage.append(f"the body has {len(body)} bytes, the header says {header.body_size}")
    if zlib.crc32(body[: header.body_size]) != header.body_crc:
        damage.append("the body's CRC-32 does not match the header's")
    return damage
