"""The file of a run: a head that says what it is and what it was made with, and behind it a snapshot.

The head is readable whatever comes behind it, so that a file of another version is refused in one line. Its `made_of`
is for whoever put the machine together: they get it back, make the same again, and restore the snapshot.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

import bk7238
from bk7238 import host_files, resources
from bk7238.formats.plain import Data
from bk7238.machine.snapshot import Snapshot, SnapshotError

VERSION = 1
_MAGIC = b"bk7238 run\n"  # and behind it the SHA-256 of the rest
_DIGEST = hashlib.sha256().digest_size
_PACKAGE = Path(bk7238.__file__).parent
_APART = ("cli/", "data/", "debug/", "peripherals/", "sweep/report/")  # they decide nothing, or are listed apart


class _Head(msgspec.Struct, frozen=True):
    version: int  # of this format
    made_with: str  # what has to be the same where the run goes on
    made_of: Data


class _File(msgspec.Struct, frozen=True):
    head: _Head
    body: bytes


@cache
def versions() -> str:
    """The versions of all that decides where a run ends. Of this project also a digest of its files, which change
    more often."""
    digest = hashlib.sha256()
    for folder in (_PACKAGE, _PACKAGE / "peripherals", resources.platform()):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".repl", ".toml")):
            name = path.relative_to(folder).as_posix()
            if not name.startswith(_APART):
                digest.update(f"{name}\n".encode() + path.read_bytes())
    return f"bk7238-sim {bk7238.__version__} ({digest.hexdigest()[:8]}), unicorn {version('unicorn')}"


def pack(snapshot: Snapshot, made_of: Data) -> bytes:
    """The file's bytes."""
    body = zlib.compress(msgspec.msgpack.encode(snapshot.pack()), 1)
    content = msgspec.msgpack.encode(_File(_Head(VERSION, versions(), made_of), body))
    return _MAGIC + hashlib.sha256(content).digest() + content


def unpack(data: bytes, name: str) -> tuple[Data, Snapshot]:
    """What a file was made of, and its snapshot. Raises SnapshotError for one that is damaged, or was
    saved by what this installation cannot go on with."""
    file = _read(data, name)
    if file.head.made_with != versions():
        raise SnapshotError(f"{name}: saved with {file.head.made_with}, this is {versions()}: run it anew")
    with refusing(name):
        return file.head.made_of, Snapshot.unpack(msgspec.msgpack.decode(_inflated(file.body)))


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """SnapshotError, with the file's name, for what goes wrong while its content is put to use: a right SHA-256 says
    that nothing was changed since, not that we wrote it."""
    try:
        yield
    except SnapshotError as error:
        raise error if str(error).startswith(f"{name}: ") else SnapshotError(f"{name}: {error}") from None
    except Exception as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise SnapshotError(f"{name}: the run in it cannot go on here ({what})") from error


def _inflated(data: bytes) -> bytes:
    """The content of a body, which may be as large as a file may be. Raises SnapshotError for more, or for less than
    all."""
    inflater = zlib.decompressobj()
    content = inflater.decompress(data, host_files.RESULTS)
    if not inflater.eof:
        raise SnapshotError("the snapshot is damaged (it is cut off, or too large)")
    return content


def _read(data: bytes, name: str) -> _File:
    if not data.startswith(_MAGIC):
        raise SnapshotError(f"{name}: this is no saved run")
    digest, content = data[len(_MAGIC) :][:_DIGEST], data[len(_MAGIC) + _DIGEST :]
    if hashlib.sha256(content).digest() != digest:
        raise SnapshotError(f"{name}: the saved run is damaged, its SHA-256 is another: run it anew")
    try:
        file = msgspec.msgpack.decode(content, type=_File)
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"{name}: the saved run is damaged ({error})") from None
    if file.head.version != VERSION:
        raise SnapshotError(f"{name}: a saved run of format {file.head.version}, known here is {VERSION}: run it anew")
    return file
