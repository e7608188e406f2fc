"""What an update package comes in: the bare RBL, Tuya's UG, or LibreTiny's UF2, which its apps take over the air."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bk7238 import chip as chips
from bk7238.chip import Chip
from bk7238.formats import rbl, uf2, ug
from bk7238.formats.uf2 import Uf2, Uf2Tag

PARTITION = "download"
_WRITER = uf2.SCHEMES[0]  # the device itself, which has one place for a package
_TEXTS = {
    Uf2Tag.FIRMWARE: "firmware",
    Uf2Tag.VERSION: "firmware version",
    Uf2Tag.LT_VERSION: "LibreTiny",
    Uf2Tag.BOARD: "board",
    Uf2Tag.DEVICE: "device",
}


class EnvelopeError(ValueError):
    """An envelope without a package; the message is one line."""


@dataclass(frozen=True)
class HeaderField:
    """One field of a header; `right` is None where there is nothing to check it against."""

    name: str
    value: str
    right: bool | None
    remark: str = ""


@dataclass(frozen=True)
class Envelope:
    """Around a package: its `kind` as in ENVELOPES, the whole `file`, and what its header says."""

    kind: str
    file: bytes
    fields: tuple[HeaderField, ...]

    @property
    def damage(self) -> list[str]:
        """In a line each: what does not fit the content."""
        wrong = [field for field in self.fields if field.right is False]
        return [f"the {field.name} is {field.value}: {field.remark}" for field in wrong]


def opened(data: bytes) -> tuple[bytes, Envelope | None]:
    """The package in a file, and what it is in; other bytes as they are. Raises EnvelopeError."""
    if data.startswith(ug.MAGIC):
        return _opened_ug(data)
    if data.startswith(uf2.BEGIN):
        return _opened_uf2(data)
    return data, None


def _opened_ug(data: bytes) -> tuple[bytes, Envelope]:
    try:
        found = ug.unpack(data)
    except ug.UgError as error:
        raise EnvelopeError(str(error)) from None
    header, content = found.sums_ok
    behind = len(data) - ug.SIZE
    fields = (
        HeaderField("UG version", found.version, None),
        HeaderField("UG size", str(found.size), found.size == behind, f"there are {behind} bytes behind the header"),
        HeaderField("UG header sum", "right" if header else "wrong", header, "another is counted"),
        HeaderField("UG content sum", "right" if content else "wrong", content, "another is counted"),
        HeaderField("UG end mark", "right" if found.end_ok else "wrong", found.end_ok, f"it is {ug.END.hex()}"),
    )
    return found.content, Envelope("ug", data, fields)


def _opened_uf2(data: bytes) -> tuple[bytes, Envelope]:
    try:
        found = uf2.unpack(data)
    except uf2.Uf2Error as error:
        raise EnvelopeError(str(error)) from None
    package = next((part.data for part in found.parts if _WRITER in part.partitions), b"")
    if not package.startswith(rbl.MAGIC):
        names = {name for part in found.parts for name in part.partitions.values()}
        has = ", ".join(sorted(names)) or "no partition that is named"
        raise EnvelopeError(f"no package (RBL) in it that a device writes itself; it has {has}")
    owners = [chip.word for chip in chips.known() if found.family and chip.uf2_family == found.family]
    shown = f"{found.family:#010x}" + (f" ({', '.join(owners)})" if owners else "")
    fields = [HeaderField("UF2 family", shown, None)]
    texts = {name: found.tags[tag].decode("utf-8", "replace") for tag, name in _TEXTS.items() if tag in found.tags}
    fields += [HeaderField(name, value, None) for name, value in texts.items()]
    if len(date := found.tags.get(Uf2Tag.BUILD_DATE, b"")) == 4:
        when = datetime.fromtimestamp(int.from_bytes(date, "little"), UTC)
        fields.append(HeaderField("built", f"{when:%Y-%m-%d %H:%M:%S} UTC", None))
    return package, Envelope("uf2", data, tuple(fields))


def in_ug(package: bytes, _chip: Chip) -> bytes:
    """A package in Tuya's envelope, with the version that its own header has."""
    return ug.pack(package, rbl.unpack(package).version)


def in_uf2(package: bytes, chip: Chip) -> bytes:
    """A package as LibreTiny's apps of a chip take it. Raises EnvelopeError where no family is known of that."""
    if chip.uf2_family is None:
        raise EnvelopeError(f"no UF2 family is known of the {chip.name}; LibreTiny has none for it")
    header = rbl.unpack(package)
    texts = {
        Uf2Tag.FIRMWARE: header.partition,
        Uf2Tag.VERSION: header.version,
        Uf2Tag.LT_VERSION: "bk7238-sim",
        Uf2Tag.BOARD: chip.name.lower(),
        Uf2Tag.DEVICE: "LibreTiny",
    }
    tags: dict[int, bytes] = {tag: text.encode() for tag, text in texts.items()}
    tags[Uf2Tag.OTA_FORMAT_2] = b"\x02"
    part = uf2.Uf2Part({_WRITER: PARTITION}, 0, package)
    return uf2.pack(Uf2(chip.uf2_family, tags, (part,)))


ENVELOPES: Mapping[str, Callable[[bytes, Chip], bytes]] = {"ug": in_ug, "uf2": in_uf2}
"""What a package may be put into, by the name for users."""
