"""How code lies in the flash: every 32 logical bytes are followed by their CRC-16, 34 physical bytes in all.

A *logical* address is what the CPU and code use, a *physical* one is a byte offset in the flash chip. The CRC has
polynomial 0x8005, starts at 0xFFFF, goes most significant bit first without a final XOR, and is stored big-endian.
Facts: docs/hardware/flash.md.

Whole images are done column by column: as a CRC is linear, the CRCs of all frames are the exclusive or of 32 tables,
one for each place in the frame, and `bytes.translate` and integer arithmetic look up and combine whole columns at once.
2 MiB take some 20 ms, without an array library. Most of a flash is erased, and left out of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from struct import unpack_from

DATA = 32
FRAME = 34


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x8005 if crc & 0x8000 else 0)
        table.append(crc & 0xFFFF)
    return tuple(table)


TABLE = _crc_table()
"""What a byte makes of the CRC, by the CRC's upper byte with that byte over it."""


def crc16(data: bytes) -> int:
    """The CRC-16 that guards a frame's data."""
    crc, pairs, count = 0xFFFF, _pairs(), len(data) // 2
    for pair in unpack_from(f">{count}H", data):
        crc = pairs[crc ^ pair]
    for byte in data[2 * count :]:
        crc = (crc << 8 & 0xFFFF) ^ TABLE[crc >> 8 ^ byte]
    return crc


@cache
def _pairs() -> tuple[int, ...]:
    """What two bytes at a time make of the CRC: the table of 16 bits."""
    first = [(crc << 8 & 0xFFFF) ^ TABLE[crc >> 8] for crc in TABLE]
    return tuple([high ^ low for high in first for low in TABLE])


def physical(logical: int) -> int:
    """The physical address of the byte at a logical address."""
    return logical // DATA * FRAME + logical % DATA


def logical(physical: int) -> int:
    """The logical address of a physical one; an address within a CRC gives the frame's end."""
    return physical // FRAME * DATA + min(physical % FRAME, DATA)


def strip(framed: bytes) -> bytes:
    """The logical bytes of physical ones that begin with a frame. CRCs are not looked at."""
    if len(framed) == FRAME:
        return bytes(framed[:DATA])
    data = bytearray(framed)
    del data[FRAME - 1 :: FRAME], data[DATA :: FRAME - 1]  # the low bytes of the CRCs, and the high ones
    return bytes(data)


