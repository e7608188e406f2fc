"""What a finder says: the file, the line, what is wrong and what to write instead. And where a TOML document has it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bk7238.formats.typed import Place, value_at

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
    lines = text.split("\n")
    while place and not _has(tomllib.loads(text), place):
        place = place[:-1]
    begin = 0
    for end in range(1, len(lines) + 1 if place else 0):
        try:
            table = tomllib.loads("\n".join(lines[:end]))
        except ValueError:  # within a value of several lines
            continue
        if _has(table, place):
            return begin + 1 + _within(lines[begin:end], value_at(table, place))
        begin = end
    return 1


def _within(statement: list[str], value: Any) -> int:
    """The line of a statement that has this text, as one of a list has."""
    return next((at for at, line in enumerate(statement) if isinstance(value, str) and value in line), 0)


def _has(table: Any, place: Place) -> bool:
    try:
        value_at(table, place)
    except (LookupError, TypeError):
        return False
    return True
