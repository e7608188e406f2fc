"""Sweeps that were saved: a `sweep.json`, and whether it holds what the page is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bk7238.sweep.fields import OUTCOME, Check, first_wrong, list_of, number, row, seconds, text
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import Cuts


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
    wrong = first_wrong(sweep, _SWEEP)
    if wrong:
        return wrong
    cuts = issubclass(registry.PLANS[sweep["of"]], Cuts)
    if cuts:
        wrong = first_wrong(sweep, _CUTS)
        if wrong:
            return wrong
    for place, one in enumerate(sweep["outcomes"]):
        wrong = first_wrong(one, _OUTCOME) if isinstance(one, dict) else "it is no object"
        if not wrong and cuts and not _operation(sweep, one["column"]):
            wrong = "'column' is none of the operations"
        if wrong:
            return f"outcome {place + 1}: {wrong}"
    return ""


def _operation(sweep: dict[str, Any], column: str) -> bool:
    if not (column.isascii() and column.isdecimal() and len(column) < 10):
        return False
    return bool(0 <= int(column) - sweep["first"] < len(sweep["operations"]))


def _partition(value: Any) -> bool:
    return row(text, number, number)(value) and value[1] <= value[2]


def _operations(value: Any) -> bool:
    return list_of(row(text, number, number))(value) and len(value) > 0


def _replay(value: Any) -> bool:
    """The page offers it for a shell: it is a command of ours."""
    return list_of(text)(value) and value[:2] == ["bk7238", "ota"]


_SWEEP: dict[str, Check] = {
    "of": lambda value: text(value) and value in registry.PLANS,
    **dict.fromkeys(("noun", "said", "image", "package", "bootloader", "tier"), text),
    "seed": lambda value: type(value) is int,
    "wall_seconds": seconds,
    "replay": _replay,
    "outcomes": lambda value: isinstance(value, list),
}
_CUTS: dict[str, Check] = {
    "first": number,
    "flash_size": number,
    "operations": _operations,
    "partitions": list_of(_partition),
}
_OUTCOME: dict[str, Check] = {**OUTCOME, **dict.fromkeys(("row", "column"), text), "faults": list_of(text)}
