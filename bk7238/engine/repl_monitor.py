"""Monitor statements, which stand in `init:` and its kin: read as Renode's monitor reads them.

They have a grammar of their own: a range is `<start size>`, or `<first, last>` with the last address in it. No number
has an underscore, a sign belongs to decimal numbers only, and `#` and `:` begin a comment. Source of the facts: the
tokenizer of Renode's monitor.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NoReturn

from bk7238.engine.repl_lexer import Position, Token

_BIGGEST_DECIMAL = (1 << 63) - 1
_NUMBER = r"0x[0-9A-Fa-f]+|\+?[0-9]+"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
      | (?P<comment>[#:][^\n]*)
      | (?P<string>'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<absolute><\s*({_NUMBER})\s*,\s*({_NUMBER})\s*>)
      | (?P<relative><[ ]*({_NUMBER})[ ]+({_NUMBER})[ ]*>)
      | (?P<path>@(?:\\[ ]|[^;\s])+)
      | (?P<hexadecimal>0x[0-9A-Fa-f]+)
      | (?P<float>[+-]?[0-9]+\.[0-9]*)
      | (?P<decimal>[+-]?[0-9]+)
      | (?P<boolean>(?i:true|false))
      | (?P<literal>[\w.\-?]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Statement:
    """One statement, read from its start: each method takes the next token. `verb` is its first word."""

    def __init__(self, tokens: list[Token]) -> None:
        self._starts: list[int] = []
        self._places: list[Position] = []
        self._text = ""
        for token in tokens:
            self._lay(token)
        self._at = 0
        self._kind, self._start, self._match = "", 0, re.match("", "")
        self._next()
        self.where = self._place()
        self.verb = self._text[self._start : self._at]
        if self._kind != "literal":
            self.refuse("a command")
        self._next()

    def range(self) -> tuple[int, int]:
        """First address and size in bytes."""
        if self._kind not in ("absolute", "relative"):
            self.refuse("a range: '<start size>' or '<first, last>'")
        assert self._match is not None
        first, second = (_number(text) for text in self._match.groups() if text and not text.startswith("<"))
        place = self._place()
        if self._kind == "absolute" and first > second:
            raise place.error("a range that ends before it begins", "write '<start size>' where the second is a size")
        size = second - first + 1 if self._kind == "absolute" else second
        if not size or first + size > 1 << 32:
            raise place.error(f"a range of {size:#x} bytes at {first:#x}", "use 1 byte or more, of 32 bits")
        self._next()
        return first, size

    def number(self, bits: int = 64) -> int:
        """Read a number of as many bits."""
        if self._kind not in ("hexadecimal", "decimal") or self._text[self._start] == "-":
            self.refuse("a number without '_'")
        value = _number(self._text[self._start : self._at])
        if value >> bits or (self._kind == "decimal" and value > _BIGGEST_DECIMAL):
            raise self._place().error(f"{value} does not fit", f"there are {bits} bits: write 0x... where it has them")
        self._next()
        return value

    def path(self) -> str:
        """The path of a file, `@path` or in quotes."""
        if self._kind != "path":
            return self.string()
        text = self._text[self._start + 1 : self._at]
        self._next()
        return text.replace("\\ ", " ")

    def string(self) -> str:
        """Read a text in quotes."""
        if self._kind != "string":
            self.refuse("a text in quotes")
        text = self._text[self._start : self._at]
        self._next()
        return text[1:-1].replace("\\" + text[0], text[0])

    def ended(self) -> bool:
        """Whether nothing is left of the statement."""
        return self._kind == "end"

    def refuse(self, expected: str) -> NoReturn:
        """Raise ReplError: something else was expected here."""
        found = "the end of the statement" if self.ended() else repr(self._text[self._start : self._at])
        raise self._place().error(f"unexpected {found}", f"here Renode's monitor expects {expected}")

    def _lay(self, token: Token) -> None:
        """Append a token at the distance that it has from the one before."""
        last = self._places[-1] if self._places else None
        if last is not None:
            end = last.column + len(self._text) - self._starts[-1]
            gap = token.where.column - end if token.where.line == last.line else 1
            self._text += " " * max(0, gap)
        self._starts.append(len(self._text))
        self._places.append(token.where)
        quoted = token.kind == "string" and token.text.startswith('"')
        self._text += f'"{token.value}"' if quoted else token.text  # Renode takes the backslashes out and quotes anew

    def _next(self) -> None:
        while True:
            self._start = self._at
            if self._at >= len(self._text):
                self._kind = "end"
                return
            match = _TOKEN.match(self._text, self._at)
            assert match is not None and match.lastgroup is not None
            self._kind, self._match, self._at = match.lastgroup, match, match.end()
            if self._kind not in ("space", "comment"):
                return

    def _place(self) -> Position:
        index = max(0, bisect_right(self._starts, self._start) - 1)
        place = self._places[index]
        return Position(place.path, place.line, place.column + self._start - self._starts[index])


def _number(text: str) -> int:
    return int(text, 16 if text.startswith("0x") else 10)
