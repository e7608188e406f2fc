"""The arguments of a fault: declared in its class, read from text, listed in the reference.

class Stall(Fault):
    duration = Argument(seconds, default=None, doc="how long; for ever where it is left out")
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bk7238.formats.duration import duration

REQUIRED = object()
LARGEST = 0x1000000  # bytes of a file that is made up


class Argument:
    """One argument. `read` makes a value of its text and raises ValueError saying what it expects; its docstring
    names that in the reference. Without a default it has to be given."""

    def __init__(self, read: Callable[[str], Any], *, default: Any = REQUIRED, doc: str) -> None:
        self.read, self.default, self.doc = read, default, doc
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.replace("_", "-")
        self._attribute = "_argument_" + name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else getattr(instance, self._attribute)

    def set(self, instance: Any, value: Any) -> None:
        """Give a fault the value that was read."""
        setattr(instance, self._attribute, value)


def number(text: str) -> int:
    """a whole number, decimal or 0x"""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError("a whole number, decimal or with 0x") from None


def address(text: str) -> int:
    """a physical address, 0 or more"""
    value = number(text)
    if value < 0:
        raise ValueError("an address, 0 or more")
    return value


def count(text: str) -> int:
    """a whole number, 1 or more"""
    value = number(text)
    if value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def seconds(text: str) -> int:
    """a time such as 15s, 250ms, 10us or 2min"""
    return duration(text)


def share(text: str) -> float:
    """a share such as 50% or 0.5"""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text)
    value = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= value <= 1:
        raise ValueError("a share from 0% to 100%")
    return value


def words(text: str) -> str:
    """text"""
    return text


def flag(text: str) -> bool:
    """yes or no"""
    if text not in ("yes", "no"):
        raise ValueError("yes or no")
    return text == "yes"


def one_of(*choices: str) -> Callable[[str], str]:
    """One of some words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(", ".join(choices[:-1]) + f" or {choices[-1]}")
        return text

    read.__doc__ = ", ".join(choices[:-1]) + f" or {choices[-1]}"
    return read
