"""An update package: an RBL header and its body, which may come in an envelope. Without the header's magic it is
refused; damage is only noted."""

from __future__ import annotations

import shlex
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from bk7238 import host_files, resources
from bk7238.chip import Chip
from bk7238.formats import rbl
from bk7238.image import chip_check, envelope
from bk7238.image.envelope import Envelope, EnvelopeError
from bk7238.image.file_format import file_format
from bk7238.image.machine_code import is_code


class PackageError(ValueError):
    """A file that is no package; the message is one line for its user."""


@dataclass(frozen=True)
class Package:
    """`data` is the RBL; `damage` says in a line each what the bootloader will not like about it. `path` is where it
    was read, and `envelope` what it was in there."""

    name: str
    data: bytes
    header: rbl.RblHeader
    damage: tuple[str, ...]
    path: Path | None = field(default=None, compare=False)
    envelope: Envelope | None = None

    @property
    def file(self) -> bytes:
        """The bytes that were read: with the envelope, where there is one."""
        return self.data if self.envelope is None else self.envelope.file

    def within(self, kind: str, chip: Chip) -> bytes:
        """The package in an envelope of that kind: the one it was read in, or one that is made for a chip. Raises
        EnvelopeError where none can be made."""
        around = self.envelope
        return around.file if around is not None and around.kind == kind else envelope.ENVELOPES[kind](self.data, chip)

    def __repr__(self) -> str:
        return f"<package {self.name}: {len(self.data):,} bytes, {self.header.version!r} for {self.header.partition!r}>"


def read(path: Path) -> Package:
    """Read and check a file, which may be one that is called by its name alone. Raises PackageError."""
    typed = path
    try:
        path = resources.located(path)
        data = host_files.read(path, host_files.BINARY)
    except OSError as error:
        raise PackageError(
            f"{path}: {error.strerror or error}; give an update package (RBL){resources.NAMES}"
        ) from None
    return replace(parse(data, path.name, typed), path=path)


def parse(data: bytes, name: str, typed: Path | None = None) -> Package:
    """Check that `data`, or what is in it where it is a UG or a UF2, begins with an RBL header. Raises PackageError,
    whose remedy calls the file as it was `typed`."""
    try:
        data, around = envelope.opened(data)
    except EnvelopeError as error:
        raise PackageError(f"{name}: {error}") from None
    if len(data) < rbl.SIZE:
        raise PackageError(f"{name}: {len(data)} bytes are fewer than the {rbl.SIZE} of an RBL header")
    header = rbl.unpack(data)
    if header.magic != rbl.MAGIC:
        remedy = _remedy(data, shlex.quote(str(typed or name)))
        raise PackageError(f"{name}: the magic at 0x0 is {header.magic.hex()}, not 52424c00 (RBL); {remedy}")
    return _within(around, data, name)


def of_file(file: bytes, name: str) -> Package:
    """The package of a file that was taken for one before."""
    data, around = envelope.opened(file)
    return _within(around, data, name)


def _within(around: Envelope | None, data: bytes, name: str) -> Package:
    found = as_it_is(data, name)
    return found if around is None else replace(found, envelope=around, damage=(*around.damage, *found.damage))


def _remedy(data: bytes, typed: str) -> str:
    """What to do about a file that is no package."""
    view = chip_check.recognise(bytes(data))
    chip = view.chip
    framed = len(data) <= chip.largest.size and view.is_framed
    if framed and view.app is not None:
        taken = f"`bk7238 image split {typed} -o parts` takes its app out"
        return f"this is a full flash image, which comes before the package; {taken}"
    other = file_format(data)
    if other is not None:
        return f"this is {other.kind}; {other.remedy}"
    if not framed and chip.table_in(chip_check.plain(chip, data)):
        return "this is a boot loader; give the package of an app"
    if not framed and is_code(data) is False:
        return "nor is this an app of which one could be made"
    return f"`bk7238 image pack -f {typed} -v 1.0.1 -p app -c gzip -s aes` makes one of an app"


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


NONE = Package("", b"", rbl.unpack(bytes(rbl.SIZE)), ())
"""Stands where there is no package."""
