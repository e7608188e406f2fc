"""What says that bytes are not firmware of a chip: their framing, the shape of the code, the names it gives itself.

Only what says "not this chip" counts. Code that crashes, a boot loader or an app that nobody knows, and areas that are
damaged are no reason: they can be run, and the run shows what comes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from bk7238 import chip as chips
from bk7238.chip import Chip
from bk7238.formats import descrambling, scrambling
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.scrambling import NONE, Coefficients
from bk7238.image.file_format import file_format
from bk7238.image.flash_view import FlashView

_BLANK = 34  # bytes, all the same, from which on they are no file of any kind
_LEAST = 0x1000  # bytes of code below which its shape says nothing
_BYTES_PER_CALL = 0x1000  # firmware has a call in 60 to 200 bytes; random or scrambled bytes in 500,000
_VECTORS = 6  # of the eight words at the begin of code that branch or load the program counter
_VECTORS_BEGIN = re.compile(rb"(?:...\xea|.[\xf0-\xff]\x9f\xe5){5}", re.DOTALL)
_TOPS = re.compile(rb"[\xea\xe5](?=(?:...[\xea\xe5]){4})", re.DOTALL)  # the high bytes of such words, found faster
# A string that is a name and a version, as boot loaders of the family (`BK7238\0\0_1.0.15`) and OpenBeken have it.
_NAME = re.compile(rb"(BK7\d{3}[A-Z]{0,2})\0{0,4}_(\d+(?:\.\d+)+)")
_BEFORE_NAME = re.compile(rb"(?:^|[^\x20-\x7e])[A-Za-z]{0,8}\Z")
_OTHER_CHIP = "name another chip with --chip, or leave --chip and --flash-key out"
# The high bytes of the halfwords of a Thumb call, found faster than by an expression
_HALVES, _THUMB_CALL = bytes((*[0] * 0xF0, *b"\1" * 8, *b"\2" * 8)), b"\1\2"


def recognise(data: bytes, key: Coefficients | None = None) -> Chip:
    """The chip that a full image or a boot loader alone is for, of those that have a name, each with the coefficients
    `key` where they are given; the usual one where it looks like none of them."""
    usual, *others = (chip.keyed(key) for chip in chips.known())
    return next((chip for chip in (usual, *others) if _can_be(chip, data)), usual) if others else usual


def _can_be(chip: Chip, data: bytes) -> bool:
    """Whether this is firmware of a chip: its partition table is there, and nothing objects."""
    view = FlashView(chip, data)
    if is_framed(view):
        return view.app is not None and not objection(view)
    return bool(chip.table_in(data)) and not objection_to_code(chip, plain(chip, data))


def plain(chip: Chip, code: bytes) -> bytes:
    """A boot loader's bytes without CRCs as the CPU sees them: descrambled where they are code only then."""
    if is_code(code) is not False:
        return code
    other = chip.codec.decode(CRC_FRAMES.encode(code, 0), 0, chip.clear_in(code))[: len(code)]
    return other if is_code(other) else code


def scrambled(view: FlashView, otherwise: str) -> str:
    """How code is scrambled that is none as the chip reads it, with the remedy; `otherwise` where that is not known, or
    where it is code."""
    if is_code(view.boot_loader + _app(view)) is not False:
        return otherwise
    found = coefficients(view.data)
    if found is None:
        return otherwise
    if found == NONE:
        return f"the code is not scrambled, and this would be a {view.chip.name}'s that is; {_OTHER_CHIP}"
    owners = [chip.word for chip in chips.known() if chip.codec.coefficients == found]
    if owners:
        return f"the code is scrambled as that of {' and '.join(owners)} is; {_OTHER_CHIP}"
    if not any(_can_be(chip.keyed(found), view.data) for chip in (view.chip, *chips.known())):
        return otherwise
    return (
        "the code is scrambled with coefficients of no chip that is known; "
        f"--flash-key {scrambling.text(found)} reads it"
    )


def coefficients(framed: bytes) -> Coefficients | None:
    """Those that the frames of a flash are scrambled with: of a chip that is known, or others that scramble alike. None
    where no code comes of any."""
    code = CRC_FRAMES.decode(framed, 0)
    known = dict.fromkeys(chip.codec.coefficients for chip in chips.known())
    return next(
        (one for one in chain(known, _recovered(framed, code)) if is_code(scrambling.scramble(code, 0, one))), None
    )


