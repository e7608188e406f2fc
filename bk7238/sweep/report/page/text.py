"""Text for a page. All that a sweep brings is hostile: names of files, faults, what a device printed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}
_DIRECTIONS = {0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # they make a command look like another
_SURROGATES = range(0xD800, 0xE000)
_UNSEEN = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_DIRECTIONS, *_SURROGATES)}

_BREAKS = re.compile(r"([_:,=./@+])(?=[^ ])")

_LINE = re.compile(r":\d+\)")  # of a boot loader's source, behind the name of its function
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{8}\b|\d+")


def safe(value: object) -> str:
    """Text or a number, for an element or an attribute. What cannot be seen is written out."""
    return escape(str(value).translate(_UNSEEN))


def breakable(value: object) -> str:
    """The same, with places where a long name may be broken."""
    return _BREAKS.sub(r"\1<wbr>", safe(value))


def bare(reason: str) -> str:
    """Without its numbers: they differ from package to package, from build to build, from cut to cut."""
    return _NUMBER.sub("#", _LINE.sub(")", reason))


def count(number: int, one: str, many: str) -> str:
    """A number of things."""
    return f"{number:,} {one if number == 1 else many}"


def elements(name: str, texts: Iterable[object]) -> str:
    """One element for each text."""
    return "".join(f"<{name}>{safe(text)}</{name}>" for text in texts)
