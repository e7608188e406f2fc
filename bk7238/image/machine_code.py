"""What logical bytes say of themselves: whether they look like ARM or Thumb code, and the names in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LEAST = 0x1000  # bytes of code below which its shape says nothing
_BYTES_PER_CALL = 0x1000  # firmware has a call in 60 to 200 bytes; random or scrambled bytes in 500,000
# The high bytes of the halfwords of a Thumb call, found faster than by an expression
_HALVES, _THUMB_CALL = bytes((*[0] * 0xF0, *b"\1" * 8, *b"\2" * 8)), b"\1\2"
# A string that is a name and a version, as boot loaders of the family (`BK7238\0\0_1.0.15`) and OpenBeken have it
_NAME = re.compile(rb"(BK7\d{3}[A-Z]{0,2})\0{0,4}_(\d+(?:\.\d+)+)")
_NAMES_BEGIN = b"BK7"  # found faster than by an expression
_BEFORE_NAME = re.compile(rb"(?:^|[^\x20-\x7e])[A-Za-z]{0,8}\Z")
_BLANKS = b"\xff" * 32, bytes(32)
_ERASED = b"\xff" * 0x1000


class Name(NamedTuple):
    """A chip's name, and the version behind it."""

    chip: str
    version: str

    def __str__(self) -> str:
        return f"{self.chip}_{self.version}"


def names(code: bytes) -> tuple[Name, ...]:
    """The names with a version that code gives itself."""
    return tuple(name for part in _written(code) for name in _names(part))


def _names(code: bytes) -> Iterator[Name]:
    at = code.find(_NAMES_BEGIN)
    while at >= 0:
        name = _NAME.match(code, at)
        if name and _BEFORE_NAME.search(code[max(0, at - 9) : at]):
            yield Name(name[1].decode(), name[2].decode())
        at = code.find(_NAMES_BEGIN, at + 1)


def is_code(code: bytes) -> bool | None:
    """Whether bytes look like ARM or Thumb code, as a whole: it calls its own functions. None for so little that it
    does not tell, and for an erased flash."""
    written = b"".join(_written(code))
    size = len(written) - 32 * sum(map(written.count, _BLANKS))
    if size < _LEAST:
        return None
    enough = size // _BYTES_PER_CALL
    return any(number >= enough for number, _ in enumerate(_calls(code), 1))


def _written(code: bytes) -> Iterator[bytes]:
    """What stands between erased pieces. Most of an image may be erased, where there is nothing to look for."""
    start = 0
    for at in (*range(0, len(code), len(_ERASED)), len(code)):
        if at == len(code) or code.startswith(_ERASED, at):
            if start < at:
                yield code[start:at]
            start = at + len(_ERASED)


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
