"""slice.c as machine code: the bytes in this package, or those that the host's own compiler makes of it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import mmap
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bk7238 import host_files, resources
from bk7238.engine.slice import machine_code


class Native:
    """Addresses of slice.c's functions for Unicorn's hooks, and the ones that the engine calls.

    `name` is `native` for the bytes of this package and `compiled` for what the host's compiler made. Raises OSError on
    a host that can neither run those bytes nor compile slice.c.
    """

    def __init__(self) -> None:
        try:
            self.name, entries = "native", _packaged()
        except OSError:
            self.name, entries = "compiled", _compiled()
        self.on_block = entries["on_block"]
        self.on_exception = entries["on_exception"]
        self.on_undefined = entries["on_undefined"]
        self.on_breakpoint = entries["on_breakpoint"]
        self.on_step = entries["on_step"]
        self.on_access = entries["on_access"]
        self.on_tlb_fill = entries["on_tlb_fill"]
        self.on_read, self.on_write, self.on_store = entries["on_read"], entries["on_write"], entries["on_store"]
        pointer, word = ctypes.c_void_p, ctypes.c_uint32
        self.run = ctypes.CFUNCTYPE(ctypes.c_int, pointer)(entries["run"])
        self.wake = ctypes.CFUNCTYPE(ctypes.c_int, pointer)(entries["wake"])
        self.enter = ctypes.CFUNCTYPE(None, pointer, word, word, word)(entries["enter"])
        self.settle = ctypes.CFUNCTYPE(ctypes.c_bool, pointer)(entries["settle"])
        self.place = ctypes.CFUNCTYPE(
            ctypes.c_bool, pointer, pointer, pointer, word, ctypes.c_char_p, word, ctypes.c_char_p, ctypes.c_char_p
        )(entries["place"])
        self.forget = ctypes.CFUNCTYPE(None, pointer, word, word)(entries["forget"])


_kept: list[object] = []  # code that Unicorn may call must never be unmapped


def _packaged() -> dict[str, int]:
    """Addresses of the functions in a copy of this package's bytes."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if machine == "x86_64":
        runs = os.name == "posix" and sys.platform not in ("cygwin", "msys")  # System V's calling convention
    else:
        # Not macOS: a thread there cannot run memory of MAP_JIT while it may write it, and while it may, Unicorn calls
        # these functions: from its translator, and when emu_start returns.
        runs = sys.platform in ("linux", "android")
    if not runs or machine not in machine_code.CODE or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise OSError("no machine code for this host")
    address = _executable(machine_code.CODE[machine])
    return {name: address + offset for name, offset in machine_code.ENTRIES[machine].items()}


def _executable(code: bytes) -> int:
    """The address of a copy of `code` that can be executed (written first, then made executable: never both)."""
    memory = mmap.mmap(-1, -(-len(code) // mmap.PAGESIZE) * mmap.PAGESIZE)
    memory.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    read_and_execute = 1 | 4  # with which Linux also makes the instruction cache see what was written
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(len(memory)), read_and_execute):
        raise OSError(ctypes.get_errno(), "this host does not let a process make memory executable")
    _kept.append(memory)
    return address


def _compiled() -> dict[str, int]:
    """Addresses of the functions in what the host's compiler makes, once: the library is kept in the user's cache."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise OSError("no C compiler on this host")
    source = Path(__file__).with_name("slice.c")
    command = [compiler, "-O2", "-shared", "-fPIC"]
    of_host = repr((sys.platform, platform.machine(), sys.maxsize, command)).encode() + _output(compiler, "--version")
    key = _digest(source.read_bytes() + of_host)
    cache = resources.cache()
    with contextlib.suppress(OSError):
        for library in cache.glob(f"slice-{key}-*.so") if cache else ():
            if library.stem.endswith(_digest(library.read_bytes())):
                return _loaded(library)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows deletes no library in use
        library = Path(folder) / "slice.so"
        _output(*command, str(source), "-o", str(library))
        functions = _loaded(library)
        with contextlib.suppress(OSError):
            if cache:
                made = library.read_bytes()
                cache.mkdir(parents=True, exist_ok=True)
                host_files.write_in(cache, f"slice-{key}-{_digest(made)}.so", made)
        return functions


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _output(*command: str) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True).stdout
    except subprocess.CalledProcessError as error:
        raise OSError(f"{command[0]} does not compile slice.c") from error


def _loaded(library: Path) -> dict[str, int]:
    loaded = ctypes.CDLL(str(library))
    _kept.append(loaded)
    try:
        functions = {name: getattr(loaded, name) for name in machine_code.ENTRIES["x86_64"]}
    except AttributeError as error:
        raise OSError(f"the compiler gives no {error.name} of slice.c away") from error
    return {name: ctypes.cast(function, ctypes.c_void_p).value or 0 for name, function in functions.items()}
