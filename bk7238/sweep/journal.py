"""What a sweep has found so far, on disk: one line a point, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bk7238.sweep.point import Outcome, from_json
from bk7238.sweep.subject import Subject


class JournalError(ValueError):
    """A journal of something else; the message is one line."""


def fingerprint(subject: Subject) -> str:
    """Of all that decides where a point ends."""
    job = subject.job
    settings = repr(sorted((name, repr(value)) for name, value in vars(job.settings).items()))
    whole = hashlib.sha256(job.image.data + job.package.data + f"{settings}{subject.NAME}".encode())
    return whole.hexdigest()[:16]


class Journal:
    """A file of outcomes. Without a path it is in memory alone. Raises JournalError for one of another sweep."""

    def __init__(self, path: Path | None, subject: Subject) -> None:
        self.path = path
        self.outcomes: dict[str, Outcome] = {}
        self._mark = {"sweep": fingerprint(subject)}
        if path is not None and path.exists():
            self._read(path)
        elif path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self._mark) + "\n")

    def add(self, found: list[Outcome]) -> None:
        """Keep these, at once on disk."""
        self.outcomes.update({one.id: one for one in found})
        if self.path is not None:
            with self.path.open("a") as file:
                file.write("".join(json.dumps(one.as_json()) + "\n" for one in found))

    def _read(self, path: Path) -> None:
        lines = path.read_text().splitlines(keepends=True)
        try:
            if not lines or json.loads(lines[0]) != self._mark:
                raise JournalError(f"{path}: the journal of another sweep; name another file or remove it")
            whole = [line for line in lines[1:] if line.endswith("\n")]  # the last one may have been cut
            self.outcomes = {one.id: one for one in map(from_json, map(json.loads, whole))}
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise JournalError(f"{path}: no journal of a sweep: {error}") from None
        if len(whole) < len(lines) - 1:
            path.write_text("".join([lines[0], *whole]))
