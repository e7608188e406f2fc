"""A scenario file: settings, faults, and where the device is to end. TOML.

faults = ["network-stall:20s@50%"]      # as on the command line

[settings]                              # by the names of docs/guide.md; what stands on the command line wins
ssid = "Workshop"
within = "2 min"

[[fault]]                               # or one by one
kind = "power-cut"
how = "torn"
when = "flash-op=1200"

[[step]]                                # what is done meanwhile, one after the other: bench/steps.py
wait = "IP up"

[expect]
verdict = "new-app-runs"
reason = "has joined again"             # text in it
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bk7238 import host_files
from bk7238.bench import steps
from bk7238.bench.settings import OPTIONS, Settings
from bk7238.bench.steps import ScenarioStep
from bk7238.faults.spec import FaultError, Spec, from_table, parse

KEYS = {"name", "faults", "settings", "fault", "step", "expect"}
"""What a scenario may have."""

_EXPECTATIONS = {"verdict", "reason"}
_REMEDY = "give a scenario, a text with faults, [settings] and [expect] (docs/faults.md)"


class UpdateEnd(Protocol):
    """What an update ended with, as far as a scenario looks at it."""

    @property
    def verdict(self) -> Any:
        """An enum whose values are the verdicts' names."""

    @property
    def reason(self) -> str:
        """One line."""

    @property
    def silent(self) -> list[str]:
        """The faults that did nothing."""


@dataclass(frozen=True)
class Scenario:
    """What a file says, and its settings without the faults. Without expectations the verdict alone decides."""

    faults: tuple[Spec, ...] = ()
    verdict: str | None = None
    reason: str | None = None
    settings: Settings = field(default_factory=Settings)
    steps: tuple[ScenarioStep, ...] = ()

    @property
    def expects(self) -> bool:
        """Whether it says how the update is to end."""
        return self.verdict is not None or self.reason is not None

    @property
    def expected(self) -> str:
        """What it says of the end, in words."""
        reason = None if self.reason is None else f"a reason with {self.reason!r}"
        return " and ".join(filter(None, (self.verdict, reason, "each fault has fired" if self.faults else None)))

    def differs(self, result: UpdateEnd) -> str:
        """In what a result is not as expected; a fault that never fired is not. Empty where all is as expected."""
        if not self.expects:
            return ""
        if self.verdict is not None and result.verdict.value != self.verdict:
            return f"the verdict is {result.verdict.value}, {self.verdict} was expected"
        if self.reason is not None and self.reason not in result.reason:
            return f"the reason does not say {self.reason!r}: {result.reason}"
        return f"{result.silent[0]} never fired" if result.silent else ""


def read(path: Path) -> Scenario:
    """Read a file. Raises FaultError, one line with the file's name."""
    try:
        table = tomllib.loads(host_files.read(path, host_files.TEXT).decode())
    except OSError as error:
        raise FaultError(f"{path}: {error.strerror or error}; {_REMEDY}") from None
    except RecursionError:
        raise FaultError(f"{path}: nested too deeply; `faults` is a list of texts") from None
    except UnicodeDecodeError as error:
        raise FaultError(f"{path}: byte {error.start} is no UTF-8, this is no text; {_REMEDY}") from None
    except ValueError as error:  # no TOML, or a number of thousands of digits
        raise FaultError(f"{path}: {error}") from None
    try:
        return from_toml(table)
    except FaultError as error:
        raise FaultError(f"{path}: {error}", error.place) from None


def from_toml(table: dict[str, Any]) -> Scenario:
    """The scenario in a TOML document. Raises FaultError."""
    for name in sorted(table.keys() - KEYS):
        raise FaultError(
            f"{name!r} is unknown; a scenario has name, faults, [settings], [[fault]], [[step]] and [expect]", (name,)
        )
    lines, tables, expect = table.get("faults", []), table.get("fault", []), table.get("expect", {})
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise FaultError("`faults` is a list of texts", ("faults",))
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise FaultError("each fault of its own is a table: [[fault]]", ("fault",))
    if not isinstance(expect, dict) or set(expect) - _EXPECTATIONS:
        raise FaultError("[expect] has verdict and reason", ("expect",))
    if not all(isinstance(value, str) for value in expect.values()):
        raise FaultError("verdict and reason are texts", ("expect",))
    faults = [*_each("faults", parse, lines), *_each("fault", from_table, tables)]
    settings = _settings(table.get("settings", {}))
    return Scenario(tuple(faults), expect.get("verdict"), expect.get("reason"), settings, _steps(table.get("step", [])))


def _each(name: str, read: Callable[[Any], Spec], written: list[Any]) -> Iterator[Spec]:
    for number, one in enumerate(written):
        try:
            yield read(one)
        except FaultError as error:
            raise FaultError(str(error), (name, number)) from None


def _steps(tables: Any) -> tuple[ScenarioStep, ...]:
    if not isinstance(tables, list):
        raise FaultError("each step is a table of its own: [[step]]", ("step",))
    read = []
    for number, table in enumerate(tables):
        try:
            read.append(steps.read(table))
        except ValueError as error:
            raise FaultError(f"step {number + 1}: {error}", ("step", number)) from None
    return tuple(read)


def _settings(table: Any) -> Settings:
    if not isinstance(table, dict):
        raise FaultError("the settings are a table: [settings]", ("settings",))
    known = OPTIONS.keys() - {"faults"}
    for name in sorted(table.keys() - known):
        raise FaultError(f"[settings] has no {name!r}, but {', '.join(sorted(known))}", ("settings", name))
    try:
        return Settings(**table)
    except ValueError as error:
        named = str(error).replace(":", " ").split()[0]  # a field's name, or options that do not go together
        raise FaultError(f"[settings] {error}", ("settings", named) if named in table else ("settings",)) from None
