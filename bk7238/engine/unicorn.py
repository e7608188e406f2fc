"""The embedded engine: Unicorn executes, and everything else happens between slices of guest code.

A slice runs until the next event of the clock, an interrupt that can be taken, idling, or an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import unicorn

from bk7238.engine import interruption
from bk7238.engine.address_space import map_board
from bk7238.engine.clock import VirtualClock
from bk7238.engine.cpu import Cpu, CpuSnapshot
from bk7238.engine.engine import EngineError
from bk7238.engine.log import LogRecord, MachineLog
from bk7238.engine.memory import PAGE, SystemBus
from bk7238.engine.platform import Platform
from bk7238.engine.slice import IDLE_CHECK, Reason
from bk7238.engine.stops import BETWEEN, Halt, Stops
from bk7238.engine.storm import Storm, StormSnapshot
from bk7238.engine.wiring import Board, BoardSnapshot, wire
from bk7238.peripherals.core import ResetKind, Signal

_LONGEST_SLICE = 10_000_000  # ticks; so that the host's signals are heard
_SYSTEM_MODE = 0x1F
_LAST = int(Reason.WAITING)  # of the reasons that are no debugger's
UNDEFINED, PREFETCH, DATA = "undefined instruction", "prefetch abort", "data abort"


_STATE = ("_stopping", "_asleep", "_stopped", "_spinning", "_error", "_reset_kind", "powered", "_powers")


@dataclass(frozen=True)
class EngineSnapshot:
    """The window is shared in pages with other snapshots."""

    cpu: CpuSnapshot
    window: tuple[bytes, ...]
    memories: list[bytes]
    board: BoardSnapshot
    clock: int
    log: tuple[list[LogRecord], list[set[int]]]
    storm: StormSnapshot
    aborted_at: frozenset[tuple[str, int]]
    stand: str
    state: dict[str, Any]


class UnicornEngine:
    """A platform with its blocks on Unicorn. `seed` feeds every random source of the blocks."""

    name = "unicorn"

    def __init__(self, platform: Platform, seed: int = 0) -> None:
        memories = [(m.name, m.address, m.size) for m in platform.memories]
        self.cpu = Cpu(platform.cpu.cpu_type, memories, platform.memories.index(platform.window))
        self._slice = self.cpu.slice
        self._stopping = False
        self._asleep = False  # waits or idles: only an interrupt line makes it go on
        self._stopped = False  # the CPU has no clock: only a block makes it go on
        self._spinning = False  # a storm of exceptions rages: only an event can end it
        self._error: BaseException | None = None
        self._reset_kind: ResetKind | None = None
        self.powered = self._powers = True  # `_powers` from the next reset on
        self._aborted_at: set[tuple[str, int]] = set()
        self.on_reset = Signal()  # told the ResetKind
        self.on_crash = Signal()  # told what the guest did wrong; where one answers True it stops before it goes on
        self.on_storm = Signal()  # told of an exception that is a storm by now
        self.progress: Callable[[], object] = lambda: None
        self.storm = Storm(lambda: self.progress(), self.on_storm, self._slice)
        self.halt: Halt | None = None  # why the last `run` ended, where a debugger ended it
        self.clock = VirtualClock(platform.cpu.mips, self._now)
        self.clock.on_sooner = self._shorten
        self.cpu.let_recur(self.clock.schedule)
        self.log = MachineLog(lambda: self.clock.now, lambda: self._slice.block)
        self.bus = SystemBus(self.cpu.memories, self.cpu.window, on_write=self.cpu.memory_changed)
        self.board: Board = wire(
            platform,
            clock=self.clock,
            bus=self.bus,
            log=self.log.of,
            seed=seed,
            request_reset=self._request_reset,
            cpu_input=self._cpu_input,
            cpu_lines=self.cpu.lines_address,
            stop_cpu=self._stop_cpu,
        )
        self.spans = map_board(self.cpu, self.bus, self.board, self.log, self._failed)
        self.stops = Stops(self)
        self._reset(ResetKind.POWER_ON)

    # What a machine does with an engine

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return self._now() - int(self._slice.skipped)

    @property
    def stepping(self) -> str:
        """Which body of the slice functions serves: `native`, `compiled` or `python`. Results do not depend on it."""
        return self.cpu.stepping

    @property
    def entered(self) -> dict[tuple[str, str], tuple[int, int]]:
        """How often reads and writes had to ask a block, by the block's and the register's name; plain accesses are
        served natively, and where nothing is native none are counted."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for span in self.spans:
            for at, reads, writes in span.entered:
                block, offset = self.board.at(span.start + at) or (None, at)
                word = None if block is None else block.words.get(offset)
                name = ("bus" if block is None else block.name, f"{offset:#x}" if word is None else type(word).__name__)
                before = found.get(name, (0, 0))
                found[name] = before[0] + reads, before[1] + writes
        return found

    def run(self, until: int, instructions: int | None = None) -> None:
        """Run until the virtual microsecond `until`, until `instructions` were executed since power-on, until a
        callback calls `stop`, or until a debugger wants it (then `halt` says why).

        Raises what a block raised, EngineError for what the engine cannot carry out, and Interrupted.
        """
        end = until * self.clock.ticks_per_us
        self.halt = None
        self.cpu.settle()
        self._go_on(end, instructions)
        s, run_due = self._slice, self.clock.run_due
        while not self._stopping and self.halt is None:
            interruption.check()
            s.stop = 0
            run_due()
            if self._reset_kind is not None:
                self._reset(self._reset_kind)
            now = s.target - s.budget
            if self._stopping or now >= end or (instructions is not None and now - self._slice.skipped >= instructions):
                break
            asleep = self._asleep and not s.lines
            if not self.powered or self._stopped or self._spinning or (asleep and not self.cpu.may_wake):
                self._spinning = False
                self._skip(now, end)
            else:
                self._asleep = False
                self._run_slice(now, end, instructions, self.cpu.wake if asleep else self.cpu.run)
            if self._error is not None:
                self._raise()

    def _go_on(self, end: int, goal: int | None) -> None:
        """Finish what a debugger interrupted: the rest of a block, or the entry of an exception."""
        if self.stops.midway:
            self._shorten(end if goal is None else min(end, goal + self._slice.skipped))
            self.stops.resume()
            self._ended(self.cpu.run())
            self._raise()
            return
        self._stopping = False
        stood = self.stops.leave()
        if stood != BETWEEN:
            self._enter(stood)

    def stop(self) -> None:
        """End `run` at the next block of code. For callbacks; the rest of the current event still happens."""
        self._stopping = True
        self._slice.stop = 1

    def power_cycle(self) -> None:
        """Power off and on again at the next block of code: only the flash chip and the eFuse remember."""
        self._powers = True
        self._request_reset(ResetKind.POWER_ON)

    def power_off(self) -> None:
        """Power off at the next block of code, until `power_cycle`: time goes on without the device."""
        self._powers = False
        self._request_reset(ResetKind.POWER_ON)

    @property
    def ram(self) -> dict[int, bytes]:
        """What the memories hold that forget it without power, by their CPU addresses."""
        return {memory.address: bytes(memory.bytes) for memory in self.bus.rest}

    def fill_ram(self, content: dict[int, bytes]) -> None:
        """Put bytes there."""
        for address, data in content.items():
            self.bus.write(address, data)

    def register(self, name: str) -> int:
        """A register of the current mode: r0 to r15, sp, lr, pc, cpsr or spsr."""
        return self.cpu.register(name)

    # Snapshots and debugging

    @property
    def position(self) -> int:
        """Instructions executed since power-on, exact also within a block: what `goto` understands."""
        return self.instructions - (self.stops.rest if self.stops.midway else 0)

    @property
    def skipped(self) -> int:
        """Ticks since power-on during which the CPU slept."""
        return int(self._slice.skipped)

    def snapshot(self) -> EngineSnapshot:
        """A copy of all that decides how the run goes on, the flash chip excepted."""
        return EngineSnapshot(
            self.cpu.snapshot(),
            self.bus.window.pages(),
            [bytes(memory.bytes) for memory in self.bus.rest],
            self.board.snapshot(),
            self.clock.snapshot(),
            self.log.snapshot(),
            self.storm.snapshot(),
            frozenset(self._aborted_at),
            self.stops.stand,
            {name: getattr(self, name) for name in _STATE},
        )

    def restore(self, snapshot: EngineSnapshot) -> None:
        """Back to a snapshot of an engine like this; breakpoints stay. The next `run` goes on from there."""
        window = self.bus.window
        for offset in window.show(snapshot.window):
            self.cpu.drop_code(window.address + offset, PAGE)
        code_pages = self.cpu.code_pages
        for memory, content in zip(self.bus.rest, snapshot.memories, strict=True):
            for page in code_pages:
                at = page - memory.address
                if 0 <= at < memory.size and memory.bytes[at : at + PAGE] != content[at : at + PAGE]:
                    self.cpu.drop_code(page, PAGE)
            memory.bytes[:] = content
        self.clock.restore(snapshot.clock)
        self.board.restore(snapshot.board)
        self.log.restore(snapshot.log)
        self.storm.restore(snapshot.storm)
        self._aborted_at = set(snapshot.aborted_at)
        self.cpu.restore(snapshot.cpu)
        self.stops.restore(snapshot.stand)
        for name, value in snapshot.state.items():
            setattr(self, name, value)
        self.halt = None

    # Time

    def _now(self) -> int:
        """The current tick, also in the middle of a slice: a block counts when it is entered."""
        s = self._slice
        now: int = s.target - s.budget
        return now

    def _shorten(self, deadline: int) -> None:
        """Something was asked for that may be due before the running slice would end."""
        s = self._slice
        if deadline < s.target:
            self.aim(deadline, s.budget - (s.target - deadline))
        elif deadline < s.until:
            s.until = deadline

    def _skip(self, now: int, end: int) -> None:
        """The CPU sleeps: nothing will happen before the next event, so go there."""
        deadline = self.clock.next_deadline
        target = max(now, end if deadline is None else min(end, deadline))
        self._slice.skipped += target - now
        self.aim(target, 0)

    def aim(self, target: int, budget: int) -> None:
        """The slice may run for `budget` ticks, until tick `target`."""
        self._slice.target = self._slice.until = target
        self._slice.budget = budget

    # Slices

    def _run_slice(self, now: int, end: int, goal: int | None, run: Callable[[], int]) -> None:
        s = self._slice
        event, recurring = self.clock.next_ticks
        until = min(end, now + _LONGEST_SLICE, event)
        if goal is not None:
            until = min(until, goal + s.skipped)
        target = min(until, recurring)
        s.target, s.until, s.budget = target, until, target - now
        self._ended(run())

    def _ended(self, error: int) -> None:
        """A slice is over, with Unicorn's error or 0: see why."""
        reason = self._slice.reason
        if reason > _LAST or self._slice.attention:
            error, reason = self.stops.ended(error, reason)
        elif not (reason or error):  # at the deadline, as most often
            return
        if reason > _LAST:
            self.halt = self.stops.why(reason)
        elif error:
            self._abort(error)
        elif reason == Reason.WAITING:
            # The first wait in system mode is the idle task's: from now on, spinning on that stack is idling too.
            if not self._slice.idle_stack and self._slice.cpsr & 0x1F == _SYSTEM_MODE:
                self._slice.idle_stack = self.cpu.register("sp")
            self._asleep = True
        elif reason == Reason.IDLE:
            self._asleep = True
        elif reason == Reason.EXCEPTION:
            self._exception(self._slice.exception)
        elif reason == Reason.UNDEFINED:
            self._crashed(UNDEFINED)

    def _cpu_input(self, number: int, level: bool) -> None:
        bit = 1 << number
        self._slice.lines = self._slice.lines | bit if level else self._slice.lines & ~bit

    def _exception(self, number: int) -> None:
        """What the CPU raised by itself, by QEMU's number."""
        if number == 2:
            self._spinning = self.storm.call(self._slice.pc, self.instructions)
            self.cpu.software_interrupt()
        elif number in (3, 7):
            self._crashed(PREFETCH)
        elif number == 4:
            self._crashed(DATA)
        else:
            raise EngineError(f"the CPU raised exception {number} at {self._slice.pc:#010x}")

    def _abort(self, error: int) -> None:
        if self.cpu.is_prefetch_abort(error):
            self._crashed(PREFETCH)
        elif self.cpu.is_data_abort(error):
            self._crashed(DATA)
        else:
            raise EngineError(f"Unicorn ended at {self._slice.pc:#010x}: {unicorn.UcError(error)}")

    def _crashed(self, what: str) -> None:
        """The guest did what only an exception can follow."""
        self._note(what)
        self._spinning = self.storm.exception(what, self._slice.pc, self.instructions)
        if self.on_crash(what):
            self.stops.stand, self.halt = what, Halt("crash", what=what)
        else:
            self._enter(what)

    def _enter(self, what: str) -> None:
        {UNDEFINED: self.cpu.undefined, PREFETCH: self.cpu.prefetch_abort, DATA: self.cpu.data_abort}[what]()

    def _note(self, what: str) -> None:
        """Log an abort, once for each place: a guest can abort for ever."""
        if (what, self._slice.pc) not in self._aborted_at:
            self._aborted_at.add((what, self._slice.pc))
            self.log.add("warning", "cpu", f"{what} at {self._slice.pc:#010x}")

    def _raise(self) -> None:
        """What a block raised, once the block of code is through."""
        if self._error is not None and not self.stops.midway:
            error, self._error = self._error, None
            raise error

    def _failed(self, error: BaseException) -> None:
        """A block raised: end the slice, raise afterwards."""
        if self._error is None:
            self._error = error
        self._slice.stop = 1

    def _stop_cpu(self, stopped: bool) -> bool:
        """Let a block take the CPU's clock away from the next block of code on, or give it back."""
        self._stopped, self._slice.stop = stopped, 1
        return True

    # Reset

    def request_reset(self, kind: ResetKind) -> None:
        """Reset before the next block of code."""
        self._request_reset(kind)

    def _request_reset(self, kind: ResetKind) -> None:
        self._reset_kind = kind
        self._slice.stop = 1

    def _reset(self, kind: ResetKind) -> None:
        self._reset_kind = None
        self.powered, self._stopped = self._powers, False
        self.board.reset(kind)
        if kind is not ResetKind.WATCHDOG:
            self._slice.idle_check = IDLE_CHECK  # nothing is left of what came before, not even its order
            self.clock.renumber()
            for memory in self.bus.rest:  # the flash window shows the chip
                memory.clear()
                self.cpu.memory_changed(memory.address, memory.size)
        self.cpu.reset()
        self._asleep = self._spinning = False
        self.storm.calm()
        self.stops.leave()
        if self.powered:
            self.on_reset(kind)