def _recovered(framed: bytes, code: bytes) -> Iterator[Coefficients]:
    """What the frames that hold may be scrambled with, from their code, which takes half a second."""
    lost = {*CRC_FRAMES.bad(framed), *CRC_FRAMES.erased(framed)}
    offsets = range(0, len(framed) // CRC_FRAMES.frame * CRC_FRAMES.frame, CRC_FRAMES.frame)
    sound = [number for number, offset in enumerate(offsets) if offset not in lost]
    yield from descrambling.candidates(code, sound)


def other_file(data: bytes) -> str:
    """What kind of file this is, with the remedy, where it is known and no image."""
    other = file_format(data)
    if other is not None:
        return f"this is {other.kind}, no flash image; {other.remedy}"
    if len(data) >= _BLANK and data.count(data[:1]) == len(data):
        return f"every byte is {data[0]:#04x}; read the flash out again"
    if re.fullmatch(rb"[\x09\x0a\x0d\x20-\x7e]+", data[:4096]):
        return "this is a text; give a dump of the flash"
    return ""


def repeated(view: FlashView) -> int:
    """The size of the chip that was read more than once into a dump, one copy behind the other; 0 for other dumps."""
    data = view.data
    for size in view.chip.sizes.values():
        copies, rest = divmod(len(data), size)
        if copies > 1 and not rest and data == data[:size] * copies and data.count(data[:1]) != len(data):
            return size
    return 0


def is_framed(view: FlashView) -> bool:
    """Whether physical bytes have CRCs as the flash of this chip has them: where the boot loader lies or, where that
    is lost, anywhere. Some frames may be damaged."""
    window = view.app_start
    return _has_frames(view, 0, window) or _has_frames(view, window, len(view.data))


def _has_frames(view: FlashView, start: int, end: int) -> bool:
    found = view.frames(start, end)
    return found.good > 0 and found.good * 8 >= found.good + len(found.bad)


def shift(view: FlashView) -> int:
    """Where the first frame begins in a dump whose frames do not begin at 0; 0 where there are none."""
    starts = range(1, view.chip.codec.frame)
    return next((at for at in starts if _has_frames(view, at, at + view.app_start)), 0)


def rotation(view: FlashView) -> int:
    """Where the boot loader begins in a dump that does not begin with it but comes to its beginning again; 0 for
    other dumps. A boot loader begins with vectors and has a partition table, behind which there is the app."""
    size, frame = len(view.data), view.chip.codec.frame
    if _has_vectors(FlashView(view.chip, view.data[:frame])) and view.app is not None:
        return 0
    ring = view.data * 2
    for found in _TOPS.finditer(ring, 4, size + frame):
        start = found.start() - 3
        if (
            start < size
            and _VECTORS_BEGIN.match(ring, start)
            and _has_vectors(FlashView(view.chip, ring[start : start + frame]))
        ):
            whole = FlashView(view.chip, ring[start : start + size])
            if whole.app is not None and _has_frames(whole, whole.app.physical_start, whole.app.physical_end):
                return start
    return 0


def _has_vectors(first: FlashView) -> bool:
    """Whether code begins with this frame."""
    size = first.logical_size
    if not size or first.frames(0, len(first.data)).bad:
        return False
    code = first.logical(0, size)
    words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, size, 4)]
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
    halves = highs.translate(_HALVES)
    half = halves.find(_THUMB_CALL)
    while half >= 0:
        offset = (highs[half] & 7) << 19 | lows[half] << 11 | (highs[half + 1] & 7) << 8 | lows[half + 1]
        target = half + 2 + _signed(offset, 22)
        if 0 <= target < len(highs) and highs[target] == 0xB5:
            yield 2 * half
        half = halves.find(_THUMB_CALL, half + 1)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def other_chip(chip: Chip, code: bytes) -> str:
    """The name and version, with another chip's name, that logical bytes give themselves; empty where they name this
    chip or none."""
    found = [
        name for name in _NAME.finditer(code) if _BEFORE_NAME.search(code[max(0, name.start() - 9) : name.start()])
    ]
    if not found or any(name[1].decode() in chip.names for name in found):
        return ""
    return f"{found[0][1].decode()}_{found[0][2].decode()}"


def _is_ours(chip: Chip, code: bytes, name: str) -> bool:
    """Whether a boot loader of the chip has another's name where tools look, and its own as a text elsewhere."""
    borrowed = name.partition("_")[0] in chip.loader_names
    return borrowed and any(re.search(rb"(?<![\x20-\x7e])" + name.encode() + rb"\0", code) for name in chip.names)


def objection(view: FlashView) -> str:
    """Why the boot loader and the app of a framed flash are not for its chip; empty where nothing says so."""
    return objection_to_code(view.chip, view.boot_loader, _app(view))


def _app(view: FlashView) -> bytes:
    return view.beyond_boot_loader if view.app is None else view.content(view.app)


def objection_to_code(chip: Chip, loader: bytes, app: bytes = b"") -> str:
    """The same of logical bytes."""
    if is_code(loader + app) is False:
        seen = "the code at 0x0 is scrambled or no ARM code"
    elif name := other_chip(chip, app):
        seen = f"the app names itself {name}"
    elif (name := other_chip(chip, loader)) and not _is_ours(chip, loader, name):
        seen = f"the boot loader names itself {name}"
    else:
        return ""
    wrong = [entry.name for _, entry in chip.table_in(loader) if not entry.crc_ok]
    if wrong:
        seen += f", and the CRCs of its partition table ({', '.join(wrong)}) are wrong"
    return f"{seen}; firmware of another chip of the family? (--force takes it all the same)"
