"""Sweeps that were saved: a `sweep.json`, and whether it holds what the page is made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bk7238.sweep import subjects
from bk7238.sweep.cuts import Cuts

Check = Callable[[Any], bool]


class SavedError(ValueError):
    """A file that is no saved sweep; the message is one line."""


def read(path: Path) -> dict[str, Any]:
    """A `sweep.json`, or the folder that holds one. Raises SavedError."""
    file = path / "sweep.json" if path.is_dir() else path
    remedy = "give the sweep.json that bk7238 sweep --artifacts writes, or its folder"
    try:
        sweep = json.loads(file.read_bytes())
    except OSError as error:
        raise SavedError(f"{file}: {error.strerror or error}; {remedy}") from None
    except (ValueError, RecursionError):
        raise SavedError(f"{file}: no JSON; {remedy}") from None
    wrong = fault(sweep)
    if wrong:
        raise SavedError(f"{file}: no saved sweep: {wrong}; {remedy}")
    return dict(sweep)


def fault(sweep: Any) -> str:
    """What is wrong with an object that should be a sweep; nothing where it is one."""
    if not isinstance(sweep, dict):
        return "it is no object"
    wrong = _first(sweep, _SWEEP)
    if wrong:
        return wrong
    cuts = issubclass(subjects.ALL[sweep["of"]], Cuts)
    if cuts:
        wrong = _first(sweep, _CUTS)
        if wrong:
            return wrong
    for place, one in enumerate(sweep["outcomes"]):
        wrong = _first(one, _OUTCOME) if isinstance(one, dict) else "it is no object"
        if not wrong and cuts and not _operation(sweep, one["column"]):
            wrong = "'column' is none of the operations"
        if wrong:
            return f"outcome {place + 1}: {wrong}"
    return ""


def _first(found: dict[str, Any], checks: dict[str, Check]) -> str:
    """What is wrong first. What is allowed to be missing accepts None."""
    for name, check in checks.items():
        if not check(found.get(name)):
            return f"{name!r} is {'not what a sweep has' if name in found else 'missing'}"
    return ""


def _operation(sweep: dict[str, Any], column: str) -> bool:
    if not (column.isascii() and column.isdecimal() and len(column) < 10):
        return False
    return 0 <= int(column) - sweep["first"] < len(sweep["operations"])


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 32


def _list(of: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(of, value))


def _row(*cells: Check) -> Check:
    def check(value: Any) -> bool:
        if not isinstance(value, list) or len(value) != len(cells):
            return False
        return all(of(cell) for of, cell in zip(cells, value, strict=True))

    return check


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _partition(value: Any) -> bool:
    return _row(_text, _number, _number)(value) and value[1] <= value[2]


def _operations(value: Any) -> bool:
    return _list(_row(_text, _number, _number))(value) and len(value) > 0


def _replay(value: Any) -> bool:
    """The page offers it for a shell: it is a command of ours."""
    return _list(_text)(value) and value[:2] == ["bk7238", "ota"]


_SWEEP: dict[str, Check] = {
    "of": lambda value: _text(value) and value in subjects.ALL,
    **dict.fromkeys(("noun", "said", "image", "package", "bootloader", "tier"), _text),
    "seed": lambda value: type(value) is int,
    "wall_seconds": lambda value: type(value) in (int, float) and 0 <= value < 1e9,
    "replay": _replay,
    "outcomes": lambda value: isinstance(value, list),
}
_CUTS: dict[str, Check] = {
    "first": _number,
    "flash_size": _number,
    "operations": _operations,
    "partitions": _list(_partition),
}
_OUTCOME: dict[str, Check] = {
    **dict.fromkeys(("id", "verdict", "reason", "row", "column"), _text),
    "faults": _list(_text),
    **dict.fromkeys(("digest", "shared"), _maybe(_text)),
    **dict.fromkeys(("did", "silent", "story"), _maybe(_list(_text))),
    "merged": _maybe(_number),
}
