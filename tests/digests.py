"""The digests of the documented demonstrations and sweeps (digests.json): what is to be run, and what comes of it.

The command line itself is run. `scripts/bench --check` compares all of them, `--check --write` writes what it finds.
"""

from __future__ import annotations

import io
import json
import shlex
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

from bk7238 import resources
from bk7238.cli import main

FILE = Path(__file__).with_name("digests.json")


@dataclass(frozen=True)
class Entry:
    """A run of the command line: `verb`, the names of its files, its options, and the digest of what comes of it. `set`
    is that of the tests in which it is compared."""

    name: str
    verb: str
    image: str
    package: str
    options: list[str]
    digest: str
    set: str = "quick"

    def files(self) -> list[Path] | None:
        """Where its files are; None where one of them is nowhere."""
        found = [find(self.image), find(self.package)]
        return [path for path in found if path] if all(found) else None

    def found(self) -> str:
        """The digest of a run of now. Raises ValueError where there is none."""
        files = self.files()
        if files is None:
            raise ValueError(f"{self.image} or {self.package} is nowhere (see `bk7238 firmware list`)")
        words = [self.verb, *map(str, files), *self.options, "--json"]
        with redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()) as said:
            status = main(words)
        try:
            return str(json.loads(printed.getvalue())["digest"])
        except (ValueError, KeyError):
            raise ValueError(f"{shlex.join(words)} ended with {status}: {said.getvalue().strip()}") from None


def entries() -> list[Entry]:
    """All of the file, in its order."""
    return [Entry(**entry) for entry in json.loads(FILE.read_text())]


def write(entries: list[Entry]) -> None:
    """Write the file anew, a line for each entry."""
    lines = [json.dumps({name: value for name, value in asdict(one).items() if value != "quick"}) for one in entries]
    FILE.write_text("[\n" + ",\n".join(f" {line}" for line in lines) + "\n]\n")


def find(name: str) -> Path | None:
    own = resources.reference() / name
    return own if own.is_file() else resources.find_image(name)
