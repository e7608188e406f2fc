"""Whether what was read from JSON has the fields it should have: a journal's line, a saved sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


def first_wrong(found: dict[str, Any], checks: dict[str, Check]) -> str:
    """What is wrong first; nothing where all is right. What is allowed to be missing accepts None."""
    for name, check in checks.items():
        if not check(found.get(name)):
            return f"{name!r} is {'not what a sweep has' if name in found else 'missing'}"
    return ""


def text(value: Any) -> bool:
    return isinstance(value, str)


def number(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 32


def seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e9


def list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def row(*cells: Check) -> Check:
    """A list of so many, each with its check."""

    def check(value: Any) -> bool:
        if not isinstance(value, list) or len(value) != len(cells):
            return False
        return all(of(cell) for of, cell in zip(cells, value, strict=True))

    return check


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


OUTCOME: dict[str, Check] = {
    **dict.fromkeys(("id", "verdict", "reason"), text),
    **dict.fromkeys(("digest", "shared"), maybe(text)),
    **dict.fromkeys(("did", "silent", "story"), maybe(list_of(text))),
    "merged": maybe(number),
}
"""Of where a point ended, in a journal and in a saved sweep."""
