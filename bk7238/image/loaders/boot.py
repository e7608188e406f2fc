"""What comes of one start of a boot loader, foretold or run: its checks, its lines, its end, the flash after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class End(Enum):
    """Where a boot ends."""

    INSTALLED = "installed"
    KEPT = "kept"
    REINSTALLS = "reinstalls"
    HANGS = "hangs"
    BRICKED = "bricked"
    NO_APP = "no-app"

    def meaning(self, destination: str = "app") -> str:
        """What the end means for the device, where the package is for that partition."""
        if destination != "app" and self in (End.INSTALLED, End.REINSTALLS):
            again = ", but unverified: it is installed at every start" if self is End.REINSTALLS else ""
            return f"the package is in partition `{destination}`{again}; the app that was there is started"
        return {
            End.INSTALLED: "the new app is in place and is started",
            End.KEPT: "the app that was there is untouched and is started",
            End.REINSTALLS: "the new app is in place and is started, but unverified: it is installed at every start",
            End.HANGS: "no app is started, now or at any later start, until the flash is changed from outside",
            End.BRICKED: "what is started is a damaged app",
            End.NO_APP: "the app partition is erased, and is jumped into",
        }[self]


@dataclass(frozen=True)
class Step:
    """One check or action: what is looked at, whether it passed (None: only a remark), what was found, what is
    printed. A `*` in a line stands for text that is not foretold."""

    name: str
    passed: bool | None
    found: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Boot:
    """`cause` says in one sentence why the package is not installed; it is empty where it is. `destination` is the
    partition for which the package is, `flash` are the physical bytes afterwards.

    Where it was run, that took so many virtual `seconds`. Where it is foretold, `lines` are the boot loader's without
    colours, empty lines and progress bars, from its first line about updates to the last before the app's; so many of
    the last ones as `endless` says are repeated without end; the bytes in the ranges of `chance` are not foretold."""

    loader: str
    steps: tuple[Step, ...]
    end: End
    cause: str
    flash: bytes = field(repr=False, default=b"")
    destination: str = "app"
    endless: int = 0
    chance: tuple[tuple[int, int], ...] = ()
    seconds: float | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """All that is printed, line by line."""
        return tuple(line for step in self.steps for line in step.lines)

    @property
    def meaning(self) -> str:
        """What the end means for the device."""
        return self.end.meaning(self.destination)

    def as_json(self) -> dict[str, Any]:
        """The object of `bk7238 image check --json`."""
        return {
            "loader": self.loader,
            "end": self.end.value,
            "meaning": self.meaning,
            "cause": self.cause,
            "steps": [
                {"name": s.name, "passed": s.passed, "found": s.found, "lines": list(s.lines)} for s in self.steps
            ],
            "lines": list(self.lines),
            "endless": self.endless,
            "virtual_seconds": self.seconds,
        }
