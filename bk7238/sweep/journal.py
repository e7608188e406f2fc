"""What a sweep has found so far, on disk: one line a point, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bk7238 import host_files
from bk7238.faults import FaultError, all_kinds, parse
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Outcome
from bk7238.sweep.reading import decode, encode

_OTHER = "name another file with --journal"


class JournalError(ValueError):
    """A journal of something else, or none, or one that cannot be written; the message is one line."""


def fingerprint(plan: Plan) -> str:
    """A digest of all that decides where a point ends."""
    job = plan.job
    settings = repr(sorted((name, repr(value)) for name, value in vars(job.settings).items()))
    deciding = repr(plan.deciding) if plan.deciding else ""
    whole = hashlib.sha256(job.image.data + job.package.data + f"{settings}{plan.NAME}{deciding}".encode())
    return whole.hexdigest()[:16]


class Journal:
    """A file of outcomes. Without a path it is in memory alone. Raises JournalError for one of another sweep."""

    def __init__(self, path: Path | None, plan: Plan) -> None:
        self.path = path
        self.outcomes: dict[str, Outcome] = {}
        self._mark = _Fingerprint(fingerprint(plan))
        if path is not None:
            self._open(path)

    def add(self, found: list[Outcome]) -> None:
        """Keep these, at once on disk. Raises JournalError where the disk does not take them."""
        self.outcomes.update({one.id: one for one in found})
        if self.path is not None:
            with _said(self.path), self.path.open("a") as file:
                file.write("".join(encode(one) + "\n" for one in found))

    def _open(self, path: Path) -> None:
        written = _read(path)
        if written is None:
            with _said(path):
                host_files.write(path, f"{encode(self._mark)}\n".encode())
            return
        if written.mark != self._mark:
            raise JournalError(f"{path}: the journal of another sweep; name another file or remove it")
        self.outcomes = {one.id: one for one in written.outcomes}
        with _said(path), path.open("r+b") as file:
            file.truncate(written.whole)
            file.seek(written.whole - 1)
            if file.read(1) != b"\n":  # it ended with the first line
                file.write(b"\n")


def check(path: Path | None) -> None:
    """Whether there is a journal, or can be one, whatever sweep it is of. Writes nothing. Raises JournalError."""
    if path is not None:
        _read(path)


class _Fingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: the fingerprint of the sweep."""

    sweep: str


@dataclass(frozen=True)
class _Written:
    """A file: its first line, the others, and how many of its bytes these are."""

    mark: _Fingerprint | None
    outcomes: list[Outcome]
    whole: int


def _read(path: Path) -> _Written | None:
    """The file, read; None where there is none yet. Raises JournalError."""
    data = _data(path)
    if data is None:
        return None
    first, _, rest = data.partition(b"\n")
    *lines, cut = rest.split(b"\n")  # the process may have been killed while it wrote the last one
    try:
        mark = decode(first, _Fingerprint) if data else None
    except ValueError as error:
        raise JournalError(f"{path}, line 1: no journal of a sweep: {error}; {_OTHER}") from None
    return _Written(mark, [_outcome(path, place, line) for place, line in enumerate(lines, 2)], len(data) - len(cut))


def _outcome(path: Path, place: int, line: bytes) -> Outcome:
    try:
        found = decode(line, Outcome)
        for number, fault in enumerate(found.silent):
            if not _known(fault):
                raise ValueError(f"Expected a fault - at `$.silent[{number}]`")
        return found
    except ValueError as error:
        raise JournalError(
            f"{path}, line {place}: no outcome of a sweep: {error}; remove the line, or {_OTHER}"
        ) from None


def _known(fault: str) -> bool:
    """Whether there is such a fault: the report says when it would have fired."""
    try:
        return parse(fault).kind in all_kinds()
    except FaultError:
        return False


def _data(path: Path) -> bytes | None:
    """The bytes of the file; None where there is none but could be. Raises JournalError."""
    with _said(path):
        try:
            path.stat()
        except FileNotFoundError:
            with tempfile.TemporaryFile(dir=path.parent):
                return None
        data = host_files.read(path, host_files.RESULTS)
        with path.open("r+b"):  # it is written to later
            return data


@contextmanager
def _said(path: Path) -> Generator[None]:
    """An error of the file system in a line; where it is the host that failed, it stays an OSError."""
    try:
        yield
    except OSError as error:
        if host_files.is_hosts(error):
            raise OSError(error.errno, error.strerror, str(path)) from None
        remedy = f"make its folder first, or {_OTHER}" if isinstance(error, FileNotFoundError) else _OTHER
        raise JournalError(f"{path}: {error.strerror or error}; {remedy}") from None
