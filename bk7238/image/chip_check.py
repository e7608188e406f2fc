"""What says that bytes are not firmware of a chip: their framing, the shape of the code, the names it gives itself.

Only what says "not this chip" counts. Code that crashes, a boot loader or an app that nobody knows, and areas that are
damaged are no reason: they can be run, and the run shows what comes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

from bk7238 import chip as chips
from bk7238.chip import Chip
from bk7238.formats import descrambling, scrambling
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.scrambling import NONE, Coefficients
from bk7238.image.file_format import file_format
from bk7238.image.flash_view import FlashView
from bk7238.image.machine_code import Name, is_code, names

_BLANK = 34  # bytes, all the same, from which on they are no file of any kind
_VECTORS = 6  # of the eight words at the begin of code that branch or load the program counter
_VECTORS_BEGIN = re.compile(rb"(?:...\xea|.[\xf0-\xff]\x9f\xe5){5}", re.DOTALL)
_TOPS = re.compile(rb"[\xea\xe5](?=(?:...[\xea\xe5]){4})", re.DOTALL)  # the high bytes of such words, found faster
_OTHER_CHIP = "name another chip with --chip, or leave --chip and --flash-key out"


def recognise(data: bytes, key: Coefficients | None = None) -> FlashView:
    """The bytes of a full image or of a boot loader alone as the chip reads them that they are for, of those that have
    a name, each with the coefficients `key` where they are given; the usual one where they look like none of them."""
    known = chips.known()
    return _recognised(data, key, tuple(chip.folder for chip in known))


@lru_cache(maxsize=4)  # who runs an image often goes by its name each time
def _recognised(data: bytes, key: Coefficients | None, _known: tuple[Path, ...]) -> FlashView:
    views: list[FlashView] = []
    for chip in (chip.keyed(key) for chip in chips.known()):
        alike = next((view for view in views if view.chip.reads_as(chip)), None)
        view = FlashView(chip, data) if alike is None else alike.of(chip)
        if _can_be(view):
            return view
        views.append(view)
    return views[0]


def _can_be(view: FlashView) -> bool:
    """Whether this is firmware of a chip: its partition table is there, and nothing objects."""
    chip, data = view.chip, view.data
    if view.is_framed:
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
    if view.is_code is not False:
        return otherwise
    found = coefficients(view.data)
    if found is None:
        return otherwise
    if found == NONE:
        return f"the code is not scrambled, and this would be a {view.chip.name}'s that is; {_OTHER_CHIP}"
    owners = [chip.word for chip in chips.known() if chip.codec.coefficients == found]
    if owners:
        return f"the code is scrambled as that of {' and '.join(owners)} is; {_OTHER_CHIP}"
    if not any(_can_be(FlashView(chip.keyed(found), view.data)) for chip in (view.chip, *chips.known())):
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
    if len(data) >= _BLANK and data == data[:1] * len(data):
        return f"every byte is {data[0]:#04x}; read the flash out again"
    if re.fullmatch(rb"[\x09\x0a\x0d\x20-\x7e]+", data[:4096]):
        return "this is a text; give a dump of the flash"
    return ""


def repeated(view: FlashView) -> int:
    """The size of the chip that was read more than once into a dump, one copy behind the other; 0 for other dumps."""
    data = view.data
    for size in view.chip.sizes.values():
        copies, rest = divmod(len(data), size)
        if copies > 1 and not rest and data == data[:size] * copies and data != data[:1] * len(data):
            return size
    return 0


def shift(view: FlashView) -> int:
    """Where the first frame begins in a dump whose frames do not begin at 0; 0 where there are none."""
    starts = range(1, view.chip.codec.frame)
    return next((at for at in starts if view.has_frames(at, at + view.app_start)), 0)


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
            if whole.app is not None and whole.has_frames(whole.app.physical_start, whole.app.physical_end):
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


def other_chip(chip: Chip, names: Sequence[Name]) -> Name | None:
    """The first of the names that code gives itself, where they are another chip's."""
    return None if any(name.chip in chip.names for name in names) else next(iter(names), None)


def _is_ours(chip: Chip, code: bytes, name: Name) -> bool:
    """Whether a boot loader of the chip has another's name where tools look, and its own as a text elsewhere."""
    borrowed = name.chip in chip.loader_names
    return borrowed and any(re.search(rb"(?<![\x20-\x7e])" + name.encode() + rb"\0", code) for name in chip.names)


def objection(view: FlashView) -> str:
    """Why the boot loader and the app of a framed flash are not for its chip; empty where nothing says so."""
    return _objection(view.chip, view.boot_loader, view.is_code, view.loader_names, view.app_names)


def objection_to_code(chip: Chip, loader: bytes) -> str:
    """The same of the logical bytes of a boot loader alone."""
    return _objection(chip, loader, is_code(loader), names(loader))


def _objection(
    chip: Chip, loader: bytes, is_code: bool | None, loader_names: Sequence[Name], app_names: Sequence[Name] = ()
) -> str:
    if is_code is False:
        seen = "the code at 0x0 is scrambled or no ARM code"
    elif name := other_chip(chip, app_names):
        seen = f"the app names itself {name}"
    elif (name := other_chip(chip, loader_names)) and not _is_ours(chip, loader, name):
        seen = f"the boot loader names itself {name}"
    else:
        return ""
    wrong = [entry.name for _, entry in chip.table_in(loader) if not entry.crc_ok]
    if wrong:
        seen += f", and the CRCs of its partition table ({', '.join(wrong)}) are wrong"
    return f"{seen}; firmware of another chip of the family? (--force takes it all the same)"
