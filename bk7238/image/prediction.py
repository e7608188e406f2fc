"""What is foretold of a boot: the checks in their order, the lines printed, the end state, the flash afterwards."""

from __future__ import annotations

import re
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

    @property
    def meaning(self) -> str:
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
class Prediction:
    """`lines` are the boot loader's without colours, empty lines and progress bars, from its first line about updates
    to `go os_addr`. So many of the last ones as `endless` says are repeated without end. `flash` are the physical bytes
    afterwards, but for the ranges of `chance`, whose bytes are not foretold. `cause` says
    in one sentence why the package is not installed; it is empty where it is. `destination` is the partition for which
    the package is."""

    loader: str
    steps: tuple[Step, ...]
    end: End
    cause: str
    endless: int = 0
    flash: bytes = field(repr=False, default=b"")
    chance: tuple[tuple[int, int], ...] = ()
    destination: str = "app"

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(line for step in self.steps for line in step.lines)

    @property
    def meaning(self) -> str:
        """What the end means for the device."""
        if self.destination == "app" or self.end not in (End.INSTALLED, End.REINSTALLS):
            return self.end.meaning
        again = ", but unverified: it is installed at every start" if self.end is End.REINSTALLS else ""
        return f"the package is in partition `{self.destination}`{again}; the app that was there is started"

    @property
    def installs(self) -> bool:
        return self.end is End.INSTALLED

    def differs(self, printed: list[str]) -> str:
        """In what a log differs from the prediction; empty where it does not. Other than `lines`, `printed` may have
        everything a console shows, from the power-on or from the last reset on."""
        told = interesting(printed)
        for number, (expected, actual) in enumerate(zip(self.lines, told, strict=False), 1):
            if not _fits(expected, actual):
                return f"line {number}: foretold {expected!r}, printed {actual!r}"
        if len(told) < len(self.lines):
            return f"not printed: {self.lines[len(told)]!r}"
        extra = told[len(self.lines) :]
        if self.endless:
            again = self.lines[-self.endless :]
            extra = [line for line in extra if not any(_fits(expected, line) for expected in again)]
        return f"not foretold: {extra[0]!r}" if extra else ""

    def differs_in_flash(self, flash: bytes) -> list[int]:
        """Physical addresses of the bytes that are not as foretold."""
        if flash == self.flash:
            return []
        left_to_chance = {at for start, end in self.chance for at in range(start, end)}
        pairs = enumerate(zip(self.flash, flash, strict=True))
        return [at for at, (told, real) in pairs if told != real and at not in left_to_chance]

    def as_json(self) -> dict[str, Any]:
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
        }


_DULL = re.compile(
    r"^(?:\[I/OTA\] ?|\[I/OTA\] OTA Write:.*|REG:.*|(?:SVC|IRQ|FIR|SYS|ST):0x.*|BK7238_\d.*|\[I/FAL\].*)?$"
)


def interesting(printed: list[str]) -> list[str]:
    """The lines of a boot loader that a prediction foretells."""
    return [line.strip() for line in printed if not _DULL.match(line.strip())]


def _fits(expected: str, actual: str) -> bool:
    pattern = ".*".join(map(re.escape, expected.split("*")))
    return re.fullmatch(pattern, actual) is not None
