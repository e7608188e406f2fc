"""How a command gives what it has made: a file that appears whole or not at all, and one line or object about it."""

from __future__ import annotations

import json
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


def show(result: dict[str, Any], text: str, as_json: bool) -> None:
    """One line of JSON, or text for people."""
    print(json.dumps(result) if as_json else text)
