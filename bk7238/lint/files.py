"""Which files of a project are looked at, and by which finder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bk7238.image import package
from bk7238.lint import suites, tables
from bk7238.lint.finding import LintFinding, of_error


def below(folder: Path) -> Iterator[Path]:
    """The files of a folder that have a finder; not those in hidden folders and virtual environments."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_passed_over(Path(top, name)))
        yield from (Path(top, name) for name in sorted(names) if _has_finder(name))


def findings(path: Path, *, named: bool = False) -> Iterator[LintFinding]:
    """What is wrong in a file; one that a user has `named` is taken for a scenario where it is a TOML file of no other
    kind."""
    if path.suffix == ".toml":
        yield from tables.toml(path, named=named and path.name != "pyproject.toml")
    elif path.suffix == ".rbl":
        yield from _package(path)
    elif path.suffix == ".py":
        yield from suites.markers(path)
    elif path.name == "pytest.ini":
        yield from suites.configuration(path)
    elif path.suffix == ".json":
        yield from tables.result(path)


def _has_finder(name: str) -> bool:
    if name.endswith(".py"):
        return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return name.endswith((".toml", ".rbl")) or name in ("pytest.ini", "result.json")


def _is_passed_over(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name == "node_modules" or (folder / "pyvenv.cfg").is_file()


def _package(path: Path) -> Iterator[LintFinding]:
    try:
        for damage in package.read(path).damage:
            yield LintFinding(path, None, f"{damage}; pack it anew")
    except ValueError as error:
        yield of_error(path, error, None)
