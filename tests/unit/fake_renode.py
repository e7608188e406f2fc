"""A Renode that executes no code: time passes from alarm to alarm, and a test says what the guest accesses.

It offers what the bridge in platform/ offers, so that the engine and the wiring are tested where there is no Renode.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bk7238.engine import renode_bridge, renode_host
from bk7238.engine.repl import load

NANOSECONDS_PER_INSTRUCTION = 33
TAKEN = (1,)  # ports of this machine


def address(function: Any) -> int:
    """Where a ctypes function lies."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


class Face:
    """A block: `drive` calls what it is wired to, as Renode's wires would."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.driven: list[tuple[int, bool]] = []
        self.sent = bytearray()
        self.Read: Callable[[int, int], int]
        self.Write: Callable[[int, int, int], None]
        self.Input: Callable[[int, int], None]
        self.ResetModel: Callable[[], None]
        self.Receive: Callable[[Any], None]
        self.host: Host
        self._drive = renode_bridge.LEVEL(lambda number, level: self.driven.append((number, bool(level))))

    def Connect(self, read: int, write: int, input: int) -> None:
        self.Read, self.Write = renode_bridge.READ(read), renode_bridge.WRITE(write)
        self.Input = renode_bridge.LEVEL(input)

    def DriveFunction(self) -> int:
        return address(self._drive)

    def Send(self, byte: int) -> None:
        self.sent.append(byte)

    def CreateHost(self, _cpu: object) -> Host:
        return self.host


class Host:
    """`script` is what the guest does: (nanosecond, action) pairs, done between alarms on the CPU's thread."""

    def __init__(self, memories: list[tuple[int, int]]) -> None:
        self.Alarm: Callable[[], None]
        self.Halted: Callable[[str], None]
        self.script: list[tuple[int, Callable[[], None]]] = []
        self.aborts_at: int | None = None
        self.hangs = False
        self.names: dict[str, list[str]] = {}
        self.named = False
        self.resets = 0
        self.stores = Face("stores")
        self.protected = 0
        self.debugger: int | None = None
        self._memory = {start: bytearray(size) for start, size in memories}
        self._now, self._alarm = 0, 1 << 62
        self._pause = threading.Event()
        self._thread: threading.Thread | None = None
        self._time = renode_bridge.TIME(lambda: self._now)
        self._arm = renode_bridge.ARM(self._set_alarm)

    def Connect(self, alarm: int, _enter: int, _leave: int) -> None:
        self.Alarm = renode_bridge.EVENT(alarm)

    def NowFunction(self) -> int:
        return address(self._time)

    def ArmFunction(self) -> int:
        return address(self._arm)

    def _set_alarm(self, nanoseconds: int) -> None:
        self._alarm = self._now + nanoseconds

    def NameRegisters(self, block: str, registers: str) -> None:
        self.names[block] = registers.splitlines()

    def NameRegistersInLog(self) -> None:
        self.named = True

    def Start(self) -> None:
        self._pause.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def IsStarted(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def RequestPause(self) -> None:
        self._pause.set()

    def Settle(self, milliseconds: int) -> bool:
        assert self._thread is not None
        self._thread.join(milliseconds / 1000)
        return not self._thread.is_alive()

    def Pause(self) -> None:
        self._pause.set()
        if self._thread is not None:
            self._thread.join(10)

    def ResetCpu(self) -> None:
        self.resets += 1

    def ProtectBelow(self, end: int) -> Face:
        self.protected = end
        return self.stores

    def StartGdbServer(self, port: int) -> None:
        if port in TAKEN:
            raise OSError(f"port {port} is taken")
        self.debugger = port

    def ExecutedInstructions(self) -> int:
        return self._now // NANOSECONDS_PER_INSTRUCTION

    def ProgramCounter(self) -> int:
        return 0x5000_0000 if self.aborts_at is not None else 0x100

    def Register(self, number: int) -> int:
        return number

    def ReadBytes(self, address: int, target: int, count: int) -> None:
        memory, at = self._find(address)
        ctypes.memmove(target, bytes(memory[at : at + count]), count)

    def WriteBytes(self, address: int, source: int, count: int) -> None:
        memory, at = self._find(address)
        memory[at : at + count] = ctypes.string_at(source, count)

    def _find(self, address: int) -> tuple[bytearray, int]:
        start = max(start for start in self._memory if start <= address)
        return self._memory[start], address - start

    def _run(self) -> None:
        if self.hangs:
            self._pause.wait()
            return
        while not self._pause.is_set():
            if self.script and self.script[0][0] <= self._alarm:
                time, action = self.script.pop(0)
                self._now = max(self._now, time)
                action()
            elif self.aborts_at is not None and self.aborts_at <= self._alarm:
                self._now = self.aborts_at
                self.Halted("Abort")
                return
            else:
                self._now, self._alarm = max(self._now, self._alarm), 1 << 62
                self.Alarm()
        self.Halted("Pause")


class Renode:
    """In the place of `renode_host.Renode`."""

    def __init__(self) -> None:
        self.lost: str | None = None
        self.machine: object = None
        self.kept: object = None
        self.script: Path | None = None
        self.gdb: int | None = None
        self.faces: dict[str, Face] = {}

    def load(self, platform: Path, devices: Iterable[Path] = ()) -> object:
        description = load(platform, *devices)
        host = Host([(memory.address, memory.size) for memory in description.memories])
        self.faces = {block.name: Face(block.name) for block in description.blocks}
        for face in self.faces.values():
            face.host = host
        self.host = host
        self.machine = object()
        return self.machine

    def answer(self, command: str) -> str:
        return f"answer to {command}\n"

    def log_to_console(self) -> None:
        pass

    def find(self, path: str) -> Any:
        name = path.removeprefix("sysbus.")
        return self.faces.get(name, name)


class Port:
    """In the place of `renode_bridge.NetworkPort`."""

    def __init__(self, face: Any, guard: Any) -> None:
        pass

    def send(self, frame: bytes) -> None:
        pass

    def on_frame(self, listener: Callable[[bytes], None]) -> None:
        pass


def install(monkeypatch: Any) -> Renode:
    """Let the engine find this Renode."""
    monkeypatch.setattr("bk7238.engine.renode.NetworkPort", Port)
    fake = Renode()
    monkeypatch.setattr(renode_host, "renode", lambda: fake)
    monkeypatch.setattr(renode_bridge, "delegate", lambda _kind, *_types: lambda function: function)
    monkeypatch.setattr("bk7238.engine.renode.delegate", lambda _kind, *_types: lambda function: function)
    return fake
