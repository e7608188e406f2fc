"""Text that others wrote, such as a device on its console, as it may be shown: what cannot be seen is written out."""

from __future__ import annotations

import io
from typing import TextIO

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}
_DIRECTIONS = {0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # they make a command look like another
_SURROGATES = range(0xD800, 0xE000)
_UNSEEN = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_DIRECTIONS, *_SURROGATES)}


def visible(text: str) -> str:
    """The text with what cannot be seen as escapes. Line ends and tabs stay."""
    return text.translate(_UNSEEN)


def painted(text: str, colour: int) -> str:
    """What can be seen of a text, in a colour by its number in ECMA-48."""
    return f"\x1b[{colour}m{visible(text)}\x1b[0m"


class Terminal:
    """A stream to a terminal that shows text and obeys nothing in it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # letters that the terminal does not have

    def write(self, text: str) -> int:
        """Write what can be seen."""
        return self._stream.write(visible(text))

    def paint(self, text: str, colour: int) -> None:
        """Write what can be seen in a colour, by its number in ECMA-48."""
        self._stream.write(painted(text, colour))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
