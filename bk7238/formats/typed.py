"""Tables of TOML and JSON as typed objects. What does not fit is said with the keys that lead to it.

What a file may hold is a type (a `msgspec.Struct` or a TypedDict); schemas for editors are made of the same one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
Place = tuple[str | int, ...]
"""The keys and the places in lists, from 0, that lead to a value of a document."""

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|(\[\.\.\.\])")


class TypedError(ValueError):
    """A table that is none of a type; the message is one line that begins with the keys of `place`."""

    def __init__(self, what: str, place: Place) -> None:
        super().__init__(f"{'.'.join(map(str, place))}: {what}" if place else what)
        self.place = place


def convert(table: Any, kind: type[T]) -> T:
    """The table as this type. Raises TypedError."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        raise TypedError(what[:1].lower() + what[1:], _place(table, kind, path.strip("`$"), str(error))) from None


def value_at(table: Any, place: Sequence[str | int]) -> Any:
    """The value to which these keys lead. Raises LookupError or TypeError where there is none."""
    for step in place:
        table = table[step]
    return table


def _place(table: Any, kind: Any, path: str, message: str) -> Place:
    """The place of an error. msgspec does not say which of a table's free keys it is: the first one that is no better
    when it stands alone."""
    place: list[str | int] = []
    for step in _STEP.finditer(path):
        name, number, free = step.groups()
        place.append(name if name else int(number) if number else "")
        if free:
            *outer, _ = place
            place[-1] = next(key for key in value_at(table, outer) if _says(table, kind, [*outer, key], message))
    return tuple(place)


def _says(table: Any, kind: Any, place: list[str | int], message: str) -> bool:
    """Whether the same is said of the table with this key alone where it stands."""
    try:
        msgspec.convert(_alone(table, place), kind)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False


def _alone(table: Any, place: list[str | int]) -> Any:
    """A copy in which the last key of the place stands without others."""
    if len(place) == 1:
        return {place[0]: table[place[0]]}
    if isinstance(table, list):
        return [_alone(one, place[1:]) if at == place[0] else one for at, one in enumerate(table)]
    return {**table, place[0]: _alone(table[place[0]], place[1:])}
