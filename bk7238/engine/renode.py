"""The second engine: a real Renode executes, the models are the same.

Renode's CPU thread runs the guest and calls the models; the thread that called `run` sleeps meanwhile. One timer of
Renode's virtual time stands for the whole event queue: it is set to the next event, and at least to the next beat,
by which the sleeping thread sees that the guest still runs.

Whatever goes wrong on Renode's thread is kept, the guest is stopped, and `run` raises it.

Renode's own monitor, or a debugger, can start and pause the guest as well: then events happen, resets are carried out,
and what goes wrong is logged.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bk7238.engine import interruption, renode_host
from bk7238.engine.clock import VirtualClock
from bk7238.engine.engine import EngineError
from bk7238.engine.log import MachineLog
from bk7238.engine.memory import window_stores
from bk7238.engine.platform import DeviceEntry
from bk7238.engine.renode_bridge import (
    ARM,
    ENTER,
    EVENT,
    LEAVE,
    LEVEL,
    READ,
    TIME,
    WRITE,
    Functions,
    NetworkPort,
    RenodeBus,
    attach,
    delegate,
    drop_thread_state,
    keep_thread_state,
)
from bk7238.engine.repl import load
from bk7238.engine.wiring import Board, wire
from bk7238.peripherals.core import Peripheral, ResetKind, Signal

T = TypeVar("T")

NANOSECONDS = 1000  # ticks of the clock in a microsecond
_NEVER = 1 << 62
BEAT = 50_000_000  # virtual nanoseconds
PATIENCE = 60.0  # host seconds without a beat
SETTLE = 10_000  # host milliseconds in which a requested pause must come
REGISTERS = {f"r{n}": n for n in range(16)} | {"sp": 13, "lr": 14, "pc": 15, "cpsr": 25}


class NotInRenode(EngineError, AttributeError):
    """What only the embedded engine has."""


class RenodeEngine:
    """A platform with its blocks in Renode. `seed` feeds every random source of the blocks.

    `host_limit` is how many host seconds one `run` may take, `patience` how many it may show no progress. There is one
    machine at a time: a new engine ends the one before. Raises EngineError where Renode cannot be had.
    """

    name = "renode"
    powered = True

    def __init__(self, platform: Path, seed: int = 0, devices: Sequence[Path | DeviceEntry] = ()) -> None:
        self.patience = PATIENCE
        self.host_limit = float(os.environ.get("BK7238_HOST_LIMIT") or "inf")
        self.on_reset = Signal()
        self.on_storm = Signal()  # never told: Renode shows no exceptions
        self.progress: Callable[[], object] = lambda: None
        self._platform = load(platform, *devices)
        self._renode = renode_host.renode()
        self._machine = self._renode.load(platform, [one for one in devices if isinstance(one, Path)])
        self._host = self._make_host()
        self._now: Callable[[], int] = TIME(self._host.NowFunction())
        self._arm_host: Callable[[int], None] = ARM(self._host.ArmFunction())
        self._functions = Functions()
        self._end = _NEVER
        self._beats = 0
        self._awaited = False  # somebody is in `run`
        self._running = False  # and has let the guest run
        self._pausing = False
        self._alarming = False
        self._stopping = False
        self._error: BaseException | None = None
        self._reset_kind: ResetKind | None = None
        self._halted = threading.Event()
        self._halt_reason = ""
        self.clock = VirtualClock(NANOSECONDS, self._now)
        self.clock.on_sooner = self._sooner
        self.log = MachineLog(lambda: self.clock.now, lambda: int(self._host.ProgramCounter()))
        self.bus = RenodeBus(self._platform.memories, self._host)
        self.board = self._make_board(seed)

    # What a machine does with an engine

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return int(self._host.ExecutedInstructions())

    def run(self, until: int) -> None:
        """Run until the virtual microsecond `until`, or until a callback calls `stop`.

        Raises what a block raised, EngineError where the CPU gave up, Renode hangs or the host's time is over, and
        Interrupted.
        """
        self._check_current()
        if self._host.IsStarted():
            self._host.Pause()  # Renode's monitor has started the guest
        end = until * NANOSECONDS
        give_up = time.monotonic() + self.host_limit
        self._stopping = False
        self._awaited = True
        try:
            while not self._stopping:
                if self._reset_kind is not None:
                    self._reset(self._reset_kind)
                if self._error is None and (self.clock.ticks >= end or not self._go(end, give_up)):
                    break
                if self._error is not None:
                    error, self._error = self._error, None
                    raise error
        finally:
            self._awaited = False

    def stop(self) -> None:
        """End `run` at this instruction. For callbacks."""
        self._stopping = True
        self._pause()

    def power_cycle(self) -> None:
        """Power off and on again: only the flash chip and the eFuse remember."""
        self._request_reset(ResetKind.POWER_ON)

    def power_off(self) -> None:
        """Refuse: here a device that has lost its power has it back at once."""
        raise EngineError(f"the engine {self.name} leaves no device without power: let the power cut have no `back`")

    def request_reset(self, kind: ResetKind) -> None:
        """Reset before the next block of code."""
        self._request_reset(kind)

    @property
    def ram(self) -> dict[int, bytes]:
        """Refuse: RAM that keeps something is a matter of the embedded engine."""
        raise EngineError(f"the engine {self.name} forgets its RAM with the power: let the power cut have no `ram`")

    def fill_ram(self, _content: dict[int, bytes]) -> None:
        """Refuse likewise."""
        raise EngineError(f"the engine {self.name} takes no RAM")

    def register(self, name: str) -> int:
        """A register of the current mode: r0 to r15, sp, lr, pc or cpsr. Renode shows no spsr: EngineError."""
        if name.lower() not in REGISTERS:
            raise EngineError(f"Renode shows no register {name!r}; it shows {', '.join(REGISTERS)}")
        return int(self._host.Register(REGISTERS[name.lower()]))

    def name_registers(self) -> None:
        """Let Renode's log call registers by name: in the logs that are opened after this."""
        for name, block in self.board.items():
            self._host.NameRegisters(name, "\n".join(f"{offset} {text}" for offset, text in _registers(block)))
        self._host.NameRegistersInLog()

    def port(self, name: str) -> NetworkPort:
        """The network face of a block, such as `wifi`: what a Renode switch is connected to."""
        return NetworkPort(self._renode.find(f"sysbus.{name}"), self._guard)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotInRenode(
            f"the Renode engine has no `{name}`: snapshots, sweeps and `bk7238 gdb` are the embedded engine's; "
            "Renode's own debugger is reached with `bk7238 monitor`"
        )

    # Running

    def _go(self, end: int, give_up: float) -> bool:
        """Let the guest run until tick `end` or until something pauses it; answers whether that was the engine."""
        self._end = end
        self._halted.clear()
        self._pausing = False
        self._halt_reason = ""
        self._running = True
        self._arm()
        try:
            self._host.Start()
            self._wait(give_up)
        except BaseException:
            if self._renode.lost is None:
                self._host.Pause()
            raise
        finally:
            self._running = False
            self._end = _NEVER
        if self._halt_reason == "Abort":
            self._host.Pause()
            self._raise_abort()
        elif not self._host.Settle(SETTLE):
            self._host.Pause()
        return self._pausing

    def _wait(self, give_up: float) -> None:
        """Sleep until the CPU has halted. Touches nothing of .NET: the CPU's thread needs Python meanwhile."""
        beats, seen = self._beats, time.monotonic()
        while not self._halted.wait(0.5):
            interruption.check()
            now = time.monotonic()
            if self._beats != beats:
                beats, seen = self._beats, now
            elif now - seen > self.patience:
                self._renode.lost = "a run did not come back"
                raise EngineError(
                    f"Renode made no progress for {self.patience:g} s of host time: a model or Renode hangs"
                )
            if now > give_up:
                raise EngineError(f"the guest still runs after {self.host_limit:g} s of host time")

    def _on_halted(self, reason: str) -> None:
        if reason in ("Pause", "Abort"):  # a debugger's halts are its own matter
            self._halt_reason = self._halt_reason or reason
            self._halted.set()

    def _raise_abort(self) -> None:
        pc = int(self._host.ProgramCounter())
        inside = any(m.address <= pc < m.address + m.size for m in self._platform.memories)
        raise EngineError(f"the CPU gave up at {pc:#010x}{'' if inside else ', where there is no memory'}")

    def _pause(self) -> bool:
        """Pause the guest, and answer whether it was running."""
        if not self._running and not self._host.IsStarted():
            return False
        self._pausing = True
        self._host.RequestPause()
        return True

    # Events

    def _on_alarm(self) -> None:
        self._beats += 1
        self._alarming = True
        try:
            self.clock.run_due()
        finally:
            self._alarming = False
        if self._running and self.clock.ticks >= self._end:
            self._pause()
        else:
            self._arm()

    def _arm(self) -> None:
        now = self.clock.ticks
        deadline = self.clock.next_deadline
        target = min(now + BEAT, self._end, self._end if deadline is None else deadline)
        self._arm_host(max(1, target - now))

    def _sooner(self, _deadline: int) -> None:
        if not self._alarming:
            self._arm()

    def _guard(self, function: Callable[..., T], otherwise: T) -> Callable[..., T]:
        def guarded(*arguments: Any) -> T:
            try:
                return function(*arguments)
            except BaseException as error:
                self._failed(error)
                return otherwise

        return guarded

    def _failed(self, error: BaseException) -> None:
        if not self._awaited:  # Renode's monitor has started the guest
            self.log.add("error", "engine", f"{type(error).__name__}: {error}")
        elif self._error is None:
            self._error = error
        self._pause()

    # Reset

    def _request_reset(self, kind: ResetKind) -> None:
        self._reset_kind = kind
        awaited = self._awaited
        if self._pause() and not awaited:
            threading.Thread(target=self._reset_and_go_on, daemon=True).start()

    def _reset_and_go_on(self) -> None:
        """Renode's monitor has started the guest, which asked for a reset."""
        if self._host.Settle(SETTLE) and self._reset_kind is not None:
            self._reset(self._reset_kind)
            self._host.Start()

    def _reset(self, kind: ResetKind) -> None:
        self._reset_kind = None
        self.board.reset(kind)
        if kind is not ResetKind.WATCHDOG:
            for memory in self.bus.memories:
                if memory.address:  # the flash window shows the chip
                    self.bus.clear(memory)
        self._host.ResetCpu()
        self.on_reset(kind)

    # Making the machine

    def _make_host(self) -> Any:
        first = self._platform.blocks[0].name
        cpu = self._renode.find(f"sysbus.{self._platform.cpu.name}")
        host = self._renode.find(f"sysbus.{first}").CreateHost(cpu)
        if self._renode.gdb is not None:
            try:
                host.StartGdbServer(self._renode.gdb)
            except Exception as failure:  # .NET's
                said = renode_host.first_line(failure)
                raise EngineError(f"Renode opens no GDB server on port {self._renode.gdb}: {said}") from failure
        return host

    def _make_board(self, seed: int) -> Board:
        made = wire(
            replace(self._platform, wires=()),  # Renode has wired them, from the same file
            clock=self.clock,
            bus=self.bus,
            log=self.log.of,
            seed=seed,
            request_reset=self._request_reset,
            cpu_input=lambda _number, _level: None,
        )
        board = Board(self._platform, dict(made.items()))
        attach(self._platform, board.__getitem__, self._renode.find, self._guard, self._functions)
        window = self._platform.window
        self._host.ProtectBelow(window.address + window.size).Connect(
            self._functions.address(READ, lambda _offset, _width: 0),
            self._functions.address(WRITE, self._guard(window_stores(self.bus, window.address, self.log), None)),
            self._functions.address(LEVEL, lambda _number, _level: None),
        )
        self._renode.kept = self._functions  # for as long as there is the machine, even where nobody has this engine
        self._host.Connect(
            self._functions.address(EVENT, self._guard(self._on_alarm, None)),
            self._functions.address(ENTER, keep_thread_state),
            self._functions.address(LEAVE, drop_thread_state),
        )
        self._host.Halted = delegate("Action", "String")(self._guard(self._on_halted, None))
        self._arm()
        return board

    def _check_current(self) -> None:
        if self._renode.lost is not None:
            raise EngineError(f"this process has lost its Renode ({self._renode.lost}): start another process")
        if self._renode.machine is not self._machine:
            raise EngineError("a newer machine has taken this one's place in Renode: one process runs one at a time")


def _registers(block: Peripheral) -> Iterator[tuple[int, str]]:
    """Byte offset and name of each register, those of an array with their index."""
    for name, registers in block.registers.items():
        for index, register in enumerate(registers):
            yield register.at + index * register.stride, name if len(registers) == 1 else f"{name}[{index}]"
