"""Findings in tests and in the configuration of pytest: what the markers say, and the files that are named."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bk7238 import firmware, host_files, resources
from bk7238.bench.settings import OPTIONS, read_value
from bk7238.faults import FaultError, parse
from bk7238.image import flash_image, package
from bk7238.lint.finding import LintFinding, of_error
from bk7238.lint.tables import check_fault

FILES = ("image", "package")
_MORE = (*FILES, "symbols", "update")  # what a marker takes besides settings
_PATHS = ("serve", "devices", "chip")  # whose values are seen from where pytest is started


def markers(path: Path) -> Iterator[LintFinding]:
    """Look at the markers of a file of tests."""
    try:
        tree = ast.parse(host_files.read(path, host_files.TEXT))
    except SyntaxError as error:
        yield LintFinding(path, error.lineno, f"{error.msg}; pytest cannot read this file")
        return
    except (OSError, ValueError, RecursionError) as error:
        yield of_error(path, error)
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("pytest.mark.", "mark.")):
            marker = ast.unparse(node.func).rpartition(".")[2]
            for at, what in {"bk7238": _device, "fault": _fault}.get(marker, _other)(path, node):
                yield LintFinding(path, at.lineno, f"marker {marker}: {what}")


def configuration(path: Path) -> Iterator[LintFinding]:
    """Look at the files that a pytest.ini names."""
    read = configparser.ConfigParser(interpolation=None)
    try:
        text = host_files.read(path, host_files.TEXT).decode()
        read.read_string(text)
    except (OSError, ValueError, configparser.Error) as error:
        yield of_error(path, OSError(0, " ".join(str(error).split())), getattr(error, "lineno", 1))
        return
    for name in FILES:
        value = read.get("pytest", f"bk7238_{name}", fallback="")
        if value:
            at = re.search(rf"^bk7238_{name}\b", text, re.MULTILINE)
            line = text.count("\n", 0, at.start() if at else 0) + 1
            yield from (LintFinding(path, line, f"bk7238_{name}: {what}") for what in _file(path, name, value))


def _other(_path: Path, _call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    yield from ()


def _device(path: Path, call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    for argument in call.args:
        yield argument, "it takes settings by name, as in image='full.bin'"
    for keyword in call.keywords:
        name = keyword.arg
        if name is None:
            continue
        if name not in OPTIONS and name not in _MORE:
            yield keyword.value, f"there is no setting {name!r}, but {', '.join(sorted([*OPTIONS, *_MORE]))}"
            continue
        known, value = _literal(keyword.value)
        if not known:
            continue
        if name in FILES and isinstance(value, str):
            yield from ((keyword.value, f"{name}: {what}") for what in _file(path, name, value))
        elif name in OPTIONS and name not in _PATHS:
            try:
                read_value(name, value)
                for fault in read_value(name, value) if name == "faults" else ():
                    check_fault(parse(str(fault)))
            except ValueError as error:
                yield keyword.value, str(error)


def _fault(_path: Path, call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    if call.keywords or not call.args:
        yield call, "it takes faults as texts, as in fault('network-stall@50%')"
    for argument in call.args:
        known, value = _literal(argument)
        if known:
            try:
                check_fault(parse(str(value)))
            except FaultError as error:
                yield argument, str(error)


def _literal(node: ast.expr) -> tuple[bool, Any]:
    """Whether it is known without running the test, and the value."""
    try:
        return True, ast.literal_eval(node)
    except ValueError:
        return False, None


def _file(path: Path, name: str, value: str) -> Iterator[str]:
    """What is wrong with a firmware that is named in this file; a vendor's that is not here is none of it."""
    places = [folder / value for folder in (Path(), *path.absolute().parents)]
    found = next((place for place in places if place.is_file()), resources.located(Path(value)))
    if not found.is_file():
        if value not in [one.file for one in firmware.manifest()]:
            yield f"{value}: no such file; name the {name} as it is seen from here{resources.NAMES}"
        return
    try:
        if name == "image":
            flash_image.read(found)
        else:
            yield from (f"{value}: {damage}; pack it anew" for damage in package.read(found).damage)
    except ValueError as error:
        yield str(error)
