"""The one Renode of this process: found, loaded through pyrenode3, and asked for machines.

A process can hold one Renode and cannot unload it, so a new machine clears away the one before. pyrenode3 and Renode
are looked for only when somebody asks for them; `doctor` tells what is missing.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bk7238 import chip, resources
from bk7238.engine import interruption
from bk7238.engine.engine import EngineError

RELEASE = "1.16.1"  # of Renode, and the commit of pyrenode3: what the tests have been run on
DOWNLOAD = (
    f"https://github.com/renode/renode/releases/download/v{RELEASE}/renode-{RELEASE}.linux-portable-dotnet.tar.gz"
)
PYRENODE3 = "git+https://github.com/antmicro/pyrenode3@dde4a47660ef1b8874a91ed514a0bd04b33a5add"
BRIDGE = "Beken.cs"
MACHINE = "bk7238"
SOURCES = ("PYRENODE_BIN", "PYRENODE_PKG", "PYRENODE_BUILD_DIR")
INSTALLED = Path("/opt/renode")  # where pyrenode3 looks when none of these is set
LOG_LEVEL = 3  # Renode's number for errors; what is below belongs to the machine's own log
REMEDY = "`bk7238 doctor` says what to install"

_renode: Renode | None = None
_apart_from_others = False
_leaving = False
T = TypeVar("T")


def missing(environment: Mapping[str, str] = os.environ) -> str | None:
    """What keeps Renode from being loaded here, in a few words; None where nothing does that can be seen from here."""
    for module in ("pyrenode3", "pythonnet"):
        if importlib.util.find_spec(module) is None:
            return f"the Python package {module} is not installed"
    named = [name for name in SOURCES if environment.get(name)]
    if len(named) > 1:
        return f"{' and '.join(named)} are both set"
    if not named:
        return None if (INSTALLED / "bin").is_dir() else f"none of {', '.join(SOURCES)} names a Renode"
    if not Path(environment[named[0]]).exists():
        return f"{named[0]} names {environment[named[0]]}, which does not exist"
    if named[0] == "PYRENODE_BIN" and runtime(environment) == "mono":
        return "PYRENODE_BIN is a .NET build and needs PYRENODE_RUNTIME=coreclr"
    return None


def runtime(environment: Mapping[str, str] = os.environ) -> str:
    """The .NET runtime that pyrenode3 will load: `mono` or `coreclr`."""
    return environment.get("PYRENODE_RUNTIME") or "mono"


def renode() -> Renode:
    """The Renode of this process, loaded at the first call. Raises EngineError where it cannot be had."""
    global _renode
    if _renode is None:
        lack = missing()
        if lack is not None:
            raise EngineError(f"Renode cannot be used: {lack}; {REMEDY}")
        try:
            with _quiet(), _apart():
                _renode = Renode()
            interruption.reclaim()  # .NET has handlers of its own
        except (Exception, SystemExit) as error:  # pyrenode3 leaves by sys.exit where it finds no binaries
            raise EngineError(f"Renode cannot be loaded: {first_line(error)}; {REMEDY}") from error
    return _renode


def loaded() -> bool:
    """Whether this process holds a Renode."""
    return _renode is not None


def beside(function: Callable[..., T], *arguments: Any) -> Future[T]:
    """Call something of Renode's on a thread of its own: Python's handlers of signals do not run while the main thread
    is in .NET. Returns what it will answer or raise, to be waited for within `interruption.at_once`."""
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


def leave(status: int) -> None:
    """End a process that holds a Renode, with this exit status; one that holds none, or whose .NET was loaded by
    somebody else, goes on.

    .NET is not taken down in order, which takes ten seconds; everybody else's `atexit` is carried out.
    """
    global _leaving
    if loaded() and _apart_from_others and not _leaving:
        _leaving = True
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # closed, or there is none
                stream.flush()
        os._exit(status)


@contextmanager
def _apart() -> Iterator[None]:
    """What is registered with `atexit` in here is passed over where `leave` ends the process."""
    global _apart_from_others
    pythonnet = sys.modules.get("pythonnet")
    _apart_from_others = pythonnet is None or pythonnet.get_runtime_info() is None
    handlers: list[Callable[[], object]] = []

    def collect(function: Callable[..., T], *arguments: Any, **more: Any) -> Callable[..., T]:
        handlers.append(partial(function, *arguments, **more))
        return function

    def take_down() -> None:
        while handlers and not _leaving:
            handlers.pop()()

    register = atexit.register
    atexit.register = collect  # type: ignore[assignment]
    try:
        yield
    finally:
        atexit.register = register
        atexit.register(take_down)


class Renode:
    """A loaded Renode. What is below it is untyped: .NET objects through pythonnet."""

    def __init__(self) -> None:
        if runtime() == "mono":
            # Without this, mono's garbage collector and Python's interpreter lock wait for each other.
            os.environ.setdefault("MONO_THREADS_SUSPEND", "preemptive")
        wrappers = importlib.import_module("pyrenode3.wrappers")
        self._to_class = importlib.import_module("pyrenode3.conversion").interface_to_class
        self._emulation = wrappers.Emulation()
        self.monitor = wrappers.Monitor()
        self.lost: str | None = None
        self.machine: Any = None
        self.kept: object = None  # what the machine calls
        self.script: Path | None = None  # what makes machines, where it is not this class
        self.gdb: int | None = None  # the port of the GDB server of machines
        self.execute(f"logLevel {LOG_LEVEL}")

    @property
    def version(self) -> str:
        """Of the assembly that carries Renode's own, such as 1.16.1."""
        for assembly in importlib.import_module("System").AppDomain.CurrentDomain.GetAssemblies():
            name = assembly.GetName()
            if name.Name == "Renode":
                return f"{name.Version.Major}.{name.Version.Minor}.{name.Version.Build}"
        return "of unknown version"

    def execute(self, command: str) -> str:
        """Carry out a command of Renode's monitor and answer what it printed. Raises EngineError where it failed, and
        Interrupted."""
        interruption.check()
        try:
            output, error = self.monitor.execute(command)
        except Exception as failure:  # .NET's
            raise EngineError(f"Renode refused {command!r}: {first_line(failure)}") from failure
        if error and error.strip():
            raise EngineError(f"Renode refused {command!r}: {' '.join(error.split())[:400]}")
        return str(output)

    def answer(self, command: str) -> str:
        """Carry out a command and answer what Renode said, refusals included."""
        try:
            output, error = self.monitor.execute(command)
        except Exception as failure:  # .NET's; the monitor goes on
            return f"{type(failure).__name__}: {first_line(failure)}\n"
        return f"{output or ''}{error or ''}".replace("\r", "").strip("\n") + "\n" if command else ""

    def load(self, platform: Path, devices: Iterable[Path] = ()) -> Any:
        """A new machine from a platform description, instead of the one before, with what further descriptions hang on
        it. Raises EngineError."""
        if self.lost is not None:
            raise EngineError(f"this process has lost its Renode ({self.lost}): start another process")
        self._emulation.clear()
        self.monitor.interaction.Clear()
        if self.script is not None:
            self._run_script(self.script)
        else:
            self.include(resources.platform() / BRIDGE)
            self.machine = self._emulation.add_mach(MACHINE).internal
            self.monitor.internal.Machine = self.machine
            self.execute(f"machine LoadPlatformDescription {_path(platform)}")
        for description in devices:
            self.execute(f"machine LoadPlatformDescription {_path(description)}")
        if refused := " ".join(self.monitor.interaction.GetError().split()):  # what statements in `init:` say
            raise EngineError(f"Renode refused a statement of {(self.script or platform).name}: {refused[:400]}")
        return self.machine

    def log_to_console(self) -> None:
        """Print Renode's own log, from information on: analyzers without windows write there."""
        logging_ = importlib.import_module("Antmicro.Renode.Logging")
        if not logging_.Logger.GetBackends().ContainsKey("console"):
            logging_.Logger.AddBackend(logging_.ConsoleBackend.Instance, "console")
        self.execute("logLevel 1")

    def _run_script(self, script: Path) -> None:
        importlib.import_module("pyrenode3.inits").XwtInit()  # analyzers get windows where this host and build have any
        said = self.execute(f"include {_path(script)}")
        self.machine = self.monitor.internal.Machine
        if self.machine is None or "error" in said.lower():
            raise EngineError(f"Renode could not carry out {script.name}: {' '.join(said.split())[:400]}")

    def include(self, source: Path) -> None:
        """Have Renode compile a C# file; one that it knows already it does not compile again."""
        self.execute(f"include {_path(source)}")

    def find(self, path: str) -> Any:
        """A part of the machine by its path, such as `sysbus.uart1`, as an object of its own class."""
        return self._to_class(self.machine[path])


@contextmanager
def _quiet() -> Iterator[None]:
    """pyrenode3 warns about every mono; what matters of that, `doctor` says."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _path(path: Path) -> str:
    """A path as the monitor reads it."""
    return "@" + str(path.resolve()).replace(" ", "\\ ")


def first_line(error: BaseException) -> str:
    """What an exception says, .NET's without its stack."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


def probe(platform: Path) -> dict[str, str]:
    """What was found: `version` and `runtime`, or the `problem` with Renode, the bridge or this description."""
    try:
        host = renode()
        host.load(platform)
    except EngineError as error:
        return {"problem": str(error)}
    return {"version": host.version, "runtime": runtime()}


def main() -> None:
    """Load all that an engine needs of Renode and print what was found, one line for machines: for `doctor`, which asks
    in a process of its own."""
    print(json.dumps(probe(chip.usual().board)))
    leave(0)


if __name__ == "__main__":
    main()
