"""How a command gives what it has made: a file that appears whole or not at all, and one line or object about it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.cli.arguments import UsageError


def write(path: Path, data: bytes) -> None:
    """Write a file whole. Raises UsageError where it has to be another file, OSError where the host fails."""
    try:
        host_files.write(path, data)
    except OSError as error:
        if host_files.is_hosts(error):
            raise
        raise UsageError(f"{path}: {error.strerror}; name another file with -o") from None


def refuse_those_there(folder: Path, names: Iterable[str]) -> None:
    """Raises UsageError where one of these is in the folder already."""
    there = [name for name in names if os.path.lexists(folder / name)]
    if there:
        raise UsageError(f"{folder / there[0]} is there already; name another folder with -o, or move it away")


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts into a folder by their names, and say so. Raises UsageError where it has to be another folder,
    OSError where the host fails."""
    for name, text in texts.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            host_files.write_in(path.parent, path.name, text)
        except OSError as error:
            if host_files.is_hosts(error):
                raise
            raise UsageError(f"{path.parent}: {error.strerror or error}; name another folder with -o") from None
        print(f"wrote {path}")


def show(result: dict[str, Any], text: str, as_json: bool) -> None:
    """One line of JSON, or text for people."""
    print(json.dumps(result) if as_json else text)
