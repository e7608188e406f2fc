"""How a command gives what it has made: a file that appears whole or not at all, and one line or object about it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from bk7238.cli.arguments import UsageError


def write(path: Path, data: bytes) -> None:
    """Write a file whole. Raises UsageError where that cannot be."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; name another file with -o") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def show(result: dict[str, Any], text: str, as_json: bool) -> None:
    """One line of JSON, or text for people."""
    print(json.dumps(result) if as_json else text)
