"""UF2 as LibreTiny has it: blocks of 512 bytes, of which the first has tags alone, and a tag names partitions.

Little-endian: two magics, flags, address within the partition, bytes, the block's number, how many there are, the
family, 476 bytes of data with tags behind them, a third magic. A tag is its size with these four bytes, its type in 24
bits, its value, and zeros up to a multiple of four; a size of 0 ends them. What a part is for depends on who writes it
(`SCHEMES`): the device itself, or a programmer. Source: ltchiptool, uf2tool and uf2ota.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple

_BLOCK = struct.Struct("<8I476sI")
SIZE = _BLOCK.size
BEGIN = b"UF2\n"
_FIRST, _SECOND, _LAST = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_ROOM, _MD5 = 476, 24  # bytes of a block for data and tags, and of the checksum at their end where a flag says so
_PIECE = 256  # bytes of data in a block that is made here
_HEAD = 4  # of a tag: its size and type
_LONGEST = 0xFF
SCHEMES = ("device", "device 1", "device 2", "flasher", "flasher 1", "flasher 2")
"""Who writes a part: the device into its one place, into the first or the second of two, or a programmer likewise."""


class Flag(IntFlag):
    """What is said of a block."""

    NOT_MAIN_FLASH = 0x0001
    FILE_CONTAINER = 0x1000
    FAMILY = 0x2000
    MD5 = 0x4000
    TAGS = 0x8000


class Uf2Tag(IntEnum):
    """Types of tags: those of UF2 itself, and LibreTiny's."""

    VERSION = 0x9FC7BC
    PAGE_SIZE = 0x0BE9F7
    SHA2 = 0xB46DB0
    DEVICE = 0x650D9D
    DEVICE_ID = 0xC8A729
    OTA_FORMAT_1 = 0x5D57D0
    OTA_FORMAT_2 = 0x6C8492
    OTA_PART_LIST = 0x6EC68A
    OTA_PART_INFO = 0xC0EE0C
    BOARD = 0xCA25C8
    FIRMWARE = 0x00DE43
    BUILD_DATE = 0x822F30
    BINPATCH = 0xB948DE
    FAL_PTABLE = 0x8288ED
    LT_VERSION = 0x59563D


class Uf2Error(ValueError):
    """Bytes that are no UF2, or what cannot be written as one; the message is one line."""


@dataclass(frozen=True)
class Uf2Part:
    """Bytes that go to an address within a partition: `partitions` are their names, by who writes it."""

    partitions: Mapping[str, str]
    address: int
    data: bytes


@dataclass(frozen=True)
class Uf2:
    """A whole file: the chip `family` that it is for (0 for none), the first block's tags by type, and its parts."""

    family: int
    tags: Mapping[int, bytes]
    parts: tuple[Uf2Part, ...]


class _Block(NamedTuple):
    flags: Flag
    address: int
    family: int
    data: bytes
    tags: dict[int, bytes]


def pack(content: Uf2) -> bytes:
    """The bytes of a file. The list of those who can write it is added to its tags. Raises Uf2Error for what does not
    fit."""
    writers = [scheme for scheme in SCHEMES if any(scheme in part.partitions for part in content.parts)]
    listed = _nibbles({scheme: 1 for scheme in writers})
    blocks = [(0, b"", {**content.tags, Uf2Tag.OTA_PART_LIST: listed})]
    for part in content.parts:
        tags: dict[int, bytes] = {Uf2Tag.OTA_PART_INFO: _part_info(part.partitions)} if part.partitions else {}
        for at in range(0, len(part.data), _PIECE):
            blocks.append((part.address + at, part.data[at : at + _PIECE], tags))
            tags = {}
    count = len(blocks)
    return b"".join(_packed(number, count, content.family, *block) for number, block in enumerate(blocks))


def _packed(number: int, count: int, family: int, address: int, data: bytes, tags: Mapping[int, bytes]) -> bytes:
    flags = (Flag.FAMILY if family else Flag(0)) | (Flag.TAGS if tags else Flag(0))
    inside = data + b"".join(_packed_tag(kind, value) for kind, value in tags.items())
    if len(inside) > _ROOM - (_HEAD if tags else 0):
        raise Uf2Error(f"block {number} would have {len(inside)} bytes of data and tags; there is room for {_ROOM}")
    try:
        return _BLOCK.pack(_FIRST, _SECOND, flags, address, len(data), number, count, family, inside, _LAST)
    except struct.error:
        raise Uf2Error(f"block {number} would lie at {address:#x} for family {family:#x}: 32 bits each") from None


