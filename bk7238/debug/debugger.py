"""A machine that is run, stopped and looked at: what the GDB server and its monitor verbs ask for.

Time stands still while the machine is stopped. It stops before an instruction; where the CPU sleeps, after the one
that sent it to sleep.
"""

from __future__ import annotations

from dataclasses import dataclass

from bk7238.debug.target import Target
from bk7238.debug.timeline import Timeline, Unwanted
from bk7238.engine.stops import Halt, Watch
from bk7238.faults.flash_operations import FlashOperations
from bk7238.machine import Machine
from bk7238.peripherals.core import ResetKind, Signal

SIGINT, SIGILL, SIGTRAP, SIGBUS = 2, 4, 5, 10
_CHUNK = 20_000  # virtual microseconds between two looks at the client
_FAR = 2048  # instructions, more than a block of code has
_REPORTS = 3  # of crashes at which it does not stop
_SLEEP = 1_000_000  # virtual microseconds that one instruction may take


@dataclass(frozen=True)
class Stop:
    """Why the machine stands: a signal as GDB counts them, and what Halt says of it. `begin`: the history begins."""

    signal: int = SIGTRAP
    halt: Halt | None = None
    begin: bool = False


class Debugger:
    """Holds the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.flash_operations = FlashOperations.of(machine)
        self.timeline = Timeline(machine)
        self.engine = self.timeline.engine
        self.stops = self.engine.stops
        self.target = Target(machine)
        self._own: set[int] = set()
        self.client_breaks: set[int] = set()  # addresses at which GDB has a breakpoint
        self.catching = True  # stop where the guest crashes
        self.attached = False
        self.on_crash = Signal()
        self._reported = 0
        self.engine.on_crash.connect(self._crashed)
        machine.dead_end.on_end.connect(self._ended)

    # Running

    def run_some(self) -> Stop | None:
        """Run for a little virtual time. None where nothing stopped it."""
        self.timeline.about_to_run()
        self.engine.run(self.machine.now + _CHUNK)
        return self._stop()

    def step(self) -> Stop:
        """Execute one instruction."""
        self.timeline.about_to_run()
        self.stops.step(self.machine.now + _SLEEP)
        return self._stop() or Stop()

    def interrupt(self) -> Stop:
        """Stop now: before the next instruction, or asleep."""
        if not self.stops.midway:
            self.stops.settle(self.machine.now + 1)
        return Stop(SIGINT)

    def _stop(self) -> Stop | None:
        halt = self.engine.halt
        if halt is None:
            return None
        if halt.reason in ("crash", "dead-end"):
            return Stop(SIGILL if "undefined instruction" in halt.what else SIGBUS, halt)
        return Stop(SIGTRAP, halt)

    def _crashed(self, what: str) -> bool:
        if self.timeline.replaying:
            return False
        stops = self.catching and self.attached
        if stops or self._reported < _REPORTS:
            self._reported += not stops
            self.on_crash(what)
        return stops

    def _ended(self, why: str) -> None:
        if not self.timeline.replaying:
            self.engine.halt = Halt("dead-end", what=why)

    def reset(self, kind: ResetKind) -> None:
        """Reset the chip, and stand at its first instruction."""
        self.timeline.changed()
        self.stops.leave()
        self.engine.request_reset(kind)
        self.stops.settle(self.machine.now + _SLEEP)

    # Backwards

    def step_back(self) -> Stop:
        """Go back by one instruction."""
        try:
            return Stop(begin=not self.timeline.back())
        except Unwanted:
            return self.interrupt()

    def run_back(self) -> Stop:
        """Go back to where a breakpoint or watchpoint was hit last, or to the beginning."""
        try:
            return self._run_back()
        except Unwanted:
            return self.interrupt()

    def _run_back(self) -> Stop:
        halt = self.timeline.back_to_stop()
        if halt is not None and halt.watch is not None:
            # GDB steps back once more, to see the value change: stand behind the instruction that makes the access.
            if halt.late:
                self._find_write(halt.watch)
            self.timeline.goto(self.timeline.position + 1)
        return Stop(halt=halt, begin=halt is None)

    def _find_write(self, watch: Watch) -> None:
        """Go back to the instruction that made a block write: not far, as the block of code is the same."""
        here, after = self.timeline.position, self.engine.bus.read(watch.address, watch.length)
        while self.timeline.back():
            if self.engine.bus.read(watch.address, watch.length) != after:
                return
            if here - self.timeline.position > _FAR:
                break
        self.timeline.goto(here)

    # Stops

    def set_own_break(self, address: int) -> None:
        """A breakpoint that no client takes away."""
        self._own.add(address & ~1)
        self.stops.add_breakpoint(address & ~1)

    def clear_own_break(self, address: int) -> None:
        """Take away a breakpoint that `set_own_break` set."""
        self._own.discard(address & ~1)
        self._clear(address & ~1)

    def forget_stops(self) -> None:
        """The client's breakpoints and watchpoints go."""
        self.client_breaks.clear()
        self.stops.clear()
        for address in self._own:
            self.stops.add_breakpoint(address)

    def set_break(self, address: int) -> None:
        """Set a breakpoint of GDB's; bit 0 of the address is ignored."""
        self.client_breaks.add(address & ~1)
        self.stops.add_breakpoint(address & ~1)

    def clear_break(self, address: int) -> None:
        """Take a breakpoint of GDB's away."""
        self.client_breaks.discard(address & ~1)
        self._clear(address & ~1)

    def _clear(self, address: int) -> None:
        if address not in self._own | self.client_breaks:
            self.stops.remove_breakpoint(address)

    def set_watch(self, address: int, length: int, *, read: bool, write: bool) -> None:
        """Watch `length` bytes from a CPU address on."""
        self.stops.add_watch(Watch(address, max(1, length), read, write))

    def clear_watch(self, address: int, length: int, *, read: bool, write: bool) -> None:
        """Take a watchpoint of GDB's away."""
        self.stops.remove_watch(Watch(address, max(1, length), read, write))
