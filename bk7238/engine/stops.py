"""Where a debugger stops the engine: breakpoints, watched memory and registers, single steps.

A stop lies before an instruction of a block that has been entered and counted, so that there is one place for each
number of instructions, and the run that goes on from there is the one that was never stopped. Breakpoints are hooks
that Unicorn translates into the code at their addresses: the rest of the code does not know them.

All that a debugger has to do with how the engine goes on is here. Where the CPU stands is one state: BETWEEN blocks, as
whenever it runs, WITHIN one, or before the entry of an exception, by whose name the state goes. What is wanted of a
slice (`Attention`) follows from what a debugger is about: RESUME and PASS say how it begins, STEP and SEARCH how it may
end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unicorn import unicorn_const as uc_const

from bk7238.engine.address_space import GRANULE, Reader, Span, Writer
from bk7238.engine.slice import Attention, Reason

if TYPE_CHECKING:
    from bk7238.engine.unicorn import UnicornEngine

BETWEEN, WITHIN = "between blocks", "within a block"

HALTS = (Reason.BREAKPOINT, Reason.STEPPED, Reason.WATCHED)
_READ, _WRITE = uc_const.UC_MEM_READ, uc_const.UC_MEM_WRITE
_THUMB = 0x20


@dataclass(frozen=True)
class Watch:
    """`length` bytes at a CPU address, of memory or of registers."""

    address: int
    length: int
    read: bool
    write: bool

    def overlaps(self, address: int, length: int) -> bool:
        """Whether an access of `length` bytes at `address` touches it."""
        return address < self.address + self.length and self.address < address + length


@dataclass(frozen=True)
class Halt:
    """Why a run ended: `breakpoint`, `step`, `watch` (with the watch, and whether it was written), `crash`, or
    `dead-end` (the guest gets nowhere any more).

    A watch stops before the access; `late`: behind it, as it was a block that wrote.
    """

    reason: str
    watch: Watch | None = None
    written: bool = False
    late: bool = False
    what: str = ""


class Stops:
    """The stops of one engine."""

    def __init__(self, engine: UnicornEngine) -> None:
        self._engine, self._cpu, self._slice = engine, engine.cpu, engine.cpu.slice
        self.breakpoints: dict[int, int] = {}  # hooks by address
        self.watches: dict[Watch, int | None] = {}  # hooks; None: registers
        self.stand = BETWEEN
        self._stepping = self._passing_by = False
        self._search: Callable[[int, Halt], None] | None = None  # told of positions instead of stopping there
        self._wrapped: list[tuple[Span, int, tuple[int, Reader], tuple[int, Writer]]] = []
        self._again = False  # the access of a register that was put off is made again
        self._noticed: Halt | None = None  # something that is no instruction's doing: stop at the next one

    # What a debugger asks for

    def add_breakpoint(self, address: int) -> None:
        """Stop before the instruction at a CPU address, whatever comes to stand there."""
        if address not in self.breakpoints:
            self.breakpoints[address] = self._cpu.break_at(address)

    def remove_breakpoint(self, address: int) -> None:
        """Take a breakpoint away, if there is one."""
        hook = self.breakpoints.pop(address, None)
        if hook is not None:
            self._cpu.unhook(hook, address)

    def add_watch(self, watch: Watch) -> None:
        """Stop before accesses. What blocks write (DMA, a changed flash) stops before the next instruction."""
        if watch in self.watches:
            return
        hook = None
        if self._in_memory(watch):
            hook = self._cpu.watch(watch.address, watch.length, read=watch.read, write=watch.write)
        self.watches[watch] = hook
        self._wrap()

    def remove_watch(self, watch: Watch) -> None:
        """Take a watchpoint away, if it is set."""
        if watch in self.watches:
            hook = self.watches.pop(watch)
            if hook is not None:
                self._cpu.unhook(hook)
            self._wrap()

    def clear(self) -> None:
        """As if there had never been a debugger."""
        for address in list(self.breakpoints):
            self.remove_breakpoint(address)
        for watch in list(self.watches):
            self.remove_watch(watch)

    @contextmanager
    def passing_by(self, found: Callable[[int, Halt], None] | None) -> Iterator[None]:
        """Stop nowhere; tell `found` of the positions of stops. Those of watched registers end a run nevertheless:
        call `tell` then, and go on."""
        self._passing_by, self._search = True, found
        self._slice.hit_tick = -1
        self._attend()
        try:
            yield
        finally:
            self._passing_by, self._search = False, None
            self._attend()

    def tell(self) -> None:
        """A run has ended while passing by: tell of it where it was a stop."""
        halt = self._engine.halt
        if self._search is not None and halt is not None and halt.reason == "watch":
            self._search(self._engine.position, halt)

    def leave(self) -> str:
        """The CPU will go on with a block, or with the handler of the exception before whose entry it stood. Returns
        where it stood."""
        stood, self.stand = self.stand, BETWEEN
        return stood

    def restore(self, stand: str) -> None:
        """The engine went back to a snapshot: what it stands before there has not been stopped at yet."""
        self.stand = stand
        self._again, self._noticed = False, None
        self._slice.attention, self._slice.watched = 0, self._engine.bus.on_watched is not None
        self._attend()

    def settle(self, until: int) -> None:
        """Go on to the next instruction that will be executed, if the CPU does not stand before one."""
        if not self.midway:
            self._one(until)

    def step(self, until: int) -> None:
        """Execute one instruction. Ends before the next, or at microsecond `until` where the CPU sleeps."""
        self.settle(until)
        if self.midway:
            self._one(until, self.pc + self.width if self.rest > 1 else None)

    def next_block(self, until: int) -> None:
        """Go on to the first instruction of the next block."""
        self._one(until)

    def reach(self, address: int, until: int) -> None:
        """Go on to the instruction at `address` of the block in which the CPU stands."""
        self._one(until, address)

    def _one(self, until: int, address: int | None = None) -> None:
        hook = None if address is None else self._cpu.break_at(address, step=True)
        self._stepping = True
        self._attend()
        try:
            self._engine.run(until)
        finally:
            self._stepping = False
            self._attend()
            if hook is not None:
                self._cpu.unhook(hook, address)

    # Where the CPU stands

    @property
    def midway(self) -> bool:
        """Whether the CPU stands before an instruction of a block that has been entered."""
        return self.stand == WITHIN

    @property
    def pc(self) -> int:
        """The CPU address of the next instruction."""
        return self._cpu.register("pc")

    @property
    def width(self) -> int:
        """Bytes of an instruction."""
        return 2 if self._cpu.register("cpsr") & _THUMB else 4

    @property
    def rest(self) -> int:
        """How many instructions of the block are still to be executed."""
        return int(self._slice.block + self._slice.size - self.pc & 0xFFFF_FFFF) // self.width

    # What the engine asks

    def resume(self) -> None:
        """The engine is about to run the rest of a block."""
        s, self.stand = self._slice, BETWEEN
        s.attention |= Attention.RESUME
        if not self._passing_by:
            s.pass_ = s.pc
            s.attention |= Attention.PASS

    def ended(self, error: int, reason: int) -> tuple[int, int]:
        """A slice ended that a debugger had to do with."""
        s = self._slice
        if reason == Reason.LONGER:
            end = s.block + s.size & 0xFFFF_FFFF
            error, reason = self._cpu.run_until(end), s.reason
            if reason == Reason.WAITING and s.pc == end and not error:
                reason = Reason.STOPPED
        s.attention &= ~(Attention.RESUME | Attention.PASS)
        self._attend()
        if reason == Reason.WATCHED:
            self._undo()
        if self._search is not None and s.hit_tick >= 0:
            self._search(s.hit_tick - self._engine.skipped - s.hit_rest, self._hit())
        s.hit_tick = -1
        self.stand = WITHIN if reason in HALTS else BETWEEN
        return error, reason

    def why(self, reason: int) -> Halt:
        """Why the slice ended, for one of HALTS."""
        noticed, self._noticed = self._noticed, None
        self._attend()
        if reason == Reason.WATCHED:
            return self._hit()
        if noticed is not None and reason == Reason.STEPPED:
            return noticed
        return Halt("breakpoint" if reason == Reason.BREAKPOINT else "step")

    def _hit(self) -> Halt:
        s = self._slice
        if not s.hit_kind:
            return Halt("breakpoint")
        written = s.hit_kind == _WRITE
        return Halt("watch", self._watch_at(s.hit_address, s.hit_size, written), written)

    def _attend(self) -> None:
        """Tell the slice how it may end. How it is to begin it has been told, or has done already."""
        wanted = self._slice.attention & (Attention.RESUME | Attention.PASS)
        if self._stepping or self._noticed is not None:
            wanted |= Attention.STEP
        if self._passing_by:
            wanted |= Attention.SEARCH
        self._slice.attention = wanted

    # Watching

    def _in_memory(self, watch: Watch) -> bool:
        try:
            self._engine.bus.find(watch.address, watch.length)
        except ValueError:
            return False
        return True

    def _watch_at(self, address: int, length: int, written: bool) -> Watch | None:
        for watch in self.watches:
            if watch.overlaps(address, length) and (watch.write if written else watch.read):
                return watch
        return None

    def _undo(self) -> None:
        """Unicorn has carried the store out, and will again."""
        s = self._slice
        if s.hit_kind == _WRITE and s.hit_size:
            try:
                memory = self._engine.bus.find(s.hit_address, s.hit_size)
            except ValueError:
                return
            at = s.hit_address - memory.address
            memory.bytes[at : at + s.hit_size] = s.hit_old.to_bytes(8, "little")[: s.hit_size]

    def _wrap(self) -> None:
        """Put ourselves between the CPU and the watched registers, and between the bus and the memories."""
        for span, index, reader, writer in reversed(self._wrapped):
            span.readers[index], span.writers[index] = reader, writer
            span.watch(index, False)
        self._wrapped.clear()
        for watch, hook in self.watches.items():
            if hook is not None:
                continue
            for span in self._engine.spans:
                for start in range(max(span.start, watch.address // GRANULE * GRANULE), span.end, GRANULE):
                    if watch.overlaps(start, GRANULE):
                        self._wrap_granule(span, (start - span.start) // GRANULE)
        written = any(watch.write for watch in self.watches)
        self._engine.bus.on_watched, self._slice.watched = self._bus_writes if written else None, written

    def _wrap_granule(self, span: Span, index: int) -> None:
        (base, reader), (_, writer) = span.readers[index], span.writers[index]
        self._wrapped.append((span, index, (base, reader), (base, writer)))
        span.readers[index] = base, self._watched_reader(span.start + base, reader)
        span.writers[index] = base, self._watched_writer(span.start + base, writer)
        span.watch(index, True)

    def _watched_reader(self, base: int, reader: Reader) -> Reader:
        return lambda offset, width: 0 if self._put_off(base + offset, width, _READ) else reader(offset, width)

    def _watched_writer(self, base: int, writer: Writer) -> Writer:
        def write(offset: int, value: int, width: int) -> None:
            if not self._put_off(base + offset, width, _WRITE):
                writer(offset, value, width)

        return write

    def _put_off(self, address: int, width: int, kind: int) -> bool:
        """Whether an access of a register must wait: Unicorn makes it again when it goes on."""
        if self._passing_by and self._search is None:
            return False
        if self._watch_at(address, width, kind == _WRITE) is None:
            return False
        self._again = not self._again
        if not self._again:
            return False
        s = self._slice
        s.hit_address, s.hit_size, s.hit_kind = address, width, kind
        s.reason = Reason.WATCHED
        self._cpu.uc.emu_stop()
        return True

    def _bus_writes(self, address: int, data: bytes) -> None:
        watch = self._watch_at(address, len(data), True)
        if self._passing_by and self._search is None:
            return
        if watch is None or self._engine.bus.read(address, len(data)) == data:
            return
        self._noticed = Halt("watch", watch, True, late=True)
        self._slice.stop = 1
        self._attend()
