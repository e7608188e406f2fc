"""What acts on a machine from outside and must go back in time with it: a typist, a story, a judge."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Protocol


class Companion(Protocol):
    """Something outside of the machine that goes back with it. Register it in `Machine.companions`."""

    def snapshot(self) -> Any: ...

    def restore(self, snapshot: Any) -> None: ...


class Fields:
    """A companion made of plain fields of an object; `references` are fields whose objects are not copied."""

    def __init__(self, thing: Any, names: Iterable[str], references: Iterable[str] = ()) -> None:
        self._thing, self._names, self._references = thing, tuple(names), tuple(references)

    def snapshot(self) -> dict[str, Any]:
        state = {name: copy.deepcopy(getattr(self._thing, name)) for name in self._names}
        return state | {name: getattr(self._thing, name) for name in self._references}

    def restore(self, snapshot: dict[str, Any]) -> None:
        for name, value in snapshot.items():
            setattr(self._thing, name, value if name in self._references else copy.deepcopy(value))
