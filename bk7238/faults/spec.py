"""How a fault is written: `KIND[:ARGUMENT,...][@WHEN]`, in one line of text.

    SPEC      = KIND [":" ARGUMENT {"," ARGUMENT}] ["@" WHEN]
    ARGUMENT  = [NAME "="] VALUE
    VALUE     = plain text without , = @ and ", or "quoted", in which \\" and \\\\ stand for themselves

Arguments without a name are taken in the order in which the kind declares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bk7238.formats.typed import Place

OWN_KEYS = ("kind", "when")
"""What a table of a scenario says besides the arguments: no argument is called so."""

_PLAIN = re.compile(r'[^,=@"\s:][^,=@"]*')
_KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class FaultError(ValueError):
    """A fault that cannot be; the message is one line that says what can. `place` leads to it in a scenario."""

    def __init__(self, message: str, place: Place = ()) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Spec:
    """A fault as it was asked for. The name of an argument that was given by its place is empty."""

    kind: str
    arguments: tuple[tuple[str, str], ...] = ()
    when: str = ""

    def __str__(self) -> str:
        given = ",".join(f"{name}={quoted(value)}" if name else quoted(value) for name, value in self.arguments)
        return self.kind + (f":{given}" if given else "") + (f"@{self.when}" if self.when else "")


def parse(text: str) -> Spec:
    """The fault written in `text`. Raises FaultError."""
    if not _one_line(text):
        raise FaultError(f"fault {text!r}: a fault is one line of printable text")
    head, at, when = _cut(text, "@")
    kind, colon, rest = _cut(head, ":")
    if not _KIND.fullmatch(kind):
        raise FaultError(f"fault {text!r}: it does not begin with a kind, as in network-stall@50%")
    if at and not when.strip():
        raise FaultError(f"fault {text!r}: nothing follows the @; write a time, a share or leave it out")
    if colon and not rest:
        raise FaultError(f"fault {text!r}: no argument follows the colon")
    return Spec(kind, tuple(_argument(part, text) for part in _parts(rest, ",")) if rest else (), when.strip())


def from_table(table: Mapping[str, Any]) -> Spec:
    """The fault in a table of a scenario: `kind`, `when` and its arguments by name. Raises FaultError."""
    values = dict(table)
    kind, when = values.pop("kind", None), values.pop("when", "")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise FaultError(f"a fault of the scenario has no kind: {dict(table)!r}")
    if not isinstance(when, str):
        raise FaultError(f'fault {kind!r}: `when` is text, as in when = "50%"')
    arguments = []
    for name, value in values.items():
        if isinstance(value, dict):  # a dotted key: download.offset = 0x133000
            arguments += [(f"{name}.{inner}", _text(kind, inner, item)) for inner, item in value.items()]
        else:
            arguments.append((name, _text(kind, name, value)))
    for text in (when, *(part for argument in arguments for part in argument)):
        if not _one_line(text):
            raise FaultError(f"fault {kind!r}: {text!r}: a fault is one line of printable text")
    return Spec(kind, tuple(arguments), when)


def _one_line(text: str) -> bool:
    return all(ord(character) >= 32 for character in text)


def _text(kind: str, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise FaultError(f"fault {kind!r}: {name!r} is neither text nor a number")


def quoted(value: str) -> str:
    """A value as it is written in a fault."""
    if _PLAIN.fullmatch(value) and value == value.strip():
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(value: str, text: str) -> str:
    """What a value as it was written stands for. Raises FaultError."""
    value = value.strip()
    if not value.startswith('"'):
        if not _PLAIN.fullmatch(value):
            raise FaultError(f"fault {text!r}: {value!r} is no value; text with , = @ or quotes stands in quotes")
        return value
    inside = re.fullmatch(r'"((?:[^"\\]|\\["\\])*)"', value)
    if inside is None:
        raise FaultError(f"fault {text!r}: the quotes in {value!r} do not end where they should")
    return re.sub(r"\\(.)", r"\1", inside[1])


def _argument(part: str, text: str) -> tuple[str, str]:
    name, equals, value = _cut(part, "=")
    if not equals:
        return "", unquoted(part, text)
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name.strip()):
        raise FaultError(f"fault {text!r}: {name.strip()!r} is no name of an argument")
    return name.strip(), unquoted(value, text)


def _parts(text: str, separator: str) -> list[str]:
    parts, rest, more = [], text, separator
    while more:
        part, more, rest = _cut(rest, separator)
        parts.append(part)
    return parts


def _cut(text: str, separator: str) -> tuple[str, str, str]:
    """As `str.partition`, with what is in quotes left alone."""
    inside = escaped = False
    for at, character in enumerate(text):
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character == separator:
            return text[:at], separator, text[at + 1 :]
    return text, "", ""
