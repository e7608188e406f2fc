"""JSON that may be anything, read into a type. What is wrong with it is said in a line, with the path of the value."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_LONGEST = 150  # characters of an error that may quote what was read


def decode(data: bytes, kind: type[T]) -> T:
    """The object that is written in `data`. Raises ValueError, one line."""
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(_line(error)) from None


def convert(value: Any, kind: type[T]) -> T:
    """The object that `json.loads` gave, which also takes text that is no UTF-8. Raises ValueError, one line."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(_line(error)) from None


def encode(value: Any) -> str:
    """JSON in a line; text that is no UTF-8 is escaped."""
    return json.dumps(msgspec.to_builtins(value))


def _line(error: Exception) -> str:
    """Of an error that may hold the name of a field, which may be any text."""
    return ascii(str(error))[1:-1][:_LONGEST]
