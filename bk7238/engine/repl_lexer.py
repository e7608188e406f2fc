"""Platform descriptions, step one: text to tokens, indentation to braces and semicolons.

As in Renode, four spaces are one level, and a line outside of braces is followed by a semicolon, an opening or
some closing braces, by the indentation of the next one. Lines inside braces are free. Source of the facts: Renode's
PreLexer. Stricter than it: tabs are refused, identifiers are ASCII, and so is what makes it misread a multi-line
string: ''' in a comment or a string, a brace or '"' inside one, two on a line, one of fewer than three characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

INDENT = 4
BIGGEST = (1 << 64) - 1

_TOKEN = re.compile(
    r"""(?P<space>[ ]+)
      | (?P<newline>\n)
      | (?P<multiline>''')
      | (?P<quote>")
      | (?P<block>/\*)
      | (?P<line>//)
      | (?P<number>0x[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*|[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)
      | (?P<name>[A-Za-z][A-Za-z0-9_]*)
      | (?P<mark>->|[:;,.@|<>{}\[\]+\-\#])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_STRING = re.compile(r'"((?:[^"\\\n]|\\["\\])*)"')
_MULTILINE = re.compile(r"'''((?:(?!''')[^\\]|\\''')*)'''")
_SHORTEST = 3  # characters of a multi-line string


class ReplError(ValueError):
    """A platform description that Renode, or this reader, refuses: one line with file:line:column and the remedy."""


@dataclass(frozen=True)
class Position:
    """A place in a file; line and column count from one."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def error(self, problem: str, remedy: str) -> ReplError:
        """An error at this place; the caller raises it."""
        return ReplError(" ".join(f"{self}: {problem}; {remedy}".split()))


@dataclass(frozen=True)
class Token:
    """`kind` is name, number, string, mark, other or end; `value` the number, or the text of a string."""

    kind: str
    text: str
    where: Position
    value: int | float | str | None = None

    def is_mark(self, *texts: str) -> bool:
        """Whether it is one of these marks."""
        return self.kind == "mark" and self.text in texts

    def __str__(self) -> str:
        return "the end of the file" if self.kind == "end" else repr(self.text)


def tokenize(text: str, path: str) -> list[Token]:
    """The tokens of a platform description, with the braces and semicolons that its layout stands for."""
    return _Lexer(text.replace("\r", ""), path).run()


class _Lexer:
    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.tokens: list[Token] = []
        self.open_braces: list[Token] = []
        self.level = 0  # of indentation, of the line that the last tokens belong to
        self.line = 1
        self.line_start = 0
        self.at_line_start = True
        self.string_end = -1  # of the last multi-line string

    def run(self) -> list[Token]:
        at = 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            assert match is not None and match.lastgroup is not None
            at = getattr(self, f"_{match.lastgroup}")(match)
        end = self._position(at)
        if self.open_braces:
            raise self.open_braces[-1].where.error("this brace is never closed", "add a '}'")
        self.tokens += [Token("mark", "}", end) for _ in range(self.level)]
        return [*self.tokens, Token("end", "", end)]

    def _position(self, offset: int) -> Position:
        return Position(self.path, self.line, offset - self.line_start + 1)

    def _newlines(self, start: int, end: int) -> None:
        count = self.text.count("\n", start, end)
        if count:
            self.line += count
            self.line_start = self.text.rindex("\n", start, end) + 1

    # Each of these takes a match and answers where to go on

    def _space(self, match: re.Match[str]) -> int:
        return match.end()

    def _newline(self, match: re.Match[str]) -> int:
        self._newlines(match.start(), match.end())
        self.at_line_start = True
        return match.end()

    def _line(self, match: re.Match[str]) -> int:
        at = match.start()
        if at != self.line_start and self.text[at - 1] != " ":
            return self._other(match)
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        self._refuse_quotes("comment", self.text[at:end], self._position(at))
        return end

    def _block(self, match: re.Match[str]) -> int:
        start, where = match.start(), self._position(match.start())
        end = self.text.find("*/", match.end())
        if end < 0:
            raise where.error("this comment is never closed", "add a '*/'")
        end += 2
        self._refuse_quotes("comment", self.text[start:end], where)
        spans_lines = "\n" in self.text[start:end]
        line_end = self.text.find("\n", end)
        rest = self.text[end : line_end if line_end >= 0 else None]
        if not self.open_braces and (self.at_line_start or spans_lines) and rest.strip(" "):
            raise where.error("text follows this comment", "outside of braces it must end its line")
        self._newlines(start, end)
        if spans_lines:
            self.at_line_start = True
        return end

    def _quote(self, match: re.Match[str]) -> int:
        where = self._position(match.start())
        string = _STRING.match(self.text, match.start())
        if string is None:
            raise where.error(
                "malformed string", "end it with '\"' on its line and put a backslash only before \\ or \""
            )
        self._refuse_quotes("string", string[1], where)
        self._add("string", string[0], where, re.sub(r"\\(.)", r"\1", string[1]))
        return string.end()

    def _multiline(self, match: re.Match[str]) -> int:
        where = self._position(match.start())
        string = _MULTILINE.match(self.text, match.start())
        if string is None:
            raise where.error("malformed multi-line string", "end it with ''' and put a backslash only before '''")
        if len(string[1]) < _SHORTEST or re.search(r'[{}"]', string[1]):
            remedy = f"write {_SHORTEST} or more, and no brace or '\"', or a string in '\"'"
            raise where.error("a multi-line string that Renode misreads", remedy)
        if self.text.rfind("\n", 0, match.start()) < self.string_end:
            raise where.error("a second multi-line string on this line", "give each a line of its own")
        self.string_end = string.end()
        self._add("string", string[0], where, string[1].replace("\\'''", "'''"))
        self._newlines(match.start(), string.end())
        return string.end()

    def _refuse_quotes(self, kind: str, text: str, where: Position) -> None:
        if "'''" in text:
            raise where.error(f"''' in a {kind}", "Renode takes it for a multi-line string: remove it")

    def _number(self, match: re.Match[str]) -> int:
        digits, where = match[0].replace("_", ""), self._position(match.start())
        if len(digits) > 100:
            raise where.error("a number of more than 100 digits", "numbers have 64 bits")
        value = int(digits, 16) if digits.startswith("0x") else float(digits) if "." in digits else int(digits)
        if value > BIGGEST:
            raise where.error(f"{match[0]} does not fit", "numbers have 64 bits")
        self._add("number", match[0], where, value)
        return match.end()

    def _name(self, match: re.Match[str]) -> int:
        self._add("name", match[0], self._position(match.start()))
        return match.end()

    def _mark(self, match: re.Match[str]) -> int:
        where = self._position(match.start())
        self._add("mark", match[0], where)
        if match[0] == "{":
            self.open_braces.append(self.tokens[-1])
        elif match[0] == "}":
            if not self.open_braces:
                raise where.error("nothing to close here", "remove the '}'")
            self.open_braces.pop()
        return match.end()

    def _other(self, match: re.Match[str]) -> int:
        where = self._position(match.start())
        if match[0] == "\t":
            raise where.error("a tab", f"use {INDENT} spaces a level")
        self._add("other", match[0], where)
        return match.end()

    def _add(self, kind: str, text: str, where: Position, value: int | float | str | None = None) -> None:
        if self.at_line_start:
            self.at_line_start = False
            if not self.open_braces:
                self._lay_out(where)
        self.tokens.append(Token(kind, text, where, value))

    def _lay_out(self, where: Position) -> None:
        level, odd = divmod(where.column - 1, INDENT)
        if odd:
            raise where.error(f"indented by {where.column - 1} spaces", f"indent by multiples of {INDENT}")
        if level > (self.level + 1 if self.tokens else 0):
            raise where.error("indented too far", "go one level deeper than the line above at most, from the margin")
        marks = "{" if level > self.level else "}" * (self.level - level) + ";"
        if self.tokens:
            self.tokens += [Token("mark", mark, where) for mark in marks]
        self.level = level
