"""Files of the host: all that is written to one appears whole or not at all, and none is read without a limit.

What a user names is theirs: links are followed, and a device or a pipe is written to. In a folder that we fill others
may have put anything: a link there is replaced and never followed. docs/security.md says which files these are.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

BINARY = 64 << 20
TEXT = 1 << 20
RESULTS = 256 << 20
"""How many bytes are read: of an image, a package or a served file; of a description or a scenario; of what tools made
(a saved run or sweep, a journal, an ELF)."""

# Where the host has it, without waiting for a pipe that nobody fills
_TO_READ = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))

_HOSTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EPIPE)


def is_hosts(error: OSError) -> bool:
    """Whether it is the host that failed, such as by a full disk, and not the name of a file."""
    return error.errno in _HOSTS


def write(path: Path, data: bytes) -> None:
    """Write what a user named: the file that it leads to is replaced, a device or a pipe is written to. Raises OSError
    with the path."""
    with _named(path):
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                stream.write(data)
        else:
            _replace(Path(os.path.realpath(path)), data)


def write_in(folder: Path, name: str, data: bytes | bytearray | str) -> None:
    """Write a file of a folder that we fill, in the place of whatever has this name there. Raises OSError with the
    path."""
    with _named(folder / name):
        _replace(folder / name, data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)


def create_in(folder: Path, name: str) -> BinaryIO:
    """A new file in such a folder, for what is written bit by bit. It and what is returned raise OSError with the
    path."""
    path = folder / name
    with _named(path):
        path.unlink(missing_ok=True)
        return io.BufferedWriter(_Growing(path, "xb"))


class _Growing(io.FileIO):
    """A file whose errors of writing have its path."""

    def write(self, data: Any) -> int:
        """Write some of the data, and return how many bytes."""
        with _named(Path(os.fsdecode(self.name))):
            return super().write(data)


def lock(folder: Path) -> int:
    """Have a folder for ourselves until the handle that is returned is closed. Raises BlockingIOError where another has
    it. Where the host or the file system has no locks, nothing is locked."""
    try:
        import fcntl
    except ImportError:
        return os.open(os.devnull, os.O_RDONLY)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:
        pass
    return handle


def open_to_read(path: Path, limit: int) -> BinaryIO:
    """A regular file of up to `limit` bytes. Raises OSError whose `strerror` says what it is instead."""
    handle = os.open(path, _TO_READ)
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "a device or a pipe, and only files are read", str(path))
        _check(path, found.st_size, limit)
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read(path: Path, limit: int) -> bytes:
    """The bytes of a regular file, `limit` at most. Raises OSError whose `strerror` says what it is instead."""
    with open_to_read(path, limit) as stream:
        data = stream.read(limit + 1)
    _check(path, len(data), limit)
    return data


def _check(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise OSError(errno.EINVAL, f"more than the {limit:,} bytes that are read of such a file", str(path))


def _replace(path: Path, data: bytes | bytearray) -> None:
    """Write a regular file beside the path and put it there."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name[:100])
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(beside, _mode(path))
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    if path.is_file() and not path.is_symlink():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of writing with the path that was meant."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
