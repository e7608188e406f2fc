"""A package taken apart: the app, and every field of the header checked against it.

A stream may say what it likes: no more is unpacked than the header's raw size or what a flash controller can address,
whichever is less.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from bk7238.formats import rbl, rbl_body
from bk7238.image.envelope import HeaderField
from bk7238.image.package import Package, PackageError

MOST = 1 << 24  # bytes: the addresses of the family's flash controllers have 24 bits


@dataclass(frozen=True)
class Unpacked:
    """The raw app and the header's fields, behind those of what the package came in."""

    app: bytes
    fields: tuple[HeaderField, ...]

    @property
    def wrong(self) -> list[HeaderField]:
        """The fields that do not fit the body."""
        return [field for field in self.fields if field.right is False]


def unpack(package: Package, key: bytes = rbl_body.KEY.encode(), iv: bytes = rbl_body.IV.encode()) -> Unpacked:
    """Decrypt, decompress and check. Raises PackageError where the body cannot be read."""
    header = package.header
    body = package.data[rbl.SIZE : rbl.SIZE + header.body_size]
    limit = min(header.raw_size, MOST)
    try:
        stream = rbl_body.decrypt(body, header.encryption, key, iv)
        app = rbl_body.decompress(stream, header.compression, limit)
    except rbl_body.BodyError as error:
        remedy = "; is this the right key and IV (-k, -i)?" if header.encryption == "aes" else ""
        raise PackageError(f"{package.name}: the body at {rbl.SIZE:#x} cannot be unpacked: {error}{remedy}") from None
    return Unpacked(app, tuple(_fields(package, app)))


def _fields(package: Package, app: bytes) -> list[HeaderField]:
    header, body = package.header, package.data[rbl.SIZE :]
    crc = zlib.crc32(body[: header.body_size])
    value = rbl.fnv1a(app)
    own = int.from_bytes(package.data[rbl.SIZE - 4 : rbl.SIZE], "little")
    counted = zlib.crc32(package.data[: rbl.SIZE - 4])
    return [
        *(package.envelope.fields if package.envelope is not None else ()),
        HeaderField("magic", header.magic.hex(), header.magic == rbl.MAGIC),
        HeaderField("algorithm", f"{header.algorithm:#x}: {header.compression}, {header.encryption}", None),
        HeaderField("timestamp", str(header.timestamp), None),
        HeaderField("partition", header.partition, None),
        HeaderField("version", header.version, None),
        HeaderField("serial", header.serial, None),
        HeaderField("body CRC-32", f"{header.body_crc:08x}", header.body_crc == crc, f"the body's is {crc:08x}"),
        HeaderField("raw hash", f"{header.raw_hash:08x}", header.raw_hash == value, f"the app's is {value:08x}"),
        HeaderField("raw size", str(header.raw_size), header.raw_size == len(app), f"the app has {len(app)} bytes"),
        HeaderField(
            "body size", str(header.body_size), header.body_size == len(body), f"the body has {len(body)} bytes"
        ),
        HeaderField("header CRC-32", f"{own:08x}", header.crc_ok, f"the header's is {counted:08x}"),
    ]
