"""How Beken's chips can scramble code: each 32-bit word in the flash is the exclusive or of what the CPU reads and of a
mask, made of the word's logical address and of four coefficients in the eFuse.

The mask is the exclusive or of three words that are made of the address (16, 16 and 32 bits wide) and of one that is
the same everywhere; bits of the last coefficient say which of them take part, and how the address is turned before.
Facts: the packing tool that Beken's SDK comes with, which quotes the hardware's own description; ltchiptool and
bk7231tools do the same.

Each bit of the address turns over the same bits of the mask wherever it is set. So the masks of a page follow from a
few words, by doubling, and those of another page from them by one word.
"""

from __future__ import annotations

from functools import cache, lru_cache

WORD = 4
_PAGE = 0x8000  # bytes whose masks are kept
_PAGES = 512  # of those that are remembered

Coefficients = tuple[int, int, int, int]
NONE: Coefficients = (0, 0, 0, 0)
"""Those of a chip that scrambles nothing."""


def text(coefficients: Coefficients) -> str:
    """The four words as users and other tools write them: 32 hexadecimal digits."""
    return "".join(f"{word:08x}" for word in coefficients)


def scramble(data: bytes, address: int, coefficients: Coefficients) -> bytes:
    """The bytes of the flash for logical bytes from a logical address on, and the other way round."""
    page, start = divmod(address, _PAGE)
    if start + len(data) <= _PAGE:
        return exclusive_or(data, _page(page, coefficients)[start : start + len(data)])
    pieces, at = [], 0
    while at < len(data):
        page, start = divmod(address + at, _PAGE)
        piece = data[at : at + _PAGE - start]
        mask = _page(page, coefficients)[start : start + len(piece)]
        pieces.append(exclusive_or(piece, mask))
        at += len(piece)
    return b"".join(pieces)


def mask(address: int, coefficients: Coefficients) -> int:
    """The 32 bits that scramble the word at a logical address."""
    first, second, third, choice = coefficients
    if choice >> 24 in (0x00, 0xFF):
        return 0
    whole = 0
    if not choice & 1:
        whole ^= _upper(second >> 16 ^ _folded(address, choice >> 5 & 3)) << 16
    if not choice & 2:
        whole ^= _lower((second & 0xFF00) << 1 ^ (choice & 0x10) << 4 ^ second & 0xFF ^ address >> (choice >> 8 & 3))
    if not choice & 4:
        whole ^= _all(first ^ _turned(address, 8 * (choice >> 11 & 3), 32))
    if not choice & 8:
        whole ^= third
    return whole


@cache
def turns(coefficients: Coefficients) -> tuple[int, ...]:
    """The mask of the word at address 0, and what each of the 32 bits of an address turns over in it."""
    first = mask(0, coefficients)
    return first, *(mask(1 << bit, coefficients) ^ first for bit in range(32))


def _folded(address: int, how: int) -> int:
    """The two halves of an address over each other; `how` says which of them have their bytes exchanged."""
    upper, lower = address >> 16 & 0xFFFF, address & 0xFFFF
    return (_turned(upper, 8, 16) if how & 2 else upper) ^ (_turned(lower, 8, 16) if how & 1 else lower)


def _upper(value: int) -> int:
    return _turned(value, 7, 16) ^ 0x6371 & (value >> 5 & 0xF) * 0x1111


def _lower(value: int) -> int:
    """Of 17 bits, of which the lower 16 are used."""
    taps = (value >> 13 & 1) | (value >> 9 & 1) << 1 | (value >> 5 & 1) << 2 | (value >> 1 & 1) << 3
    return (_turned(value, 10, 17) ^ 0x3659 & taps * 0x1111) & 0xFFFF


def _all(value: int) -> int:
    return _turned(value, 15, 32) ^ 0xE519A4F1 & (value >> 2 & 0xF) * 0x11111111


def _turned(value: int, right: int, width: int) -> int:
    """A value of so many bits, turned to the right."""
    value &= (1 << width) - 1
    return (value >> right | value << width - right) & (1 << width) - 1


@lru_cache(_PAGES)
def _page(page: int, coefficients: Coefficients) -> bytes:
    """The masks of a page, as they lie in the flash."""
    return _over(_first_page(coefficients), page * _PAGE, coefficients)


@cache
def _first_page(coefficients: Coefficients) -> bytes:
    masks = mask(0, coefficients).to_bytes(WORD, "little")
    while len(masks) < _PAGE:
        masks += _over(masks, len(masks), coefficients)
    return masks


def _over(masks: bytes, address: int, coefficients: Coefficients) -> bytes:
    """Masks from address 0 on as they are from this address on, of which they use no bit."""
    turns = mask(address, coefficients) ^ mask(0, coefficients)
    return exclusive_or(masks, turns.to_bytes(WORD, "little") * (len(masks) // WORD))


def exclusive_or(one: bytes, other: bytes) -> bytes:
    """The exclusive or of bytes of the same length."""
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).to_bytes(len(one), "little")
