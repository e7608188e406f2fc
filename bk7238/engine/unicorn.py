"""The embedded engine: Unicorn executes, and everything else happens between slices of guest code.

A slice runs until the next event of the clock, an interrupt that can be taken, idling, or an exception.
"""

from __future__ import annotations

from collections.abc import Callable

import unicorn

from bk7238.engine.address_space import map_board
from bk7238.engine.clock import Clock
from bk7238.engine.cpu import Cpu
from bk7238.engine.engine import EngineError
from bk7238.engine.log import MachineLog
from bk7238.engine.memory import Memory, SystemBus
from bk7238.engine.platform import Platform
from bk7238.engine.slice import Reason
from bk7238.engine.wiring import Board, wire
from peripherals.core import ResetKind

_LONGEST_SLICE = 3_000_000  # ticks; so that the host's signals are heard
_SYSTEM_MODE = 0x1F


class UnicornEngine:
    """A platform with its blocks on Unicorn. `seed` feeds every random source of the blocks."""

    name = "unicorn"

    def __init__(self, platform: Platform, seed: int = 0) -> None:
        memories = [Memory(m.name, m.address, m.size) for m in platform.memories]
        self.cpu = Cpu(memories)
        self._slice = self.cpu.slice
        self._target = 0  # the tick at which the slice's budget is used up
        self._skipped = 0
        self._stopping = False
        self._asleep = False  # waits or idles: only an interrupt line makes it go on
        self._error: BaseException | None = None
        self._reset_kind: ResetKind | None = None
        self._aborted_at: set[tuple[str, int]] = set()
        self.on_reset: list[Callable[[ResetKind], None]] = []
        self.clock = Clock(platform.cpu.mips, self._now)
        self.clock.on_sooner = self._shorten
        self.log = MachineLog(lambda: self.clock.now, lambda: self._slice.block)
        self.bus = SystemBus(memories, on_write=self.cpu.memory_changed)
        self.board: Board = wire(
            platform,
            clock=self.clock,
            bus=self.bus,
            log=self.log.of,
            seed=seed,
            request_reset=self._request_reset,
            cpu_input=self._cpu_input,
        )
        map_board(self.cpu, self.board, self.log, self._failed)
        self._reset(ResetKind.POWER_ON)

    # What a machine does with an engine

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return self._now() - self._skipped

    @property
    def stepping(self) -> str:
        """Which body of the slice functions serves: `native` or `python`. Results do not depend on it."""
        return self.cpu.stepping

    def run(self, until: int) -> None:
        """Run until the virtual microsecond `until`, or until a callback calls `stop`.

        Raises what a block raised, and EngineError for what the engine cannot carry out.
        """
        end = until * self.clock.ticks_per_us
        self._stopping = False
        while not self._stopping:
            self._slice.stop = 0
            self.clock.run_due()
            if self._reset_kind is not None:
                self._reset(self._reset_kind)
            if self._stopping or self._now() >= end:
                break
            if self._asleep and not self._slice.lines:
                self._skip(end)
            else:
                self._asleep = False
                self.cpu.take_interrupt()
                self._run_slice(end)
            if self._error is not None:
                error, self._error = self._error, None
                raise error

    def stop(self) -> None:
        """End `run` at the next block of code. For callbacks; the rest of the current event still happens."""
        self._stopping = True
        self._slice.stop = 1

    def power_cycle(self) -> None:
        """Power off and on again at the next block of code: only the flash chip and the eFuse remember."""
        self._request_reset(ResetKind.POWER_ON)

    def register(self, name: str) -> int:
        """A register of the current mode: r0 to r15, sp, lr, pc, cpsr or spsr."""
        return self.cpu.register(name)

    # Time

    def _now(self) -> int:
        """The current tick, also in the middle of a slice: a block counts when it is entered."""
        return self._target - self._slice.budget

    def _shorten(self, deadline: int) -> None:
        """An event was scheduled that is due before the running slice would end."""
        if deadline < self._target:
            self._slice.budget -= self._target - deadline
            self._target = deadline

    def _skip(self, end: int) -> None:
        """The CPU sleeps: nothing will happen before the next event, so go there."""
        now = self._now()
        deadline = self.clock.next_deadline
        target = max(now, end if deadline is None else min(end, deadline))
        self._skipped += target - now
        self._target, self._slice.budget = target, 0

    # Slices

    def _run_slice(self, end: int) -> None:
        now = self._now()
        deadline = self.clock.next_deadline
        target = min(end, now + _LONGEST_SLICE, end if deadline is None else deadline)
        self._target, self._slice.budget = target, target - now
        error = self.cpu.run()
        reason = self._slice.reason
        if error:
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
            self._note("undefined instruction")
            self.cpu.undefined()

    def _cpu_input(self, number: int, level: bool) -> None:
        bit = 1 << number
        self._slice.lines = self._slice.lines | bit if level else self._slice.lines & ~bit

    def _exception(self, number: int) -> None:
        """What the CPU raised by itself, by QEMU's number."""
        if number == 2:
            self.cpu.software_interrupt()
        elif number in (3, 7):
            self._note("prefetch abort")
            self.cpu.prefetch_abort()
        elif number == 4:
            self._note("data abort")
            self.cpu.data_abort()
        else:
            raise EngineError(f"the CPU raised exception {number} at {self._slice.pc:#010x}")

    def _abort(self, error: int) -> None:
        if self.cpu.is_prefetch_abort(error):
            self._note("prefetch abort")
            self.cpu.prefetch_abort()
        elif self.cpu.is_data_abort(error):
            self._note("data abort")
            self.cpu.data_abort()
        else:
            raise EngineError(f"Unicorn ended at {self._slice.pc:#010x}: {unicorn.UcError(error)}")

    def _note(self, what: str) -> None:
        """Log an abort, once for each place: a guest can abort for ever."""
        if (what, self._slice.pc) not in self._aborted_at:
            self._aborted_at.add((what, self._slice.pc))
            self.log.add("warning", "cpu", f"{what} at {self._slice.pc:#010x}")

    def _failed(self, error: BaseException) -> None:
        """A block raised: end the slice, raise afterwards."""
        if self._error is None:
            self._error = error
        self._slice.stop = 1

    # Reset

    def _request_reset(self, kind: ResetKind) -> None:
        self._reset_kind = kind
        self._slice.stop = 1

    def _reset(self, kind: ResetKind) -> None:
        self._reset_kind = None
        for block in self.board:
            block.reset(kind)
        if kind is ResetKind.POWER_ON:
            for memory in self.bus.memories[1:]:  # the first is the flash window, which shows the chip
                memory.clear()
                self.cpu.memory_changed(memory.address, memory.size)
        self.cpu.reset()
        self._asleep = False
        for listener in self.on_reset:
            listener(kind)