def _packed_tag(kind: int, value: bytes) -> bytes:
    size = _HEAD + len(value)
    if size > _LONGEST:
        raise Uf2Error(f"a tag of {len(value)} bytes; it has up to {_LONGEST - _HEAD}")
    return bytes((size,)) + kind.to_bytes(3, "little") + value + bytes(-size % 4)


def _nibbles(numbers: Mapping[str, int]) -> bytes:
    """A number of four bits for each scheme."""
    digits = "".join(f"{numbers.get(scheme, 0):x}" for scheme in SCHEMES)
    return bytes.fromhex(digits)


def _part_info(partitions: Mapping[str, str]) -> bytes:
    names = sorted(set(partitions.values()))
    places = {scheme: names.index(name) + 1 for scheme, name in partitions.items()}
    return _nibbles(places) + b"".join(name.encode() + b"\0" for name in names)


def unpack(data: bytes) -> Uf2:
    """A file taken apart. Blocks that are not for the flash are left out. Raises Uf2Error."""
    family, tags, parts = 0, {}, list[tuple[Mapping[str, str], int, bytearray]]()
    for block in _blocks(data):
        if block.family and family and block.family != family:
            raise Uf2Error(f"blocks of the families {family:#x} and {block.family:#x} are in it")
        family = family or block.family
        if block.flags & (Flag.NOT_MAIN_FLASH | Flag.FILE_CONTAINER):
            continue
        if not block.data:
            tags.update(block.tags)
            continue
        info = block.tags.get(Uf2Tag.OTA_PART_INFO)
        goes_on = bool(parts) and info is None and block.address == parts[-1][1] + len(parts[-1][2])
        if not goes_on:
            names = _partitions(info) if info is not None else parts[-1][0] if parts else {}
            parts.append((names, block.address, bytearray()))
        parts[-1][2].extend(block.data)
    return Uf2(family, tags, tuple(Uf2Part(names, address, bytes(content)) for names, address, content in parts))


def _blocks(data: bytes) -> Iterator[_Block]:
    count, rest = divmod(len(data), SIZE)
    if rest or not count:
        raise Uf2Error(f"{len(data)} bytes are no whole blocks of {SIZE}")
    for number, fields in enumerate(_BLOCK.iter_unpack(data)):
        first, second, flags, address, size, own, total, family, inside, last = fields
        where = f"block {number} at {number * SIZE:#x}"
        if (first, second, last) != (_FIRST, _SECOND, _LAST):
            raise Uf2Error(f"{where} has not the magic numbers of UF2")
        if (own, total) != (number, count):
            raise Uf2Error(f"{where} says that it is number {own} of {total}; there are {count}")
        if size > _ROOM:
            raise Uf2Error(f"{where} says that it has {size} bytes of {_ROOM}")
        named = family if flags & Flag.FAMILY and not flags & Flag.FILE_CONTAINER else 0
        end = _ROOM - (_MD5 if flags & Flag.MD5 else 0)
        tags = dict(_tags(inside[size:end], where)) if flags & Flag.TAGS else {}
        yield _Block(Flag(flags), address, named, inside[:size], tags)


def _tags(inside: bytes, where: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(inside) and inside[at]:
        size, kind = inside[at], int.from_bytes(inside[at + 1 : at + _HEAD], "little")
        if size < _HEAD or at + size > len(inside):
            raise Uf2Error(f"{where} has a tag of {size} bytes, which does not fit")
        yield kind, inside[at + _HEAD : at + size]
        at += size + -size % 4


def _partitions(info: bytes) -> dict[str, str]:
    """The partitions that the tag OTA_PART_INFO names, by who writes the part."""
    digits, names = info[:3].hex(), info[3:].split(b"\0")[:-1]
    if len(digits) < len(SCHEMES):
        raise Uf2Error(f"the tag that names partitions has {len(info)} bytes; it has 3 and the names")
    places = {scheme: int(digit, 16) for scheme, digit in zip(SCHEMES, digits, strict=True) if digit != "0"}
    if any(place > len(names) for place in places.values()):
        raise Uf2Error(f"the tag that names partitions has {len(names)} names, and a writer takes another one")
    return {scheme: names[place - 1].decode("utf-8", "replace") for scheme, place in places.items()}