def frame(data: bytes) -> bytes:
    """The physical bytes of logical ones; a last partial frame is filled up with 0xFF."""
    if len(data) == DATA:
        return bytes(data) + crc16(data).to_bytes(2, "big")
    count = -(-len(data) // DATA)
    padded = bytes(data).ljust(count * DATA, b"\xff")
    if count < _FEW:
        units = [padded[at : at + DATA] for at in range(0, len(padded), DATA)]
        return b"".join([unit + crc16(unit).to_bytes(2, "big") for unit in units])
    columns = [padded[place::DATA] for place in range(DATA)]
    framed = bytearray(count * FRAME)
    for place, column in enumerate((*columns, *_crcs(columns, count))):
        framed[place::FRAME] = column
    return bytes(framed)


def bad_frames(framed: bytes) -> list[int]:
    """Physical offsets of the frames whose CRC does not match. Erased frames (all 0xFF) are not counted."""
    return _offsets(_bad_flags(framed))


def counts(framed: bytes) -> tuple[int, int]:
    """How many whole frames have a right CRC, and how many have a wrong one and are not erased."""
    bad, erased = _bad_flags(framed).count(1), _erased_flags(framed).count(1)
    return len(framed) // FRAME - bad - erased, bad


def erased_frames(framed: bytes) -> list[int]:
    """Physical offsets of the whole frames that are all 0xFF."""
    return _offsets(_erased_flags(framed))


def written_runs(framed: bytes) -> Iterator[range]:
    """The ranges of physical offsets, each as long as can be, of the whole frames that are not all 0xFF."""
    return (range(first * FRAME, end * FRAME) for first, end in _runs(_erased_flags(framed), of=0))


def is_framed(data: bytes) -> bool:
    """Whether most of the first frames that are not erased have a right CRC: by chance one in 65,536 has."""
    whole = range(0, len(data) // FRAME * FRAME, FRAME)
    frames = (data[at : at + FRAME] for at in whole if data[at : at + FRAME] != _ERASED)
    first = list(islice(frames, _ENOUGH))
    return 2 * len(bad_frames(b"".join(first))) < len(first)


_ENOUGH = 64
_FEW = 16  # frames whose CRCs are not worth the columns
_ERASED = b"\xff" * FRAME
_PIECE = _ERASED * 128
_NOT_ZERO = bytes((0, *[1] * 255))
_ALL_ONES = bytes((*[0] * 255, 1))


def _erased_flags(framed: bytes) -> bytes:
    """A 1 for each whole frame that is all 0xFF, a 0 for the others. Hardly any other has such a CRC."""
    count = len(framed) // FRAME
    crcs = _number(framed[DATA : count * FRAME : FRAME]) & _number(framed[DATA + 1 : count * FRAME : FRAME])
    flags = bytearray(crcs.to_bytes(count, "little").translate(_ALL_ONES))
    for first, end in _runs(flags):
        if not _is_erased(framed, first * FRAME, end * FRAME):
            flags[first:end] = bytes(framed.startswith(_ERASED, n * FRAME) for n in range(first, end))
    return bytes(flags)


def _is_erased(framed: bytes, start: int, end: int) -> bool:
    pieces = range(start, end, len(_PIECE))  # a copy of the whole would take longer than to look at it
    return all(framed.startswith(_PIECE[: end - at], at) for at in pieces)


def _bad_flags(framed: bytes) -> bytes:
    """A 1 for each whole frame that has a wrong CRC and is not erased, a 0 for the others."""
    written = list(written_runs(framed))
    wrong = _wrong(b"".join([framed[run.start : run.stop] for run in written]))
    flags, at = bytearray(len(framed) // FRAME), 0
    for run in written:
        flags[run.start // FRAME : run.stop // FRAME] = wrong[at : at + len(run) // FRAME]
        at += len(run) // FRAME
    return bytes(flags)


def _wrong(framed: bytes) -> bytes:
    """A 1 for each of these whole frames whose CRC does not match, a 0 for the others."""
    count = len(framed) // FRAME
    *columns, high, low = (framed[place::FRAME] for place in range(FRAME))
    right_high, right_low = _crcs(columns, count)
    wrong = (_number(right_high) ^ _number(high)) | (_number(right_low) ^ _number(low))
    return wrong.to_bytes(count, "little").translate(_NOT_ZERO)


def _number(column: bytes) -> int:
    return int.from_bytes(column, "little")


def _runs(flags: bytes | bytearray, of: int = 1) -> Iterator[tuple[int, int]]:
    """The numbers of the first frame that has this flag, of the first behind it that has another, and so on."""
    end = 0
    while (first := flags.find(of, end)) >= 0:
        end = flags.find(1 - of, first)
        end = len(flags) if end < 0 else end
        yield first, end


def _offsets(flags: bytes) -> list[int]:
    """The physical offsets of the frames that have a flag."""
    return [at for first, end in _runs(flags) for at in range(first * FRAME, end * FRAME, FRAME)]


@cache
def _places() -> list[tuple[bytes, bytes]]:
    """For each place in a frame, what a byte there contributes to the CRC: its high and its low byte."""
    contribution = list(TABLE)
    tables = []
    for _ in range(DATA):
        tables.append((bytes(crc >> 8 for crc in contribution), bytes(crc & 0xFF for crc in contribution)))
        contribution = [(crc << 8 & 0xFFFF) ^ TABLE[crc >> 8] for crc in contribution]
    return tables[::-1]


def _crcs(columns: list[bytes], count: int) -> tuple[bytes, bytes]:
    """The high and the low bytes of the CRCs of `count` frames, given as one column of bytes for each place."""
    if count < _FEW:
        crcs = [crc16(bytes(frame)) for frame in zip(*columns, strict=True)]
        return bytes(crc >> 8 for crc in crcs), bytes(crc & 0xFF for crc in crcs)
    places = _places()
    high, low = (  # the start value is what two inverted bytes at the beginning contribute
        _number(bytes((places[0][side][0xFF] ^ places[1][side][0xFF],)) * count) for side in (0, 1)
    )
    for column, (high_table, low_table) in zip(columns, places, strict=True):
        high ^= _number(column.translate(high_table))
        low ^= _number(column.translate(low_table))
    return high.to_bytes(count, "little"), low.to_bytes(count, "little")
