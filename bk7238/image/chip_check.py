"""What says that bytes are not firmware of the BK7238: their framing, the shape of the code, the names it gives itself.

Only what says "not this chip" counts. Code that crashes, a boot loader or an app that nobody knows, and areas that are
damaged are no reason: they can be run, and the run shows what comes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bk7238.formats import crc_framing, partitions
from bk7238.formats.partitions import Partition
from bk7238.image.file_format import RBL, file_format

CHIP = b"BK7238"
SIZES = (0x200000, 0x400000)  # of its flash
BOOTLOADER = 0x10000  # logical bytes that belong to the boot loader
_LEAST = 0x1000  # bytes of code below which its shape says nothing
_BYTES_PER_CALL = 0x1000  # firmware has a call in 60 to 200 bytes; random or scrambled bytes in 500,000
_VECTORS = 6  # of the eight words at the begin of code that branch or load the program counter
_VECTORS_BEGIN = re.compile(rb"(?=(?:...\xea|.[\xf0-\xff]\x9f\xe5){5})", re.DOTALL)
# A string that is a name and a version, as boot loaders of the family (`BK7238\0\0_1.0.15`) and OpenBeken have it.
_NAME = re.compile(rb"(BK7\d{3}[A-Z]{0,2})\0{0,4}_(\d+(?:\.\d+)+)")
_BEFORE_NAME = re.compile(rb"(?:^|[^\x20-\x7e])[A-Za-z]{0,8}\Z")
_THUMB_CALL = re.compile(rb"[\xf0-\xf7](?=[\xf8-\xff])")  # among the high bytes of halfwords


def other_file(data: bytes) -> str:
    """What kind of file this is, with the remedy, where it is known and no image."""
    other = file_format(data)
    if other is RBL:
        return f"this is {other.kind}; give the full flash image first, then it"
    if other is not None:
        return f"this is {other.kind}, no flash image; {other.remedy}"
    if len(data) >= crc_framing.FRAME and data.count(data[:1]) == len(data):
        return f"every byte is {data[0]:#04x}; read the flash out again"
    if re.fullmatch(rb"[\x09\x0a\x0d\x20-\x7e]+", data[:4096]):
        return "this is a text; give a dump of the flash"
    return ""


def repeated(data: bytes) -> int:
    """The size of the chip that was read more than once into a dump, one copy behind the other; 0 for other dumps."""
    for size in SIZES:
        copies, rest = divmod(len(data), size)
        if copies > 1 and not rest and data == data[:size] * copies and data.count(data[:1]) != len(data):
            return size
    return 0


def is_framed(data: bytes) -> bool:
    """Whether physical bytes have CRCs as the flash of this chip has them: where the boot loader lies or, where that
    is lost, anywhere. Some frames may be damaged."""
    window = crc_framing.physical(BOOTLOADER)
    return _has_frames(data[:window]) or _has_frames(data[window:])


def _has_frames(data: bytes) -> bool:
    count = len(data) // crc_framing.FRAME
    bad, erased = len(crc_framing.bad_frames(data)), len(crc_framing.erased_frames(data))
    good = count - bad - erased
    return good > 0 and good * 8 >= count - erased


def shift(data: bytes) -> int:
    """Where the first frame begins in a dump whose frames do not begin at 0; 0 where there are none."""
    window = crc_framing.physical(BOOTLOADER)
    return next((at for at in range(1, crc_framing.FRAME) if _has_frames(data[at : at + window])), 0)


def rotation(data: bytes) -> int:
    """Where the boot loader begins in a dump that does not begin with it but comes to its beginning again; 0 for
    other dumps. A boot loader begins with vectors and has a partition table, behind which there is the app."""
    if _has_vectors(data[: crc_framing.FRAME]) and "app" in _table(data):
        return 0
    ring = data * 2
    for found in _VECTORS_BEGIN.finditer(ring, 1, len(data) + crc_framing.DATA):
        start = found.start()
        if start < len(data) and _has_vectors(ring[start : start + crc_framing.FRAME]):
            whole = ring[start : start + len(data)]
            app = _table(whole).get("app")
            if app is not None and _has_frames(whole[app.physical_start : app.physical_end]):
                return start
    return 0


def _table(data: bytes) -> dict[str, Partition]:
    loader = crc_framing.strip(data[: crc_framing.physical(BOOTLOADER)])
    return {partition.name: partition for _, partition in partitions.find(loader)}


def _has_vectors(frame: bytes) -> bool:
    """Whether code begins with this frame."""
    if len(frame) < crc_framing.FRAME or crc_framing.bad_frames(frame):
        return False
    words = [int.from_bytes(frame[at : at + 4], "little") for at in range(0, crc_framing.DATA, 4)]
    return sum(word >> 24 == 0xEA or word >> 12 == 0xE59FF for word in words) >= _VECTORS


def is_code(code: bytes) -> bool | None:
    """Whether logical bytes look like ARM or Thumb code, as a whole: it calls its own functions. None for so little
    that it does not tell, and for an erased flash."""
    written = len(code) - 32 * sum(code.count(blank) for blank in (b"\xff" * 32, bytes(32)))
    if written < _LEAST:
        return None
    enough = written // _BYTES_PER_CALL
    return any(number >= enough for number, _ in enumerate(_calls(code), 1))


def _calls(code: bytes) -> Iterator[int]:
    """Offsets of the calls that lead to what a function may begin with: in ARM any instruction that is always
    executed, in Thumb one that pushes the link register."""
    tops = code[3::4]
    word = tops.find(0xEB)
    while word >= 0:
        target = word + 2 + _signed(int.from_bytes(code[4 * word : 4 * word + 3], "little"), 24)
        if 0 <= target < len(tops) and tops[target] >> 4 == 0xE:
            yield 4 * word
        word = tops.find(0xEB, word + 1)
    highs, lows = code[1::2], code[::2]
    for found in _THUMB_CALL.finditer(highs):
        half = found.start()
        offset = (highs[half] & 7) << 19 | lows[half] << 11 | (highs[half + 1] & 7) << 8 | lows[half + 1]
        target = half + 2 + _signed(offset, 22)
        if 0 <= target < len(highs) and highs[target] == 0xB5:
            yield 2 * half


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def other_chip(code: bytes) -> str:
    """The name and version, with another chip's name, that logical bytes give themselves; empty where they name this
    chip or none."""
    found = [
        name for name in _NAME.finditer(code) if _BEFORE_NAME.search(code[max(0, name.start() - 9) : name.start()])
    ]
    if not found or any(name[1] == CHIP for name in found):
        return ""
    return f"{found[0][1].decode()}_{found[0][2].decode()}"


def objection(flash: bytes) -> str:
    """Why the boot loader and the app of a framed flash (physical bytes) are not for this chip; empty where nothing
    says so."""
    window = crc_framing.physical(BOOTLOADER)
    app = _table(flash).get("app")
    code = flash[app.physical_start : app.physical_end] if app is not None else flash[window:]
    logical = code if app is not None and not app.framed else crc_framing.strip(code)
    return objection_to_code(crc_framing.strip(flash[:window]), logical)


def objection_to_code(loader: bytes, app: bytes = b"") -> str:
    """The same of logical bytes."""
    if is_code(loader + app) is False:
        seen = "the code at 0x0 is scrambled or no ARM code"
    elif name := other_chip(app):
        seen = f"the app names itself {name}"
    elif name := other_chip(loader):
        seen = f"the boot loader names itself {name}"
    else:
        return ""
    wrong = [entry.name for _, entry in partitions.find(loader) if not entry.crc_ok]
    if wrong:
        seen += f", and the CRCs of its partition table ({', '.join(wrong)}) are wrong"
    return f"{seen}; firmware of another chip of the family? (--force takes it all the same)"
