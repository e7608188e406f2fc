"""Findings in TOML and in results: scenarios, things, chips, result.json."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bk7238 import chip, host_files
from bk7238.chip import ChipError
from bk7238.faults import FaultError, Spec, all_kinds, scenario
from bk7238.faults.fault import make
from bk7238.formats import typed
from bk7238.formats.typed import Place, TypedError
from bk7238.lint.finding import LintFinding, of_error, toml_line
from bk7238.things import file as things
from bk7238.update.result_file import ResultFile
from bk7238.update.verdict import Verdict


def toml(path: Path, *, named: bool = False) -> Iterator[LintFinding]:
    """Look at a TOML file: a chip, things, a scenario (by its keys, or as a user has `named` it), or another's."""
    try:
        text = host_files.read(path, host_files.TEXT).decode()
        table = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        yield of_error(path, error)
        return
    if path.name == chip.FILE:
        yield from _chip(path, text)
    elif "thing" in table:
        yield from _things(path, text, table)
    elif named or (table.keys() & (scenario.KEYS - {"name"})):
        for place, what in _scenario(table):
            yield LintFinding(path, toml_line(text, place), what)


def result(path: Path) -> Iterator[LintFinding]:
    """Look at a result.json."""
    try:
        typed.convert(json.loads(host_files.read(path, host_files.RESULTS)), ResultFile)
    except (OSError, ValueError, RecursionError) as error:
        yield of_error(path, error)


def _chip(path: Path, text: str) -> Iterator[LintFinding]:
    try:
        chip.read(path.parent)
    except ChipError as error:
        yield of_error(path, error, toml_line(text, error.place))


def _things(path: Path, text: str, table: dict[str, Any]) -> Iterator[LintFinding]:
    try:
        things.from_toml(table)
    except TypedError as error:
        yield LintFinding(path, toml_line(text, error.place), str(error))


def _scenario(table: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """All that is wrong: what was found is taken out, and the rest is read again."""
    rest = copy.deepcopy(table)
    numbers = {name: list(range(len(rest[name]))) for name in ("faults", "fault", "step") if _is_list(rest, name)}
    while True:
        try:
            _check(rest)
            return
        except FaultError as error:
            name, *more = str(error.place[0]), *error.place[1:]
            if more and name in numbers:
                at = int(more[0])
                yield (name, numbers[name].pop(at)), str(error)
                del rest[name][at]
            else:
                yield error.place, str(error)
                inner: dict[Any, Any] = rest[name] if more else rest
                del inner[more[0] if more else name]


def _is_list(table: dict[str, Any], name: str) -> bool:
    return isinstance(table.get(name), list)


def _check(table: dict[str, Any]) -> None:
    """Read a scenario, and see that there are such faults and such a verdict. Raises FaultError, with the place."""
    read = scenario.from_toml(table)
    places = [(name, number) for name in ("faults", "fault") for number in range(len(table.get(name, [])))]
    for spec, place in zip(read.faults, places, strict=True):
        check_fault(spec, place)
    if read.verdict is not None and read.verdict not in [verdict.value for verdict in Verdict]:
        known = ", ".join(verdict.value for verdict in Verdict)
        raise FaultError(f"{read.verdict!r} is no verdict; there is {known}", ("expect", "verdict"))


def check_fault(spec: Spec, place: Place = ()) -> None:
    """See that there is such a fault, with such arguments. Raises FaultError."""
    try:
        make(spec, all_kinds(), "")
    except FaultError as error:
        raise FaultError(str(error), place) from None
