"""The embedded engine: Unicorn executes, and everything else happens between slices of guest code.

A slice runs until the next event of the clock, an interrupt that can be taken, idling, or an exception. The CPU's
interrupt lines, exceptions and resets are done here by hand, because Unicorn has none of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import unicorn
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc_const
from unicorn.unicorn_py3.unicorn import uclib

from bk7238.engine import slice as slices
from bk7238.engine.clock import Clock
from bk7238.engine.engine import EngineError
from bk7238.engine.log import MachineLog
from bk7238.engine.memory import Memory, SystemBus
from bk7238.engine.repl import Platform
from bk7238.engine.slice import Reason, Slice
from bk7238.engine.wiring import Board, wire
from peripherals.core import ResetKind

_PAGE = 0x1000
_END = 1 << 32
_SINK = _END - _PAGE  # where nothing stands
_GRANULE = 0x40  # blocks stand on multiples of this within a page
_LONGEST_SLICE = 3_000_000  # ticks; so that the host's signals are heard
_IRQ, _FIQ = 1, 2

# Modes with the masks that entering them sets, and vectors
_SVC, _ABORT, _UNDEFINED = 0x13 | 0x80, 0x17 | 0x80, 0x1B | 0x80
_VECTOR = {"undefined": 0x04, "swi": 0x08, "prefetch abort": 0x0C, "data abort": 0x10}
_RESET_CPSR = 0xD3

_FETCH_ERRORS = {uc_const.UC_ERR_FETCH_UNMAPPED, uc_const.UC_ERR_FETCH_PROT, uc_const.UC_ERR_FETCH_UNALIGNED}
_DATA_ERRORS = {
    uc_const.UC_ERR_READ_UNMAPPED,
    uc_const.UC_ERR_READ_PROT,
    uc_const.UC_ERR_READ_UNALIGNED,
    uc_const.UC_ERR_WRITE_UNMAPPED,
    uc_const.UC_ERR_WRITE_PROT,
    uc_const.UC_ERR_WRITE_UNALIGNED,
}

_Read = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_void_p)
_Write = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_uint64, ctypes.c_void_p)


class _TlbEntry(ctypes.Structure):
    _fields_ = (("paddr", ctypes.c_uint64), ("perms", ctypes.c_int))


_TlbFill = ctypes.CFUNCTYPE(
    ctypes.c_bool,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_int,
    ctypes.POINTER(_TlbEntry),
    ctypes.c_void_p,
)


class UnicornEngine:
    """A platform with its blocks on Unicorn. `seed` feeds every random source of the blocks."""

    name = "unicorn"

    def __init__(self, platform: Platform, seed: int = 0) -> None:
        self._functions = slices.functions()
        self._slice = Slice()
        self._slice.idle_check = slices.IDLE_CHECK
        self._at = ctypes.addressof(self._slice)
        self._target = 0  # the tick at which the slice's budget is used up
        self._skipped = 0
        self._stopping = False
        self._asleep = False  # waits or idles: only an interrupt line makes it go on
        self._error: BaseException | None = None
        self._reset_kind: ResetKind | None = None
        self._code_pages: set[int] = set()
        self._filled_for = 0  # the access that the TLB was last filled for: where it is refused, it aborts
        self._aborted_at: set[tuple[str, int]] = set()
        self._keep: list[Any] = []
        self.on_reset: list[Callable[[ResetKind], None]] = []
        self.clock = Clock(platform.cpu.mips, self._now)
        self.clock.on_sooner = self._shorten
        self.log = MachineLog(lambda: self.clock.now, lambda: self._slice.block)
        self.bus = SystemBus(
            [Memory(m.name, m.address, m.size) for m in platform.memories], on_write=self._memory_changed
        )
        self._memory_pages = {
            page for m in self.bus.memories for page in range(m.address // _PAGE, (m.address + m.size) // _PAGE)
        }
        self._uc = self._make_cpu()
        self.board: Board = wire(
            platform,
            clock=self.clock,
            bus=self.bus,
            log=self.log.of,
            seed=seed,
            request_reset=self._request_reset,
            cpu_input=self._cpu_input,
        )
        self._map_blocks()
        self._fresh = self._uc.context_save()
        self._reset(ResetKind.POWER_ON)

    # What a machine does with an engine

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return self._now() - self._skipped

    @property
    def stepping(self) -> str:
        """Which body of the slice functions serves: `native` or `python`. Results do not depend on it."""
        return self._functions.name

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
                self._functions.take_interrupt(self._at)
                self._run_slice(end)
            if self._error is not None:
                error, self._error = self._error, None
                raise error

    def stop(self) -> None:
        """End `run` at the next block of code. For callbacks; the rest of the current event still happens."""
        self._stopping = True
        self._slice.stop = 1

    def register(self, name: str) -> int:
        """A register of the current mode: r0 to r15, sp, lr, pc, cpsr or spsr."""
        return int(self._uc.reg_read(getattr(arm, f"UC_ARM_REG_{name.upper()}")))

    # Slices

    def _now(self) -> int:
        return self._target - self._slice.budget

    def _run_slice(self, end: int) -> None:
        now = self._now()
        deadline = self.clock.next_deadline
        target = min(end, now + _LONGEST_SLICE, end if deadline is None else deadline)
        self._target, self._slice.budget = target, target - now
        error = self._functions.run(self._at)
        if error:
            self._abort(error)
            return
        reason = self._slice.reason
        if reason == Reason.WAITING:
            self._waiting()
        elif reason == Reason.IDLE:
            self._asleep = True
        elif reason == Reason.EXCEPTION:
            self._exception(self._slice.exception)
        elif reason == Reason.UNDEFINED:
            length = 2 if self._slice.cpsr & 0x20 else 4
            self.log.add("warning", "cpu", f"undefined instruction at {self._slice.pc:#010x}")
            self._functions.enter(self._at, _UNDEFINED, self._slice.pc + length, _VECTOR["undefined"])

    def _shorten(self, deadline: int) -> None:
        """An event was scheduled that is due before the running slice would end."""
        if deadline < self._target:
            self._slice.budget -= self._target - deadline
            self._target = deadline

    def _waiting(self) -> None:
        """The CPU waits for an interrupt. The first such place in system mode is the idle task's."""
        if not self._slice.idle_stack and self._slice.cpsr & 0x1F == 0x1F:
            self._slice.idle_stack = self.register("sp")
        self._asleep = True

    def _skip(self, end: int) -> None:
        """The CPU sleeps: nothing will happen before the next event, so go there."""
        now = self._now()
        deadline = self.clock.next_deadline
        target = max(now, end if deadline is None else min(end, deadline))
        self._skipped += target - now
        self._target, self._slice.budget = target, 0

    # Exceptions and interrupts

    def _cpu_input(self, number: int, level: bool) -> None:
        bit = 1 << number
        self._slice.lines = self._slice.lines | bit if level else self._slice.lines & ~bit

    def _exception(self, number: int) -> None:
        pc = self._slice.pc
        if number == 2:
            self._functions.enter(self._at, _SVC, pc, _VECTOR["swi"])
        elif number in (3, 7):
            self._take_abort("prefetch abort", pc + 4)
        elif number == 4:
            self._take_abort("data abort", pc + 8)
        else:
            raise EngineError(f"the CPU raised exception {number} at {pc:#010x}")

    def _abort(self, error: int) -> None:
        pc = self._slice.pc
        if error in _FETCH_ERRORS or (error == uc_const.UC_ERR_EXCEPTION and self._filled_for == uc_const.UC_MEM_FETCH):
            self._take_abort("prefetch abort", pc + 4)
        elif error in _DATA_ERRORS or error == uc_const.UC_ERR_EXCEPTION:
            self._take_abort("data abort", pc + 8)
        else:
            raise EngineError(f"Unicorn ended at {pc:#010x}: {unicorn.UcError(error)}")

    def _take_abort(self, kind: str, link: int) -> None:
        if (kind, self._slice.pc) not in self._aborted_at:  # a guest can abort for ever
            self._aborted_at.add((kind, self._slice.pc))
            self.log.add("warning", "cpu", f"{kind} at {self._slice.pc:#010x}")
        self._functions.enter(self._at, _ABORT, link, _VECTOR[kind])

    # Reset

    def _request_reset(self, kind: ResetKind) -> None:
        self._reset_kind = kind
        self._slice.stop = 1

    def power_cycle(self) -> None:
        """Power off and on again at the next block of code: only the flash chip and the eFuse remember."""
        self._request_reset(ResetKind.POWER_ON)

    def _reset(self, kind: ResetKind) -> None:
        self._reset_kind = None
        for block in self.board:
            block.reset(kind)
        if kind is ResetKind.POWER_ON:
            for memory in self.bus.memories:
                if memory.address:  # the flash window shows the chip
                    memory.clear()
                    self._memory_changed(memory.address, memory.size)
        self._uc.context_restore(self._fresh)
        self._uc.reg_write(arm.UC_ARM_REG_CPSR, _RESET_CPSR)
        self._uc.reg_write(arm.UC_ARM_REG_PC, 0)
        self._asleep = False
        self._slice.idle_stack = 0
        self._slice.lines = 0
        self._functions.forget(self._at, 0, 0xFFFF_FFFE)
        for listener in self.on_reset:
            listener(kind)

    # Making the CPU and its address space

    def _make_cpu(self) -> unicorn.Uc:
        uc = unicorn.Uc(uc_const.UC_ARCH_ARM, uc_const.UC_MODE_ARM)
        uc.ctl_set_cpu_model(arm.UC_CPU_ARM_946)
        uc.ctl_set_page_size(_PAGE)
        # With Unicorn's own TLB every store would take the slow path, because every page is executable there.
        uc.ctl_set_tlb_mode(uc_const.UC_TLB_VIRTUAL)  # type: ignore[attr-defined]
        uc.ctl_exits_enabled(True)
        uc.ctl_set_exits([])
        for memory in self.bus.memories:
            uc.mem_map_ptr(memory.address, memory.size, uc_const.UC_PROT_ALL, ctypes.addressof(memory.buffer))
        handle = uc._uch
        s = self._slice
        s.uc = handle.value
        for name in ("reg_read", "reg_write", "emu_start", "emu_stop"):
            setattr(s, name, ctypes.cast(getattr(uclib, f"uc_{name}"), ctypes.c_void_p).value)
        self._functions.forget(self._at, 0, 0xFFFF_FFFE)
        fill = _TlbFill(self._fill_tlb)
        self._keep.append(fill)
        self._hook(handle, uc_const.UC_HOOK_BLOCK, self._functions.on_block)
        self._hook(handle, uc_const.UC_HOOK_INTR, self._functions.on_exception)
        self._hook(handle, uc_const.UC_HOOK_INSN_INVALID, self._functions.on_undefined)
        self._hook(handle, uc_const.UC_HOOK_TLB_FILL, ctypes.cast(fill, ctypes.c_void_p).value)
        return uc

    def _hook(self, handle: Any, kind: int, callback: int | None) -> None:
        hook = ctypes.c_size_t()
        everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
        error = uclib.uc_hook_add(
            handle, ctypes.byref(hook), kind, ctypes.c_void_p(callback), ctypes.c_void_p(self._at), *everywhere
        )
        if error:
            raise unicorn.UcError(error)

    def _fill_tlb(self, uc: int, address: int, kind: int, entry: Any, user: int) -> bool:
        """Pages of RAM become executable, and slow to store to, only once code was fetched from them.

        Stores into the flash window go nowhere: firmware that writes through a null pointer must not notice.
        """
        page = address // _PAGE
        self._filled_for = kind
        if kind == uc_const.UC_MEM_FETCH and page in self._memory_pages:
            self._code_pages.add(page)
        entry.contents.paddr = page * _PAGE
        if address < self._flash_end and kind == uc_const.UC_MEM_WRITE:
            entry.contents.paddr = _SINK
            entry.contents.perms = uc_const.UC_PROT_WRITE
        elif address < self._flash_end:
            entry.contents.perms = uc_const.UC_PROT_READ | uc_const.UC_PROT_EXEC
        elif page in self._code_pages:
            entry.contents.perms = uc_const.UC_PROT_ALL
        else:
            entry.contents.perms = uc_const.UC_PROT_READ | uc_const.UC_PROT_WRITE
        return True

    @property
    def _flash_end(self) -> int:
        return self.bus.memories[0].size

    def _memory_changed(self, address: int, length: int) -> None:
        """Someone else than the CPU wrote memory: translated code of it is stale."""
        first, last = address // _PAGE, (address + length - 1) // _PAGE
        pages = self._code_pages
        if length and (first in pages or last in pages or any(page in pages for page in range(first + 1, last))):
            self._uc.ctl_remove_cache(address, address + length)
            self._functions.forget(self._at, address, address + length)

    def _map_blocks(self) -> None:
        spans: list[list[int]] = []
        for block in self.board.placed:
            start, end = block.address // _PAGE * _PAGE, -(-(block.address + block.size) // _PAGE) * _PAGE
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], end)
            else:
                spans.append([start, end])
        for start, end in spans:
            self._map_span(start, end)
        taken = sorted([*map(tuple, spans), *((m.address, m.address + m.size) for m in self.bus.memories)])
        for start, length in self.board.platform.silenced:
            self._map_quiet(start, start + length, taken)
        self._map_nothing(_SINK, _END, "a store into the flash window (the address is that of its sink) goes nowhere")

    def _map_span(self, start: int, end: int) -> None:
        """Blocks that stand on a run of pages."""
        nothing = self.log.of("bus", start)
        readers: list[tuple[int, Callable[[int, int], int]]] = []
        writers: list[tuple[int, Callable[[int, int, int], None]]] = []

        def read_nothing(offset: int, width: int) -> int:
            nothing.unclaimed(offset, None)
            return 0

        def write_nothing(offset: int, value: int, width: int) -> None:
            nothing.unclaimed(offset, value)

        for address in range(start, end, _GRANULE):
            found = self.board.at(address)
            if found is None:
                readers.append((0, read_nothing))
                writers.append((0, write_nothing))
            else:
                block, base = found[0], address - found[1] - start
                readers.append((base, block.read))
                writers.append((base, block.write))

        def read(uc: int, offset: int, width: int, user: int) -> int:
            try:
                base, reader = readers[offset // _GRANULE]
                return reader(offset - base, width)
            except BaseException as error:
                self._failed(error)
                return 0

        def write(uc: int, offset: int, width: int, value: int, user: int) -> None:
            try:
                base, writer = writers[offset // _GRANULE]
                writer(offset - base, value, width)
            except BaseException as error:
                self._failed(error)

        self._map_callbacks(start, end, read, write)

    def _map_quiet(self, start: int, end: int, taken: list[tuple[int, int]]) -> None:
        """A silenced range: what nothing else has taken of it reads as zero instead of aborting."""
        for next_start, next_end in [*taken, (end, end)]:
            if start < min(next_start, end):
                self._map_nothing(start, min(next_start, end), "nothing is there")
            start = max(start, next_end)

    def _map_nothing(self, start: int, end: int, unclaimed: str) -> None:
        """Reads give zero and writes go nowhere; each address is logged once."""
        log = self.log.of("bus", 0, unclaimed)

        def read(uc: int, offset: int, width: int, user: int) -> int:
            log.unclaimed(start + offset, None)
            return 0

        def write(uc: int, offset: int, width: int, value: int, user: int) -> None:
            log.unclaimed(start + offset, value)

        self._map_callbacks(start, end, read, write)

    def _map_callbacks(self, start: int, end: int, read: Callable[..., int], write: Callable[..., None]) -> None:
        callbacks = _Read(read), _Write(write)
        self._keep.extend(callbacks)
        addresses = [ctypes.cast(callback, ctypes.c_void_p) for callback in callbacks]
        error = uclib.uc_mmio_map(
            self._uc._uch, ctypes.c_uint64(start), ctypes.c_size_t(end - start), addresses[0], None, addresses[1], None
        )
        if error:
            raise unicorn.UcError(error)

    def _failed(self, error: BaseException) -> None:
        """A block raised. The CPU must not be left in the middle of an instruction: end the slice, raise afterwards."""
        if self._error is None:
            self._error = error
        self._slice.stop = 1
