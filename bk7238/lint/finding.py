"""What a finder says: the file, the line, what is wrong and what to write instead. And where a TOML document has it."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bk7238.formats.typed import Place, value_at

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'{3}.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'|#[^\n]*|[][{}\n]''', re.DOTALL
)
"""What decides where a statement of TOML ends: texts, comments, brackets, ends of lines."""
_AT = re.compile(r" \(at line (\d+), column \d+\)$")


@dataclass(frozen=True)
class LintFinding:
    """Something that is wrong; `line` is counted from 1, None where the file has no lines."""

    path: Path
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{'' if self.line is None else f'{self.line}:'} {self.what}"


def of_error(path: Path, error: Exception, line: int | None = 1) -> LintFinding:
    """What a reader raised of a file: its message without the name of the file, and the line that TOML names."""
    what = (error.strerror or str(error)) if isinstance(error, OSError) else str(error).removeprefix(f"{path}: ")
    at = _AT.search(what)
    return LintFinding(path, int(at[1]) if at else line, _AT.sub("", what))


def toml_line(text: str, place: Place) -> int:
    """The line on which a document has the value to which these keys lead, or as many of them as it has."""
    whole = tomllib.loads(text)
    while place and not _has(whole, place):
        place = place[:-1]
    if not place:
        return 1
    ends = _statement_ends(text)
    last = bisect_left(ends, True, key=lambda end: _has(tomllib.loads(text[:end]), place))
    begin = ends[last - 1] if last else 0
    return text.count("\n", 0, begin) + 1 + _within(text[begin : ends[last]].split("\n"), value_at(whole, place))


def _statement_ends(text: str) -> list[int]:
    """The offsets in a document at which its headers and values end: the ends of lines that are not within brackets or
    a text."""
    ends, depth = [], 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if token[0] == "\n" and not depth:
            ends.append(token.end())
    return [*ends, len(text)]


def _within(statement: list[str], value: Any) -> int:
    """The line of a statement that has this text, as one of a list has."""
    return next((at for at, line in enumerate(statement) if isinstance(value, str) and value in line), 0)


def _has(table: Any, place: Place) -> bool:
    try:
        value_at(table, place)
    except (LookupError, TypeError):
        return False
    return True
