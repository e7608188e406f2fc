"""Faults of the update package: what a packager, a server or a thief may do to it. All CRCs are made right again
unless the fault is about them, so that the boot loader comes as far as it can."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from dataclasses import replace
from typing import Any

from bk7238.faults.arguments import LARGEST, Argument, address, flag, number, one_of, words
from bk7238.faults.fault import Fault
from bk7238.formats import rbl, rbl_body
from bk7238.image import Package
from bk7238.image import package as packages

_ALGORITHMS = ("none", "gzip", "quicklz", "fastlz", "lzma")
_KEY, _IV = rbl_body.KEY.encode(), rbl_body.IV.encode()


class OfPackage(Fault):
    """A fault of the package."""

    SECTION = "Package"
    BEFORE_POWER_ON = True
    FIRES = "the package was changed"

    def package(self, package: Package) -> Package:
        data, what = self.change(package.header, package.data[rbl.SIZE :])
        if data == package.data:
            return package
        self.record("package", what)
        return packages.as_it_is(data, package.name)

    @abstractmethod
    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        """The whole package as it is to be, and what was done to it."""


def with_body(header: rbl.RblHeader, body: bytes, **fields: Any) -> bytes:
    """A package with another body; the header says so, and its CRCs hold."""
    header = replace(header, body_crc=zlib.crc32(body), body_size=len(body), **fields)
    return header.pack() + body


class PackageKey(OfPackage):
    """The package is encrypted with another key than the boot loader has."""

    NAME = "package-key"

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        stream = rbl_body.decrypt(body, header.encryption, _KEY, _IV)
        other = _KEY[::-1]
        return with_body(header, rbl_body.encrypt(stream, header.encryption, other, _IV)), f"key {other.decode()}"


class PackageFlip(OfPackage):
    """A bit of the file is flipped."""

    NAME = "package-flip"
    SWEPT = ("0x1000", "0x1000,crc=right", "0x0", "0x58")
    at = Argument(address, default=None, doc="offset in the file; chosen by the seed where it is left out")
    bit = Argument(number, default=0, doc="0 to 7")
    crc = Argument(one_of("wrong", "right"), default="wrong", doc="whether the CRCs follow")

    def check(self) -> None:
        if not 0 <= self.bit <= 7:
            self.refuse("bit goes from 0 to 7")

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        data = bytearray(header.pack() + body)
        at = self.rng.randrange(rbl.SIZE, len(data)) if self.at is None else self.at
        if at >= len(data):
            self.refuse(f"the package has {len(data)} bytes")
        data[at] ^= 1 << self.bit
        changed = bytes(data)
        if self.crc == "right":
            changed = with_body(rbl.unpack(changed), changed[rbl.SIZE :])
        return changed, f"bit {self.bit} of byte {at:#x}"


class PackageHash(OfPackage):
    """The header has a wrong hash of the app."""

    NAME = "package-hash"

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        wrong = header.raw_hash ^ 1
        return replace(header, raw_hash=wrong).pack() + body, f"hash {wrong:08x}"


class PackageSize(OfPackage):
    """The header has a wrong size of the app or of the body."""

    NAME = "package-size"
    SWEPT = ("raw=2000000", "raw=-16", "raw=16", "body=-16", "body=16")
    raw = Argument(number, default=0, doc="how much too large the app's size is; negative: too small")
    body = Argument(number, default=0, doc="the same of the body's size")

    def check(self) -> None:
        if not self.raw and not self.body:
            self.refuse("give raw or body, other than 0")

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        sizes = max(0, header.raw_size + self.raw), max(0, header.body_size + self.body)
        if max(sizes) >= 1 << 32:
            self.refuse(f"the header has 32 bits for a size, and {max(sizes):,} does not fit")
        what = f"the app has {sizes[0]} bytes and the body {sizes[1]}, it says"
        return replace(header, raw_size=sizes[0], body_size=sizes[1]).pack() + body, what


class PackagePartition(OfPackage):
    """The header names another partition as the destination."""

    NAME = "package-partition"
    name = Argument(words, default="foo", doc="of the partition, such as bootloader, download or foo")

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        return replace(header, partition=self.name).pack() + body, f"for partition {self.name}"


class PackageUnencrypted(OfPackage):
    """The package is not encrypted."""

    NAME = "package-unencrypted"

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        stream = rbl_body.decrypt(body, header.encryption, _KEY, _IV)
        return with_body(header, stream, algorithm=header.algorithm & ~0xF), "not encrypted"


class PackageCompression(OfPackage):
    """The package is compressed in a way that the boot loader may not know."""

    NAME = "package-compression"
    SWEPT = (*_ALGORITHMS, *(f"{name},pack=yes" for name in _ALGORITHMS if name != "fastlz"))
    name = Argument(one_of(*_ALGORITHMS), default="quicklz", doc="how")
    pack = Argument(flag, default=False, doc="pack the app so, not only say it in the header (not fastlz)")

    def check(self) -> None:
        if self.pack and self.name == "fastlz":
            self.refuse("nothing here packs fastlz")

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        algorithm = rbl.algorithm(self.name, header.encryption)
        if self.pack:
            stream = rbl_body.decrypt(body, header.encryption, _KEY, _IV)
            raw = rbl_body.decompress(stream, header.compression, header.raw_size)
            body = rbl_body.encode(raw, self.name, header.encryption)
        return with_body(header, body, algorithm=algorithm), f"{self.name}, it says"


class PackageTooLarge(OfPackage):
    """The package is larger than the download partition. What is added is 0xA5, behind the body."""

    NAME = "package-too-large"
    size = Argument(number, default=0xAF000, doc="of the whole package")

    def check(self) -> None:
        if self.size > LARGEST:
            self.refuse(f"size goes up to {LARGEST:#x}")

    def change(self, header: rbl.RblHeader, body: bytes) -> tuple[bytes, str]:
        if self.size <= rbl.SIZE + len(body):
            self.refuse(f"the package has {rbl.SIZE + len(body):#x} bytes already")
        body = body.ljust(self.size - rbl.SIZE, b"\xa5")
        return with_body(header, body), f"{self.size:#x} bytes"


KINDS = (
    PackageKey,
    PackageFlip,
    PackageHash,
    PackageSize,
    PackagePartition,
    PackageUnencrypted,
    PackageCompression,
    PackageTooLarge,
)
