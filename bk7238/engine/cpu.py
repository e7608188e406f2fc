"""The CPU: the core that the platform description names, on Unicorn, with its address space and its slices.

Unicorn has no interrupt lines and no reset; what needs them is in slice.c and here. Its own TLB makes every page
executable, which sends every store down a slow path: pages are filled by hand instead.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import unicorn
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc_const
from unicorn.unicorn_py3.unicorn import uclib

from bk7238.engine import executor
from bk7238.engine import slice as slices
from bk7238.engine.executor import address_of
from bk7238.engine.memory import PAGE
from bk7238.engine.slice import Page, Read, Slice, SpanTable, StoreTable, Write

OnRead = Callable[[int, int, int, int], int]
OnWrite = Callable[[int, int, int, int, int], None]

MODELS = {"arm946": arm.UC_CPU_ARM_946, "arm926": arm.UC_CPU_ARM_926}
"""What runs for a cpuType of the platform description; any other is refused there."""

_FETCHED, _WINDOW, _SEEN = (int(what) for what in (Page.FETCHED, Page.WINDOW, Page.SEEN))  # not slow enumerations
_CODE = _FETCHED | int(Page.KEPT)
_RESET_CPSR = 0xD3

# Modes with the masks that entering them sets, and vectors
_SVC, _ABORT, _UNDEFINED = 0x13 | 0x80, 0x17 | 0x80, 0x1B | 0x80

_FETCH_ERRORS = {uc_const.UC_ERR_FETCH_UNMAPPED, uc_const.UC_ERR_FETCH_PROT, uc_const.UC_ERR_FETCH_UNALIGNED}
_DATA_ERRORS = {
    uc_const.UC_ERR_READ_UNMAPPED,
    uc_const.UC_ERR_READ_PROT,
    uc_const.UC_ERR_READ_UNALIGNED,
    uc_const.UC_ERR_WRITE_UNMAPPED,
    uc_const.UC_ERR_WRITE_PROT,
    uc_const.UC_ERR_WRITE_UNALIGNED,
}

_CONTEXT_HEAD = 0x28  # bytes of a saved context before the registers: they hold addresses of this process
_SYNDROME = slice(3024, 3028)
"""Where a snapshot's context (Unicorn 2.1.4) has QEMU's `env->exception.syndrome`. An ARMv5 has no such register: it is
what was left when a register was last read within an instruction, and so tells of who looked, not of the CPU."""


@dataclass(frozen=True)
class CpuSnapshot:
    """The registers of all modes as this version of Unicorn saves them, and the slice."""

    context: bytes
    slice: bytes


def _register(name: str) -> int:
    number = getattr(arm, f"UC_ARM_REG_{name.upper()}", None)
    if number is None:
        raise ValueError(f"no register {name!r}")
    return int(number)


class Cpu:
    """`model` is the platform description's cpuType, `memories` are the names, addresses and sizes of what it reads and
    writes directly. Stores do not change the one at place `window`, in which the flash shows, and are accesses to what
    is mapped from `sink` on, the end of the address space."""

    def __init__(self, model: str, memories: Sequence[tuple[str, int, int]], window: int) -> None:
        run = self._executor = executor.take(MODELS[model], memories, window)
        run.lend(self)
        self.uc, self.slice, self._pages, self._functions = run.uc, run.slice, run.pages, run.functions
        self.memories, self.window = run.memories, run.window
        self._at = run.at
        self.sink = (1 << 32) - run.window.size
        self.hand_over: Callable[[], object] = lambda: None  # called for what accesses have put into batches
        self._keep: list[Any] = []  # what Unicorn may call, and what that uses

    @property
    def stepping(self) -> str:
        """Which body of the slice functions serves: `native`, `compiled` or `python`."""
        return self._functions.name

    @property
    def slice_address(self) -> int:
        """Where the slice is in the host's memory."""
        return self._at

    @property
    def place(self) -> Callable[..., bool]:
        """What places received frames, as the bus offers it."""
        return partial(self._functions.place, self._at)

    @property
    def lines_address(self) -> int:
        """Where the levels of the interrupt lines are in the host's memory: IRQ in bit 0, FIQ in bit 1."""
        return self._at + Slice.lines.offset

    def let_recur(self, schedule: ctypes.Structure) -> None:
        """Let what recurs in a clock's schedule go off within slices."""
        self._keep.append(schedule)
        self.slice.schedule = ctypes.addressof(schedule)

    # Running

    def settle(self) -> None:
        """Code is about to run, of which some may have been translated for another machine."""
        if self._executor.pristine:
            self._executor.settle()

    def run(self) -> int:
        """Run a slice of `slice.budget` ticks, and take interrupts in it; `slice.reason` says why it ended. Returns
        Unicorn's error, or 0."""
        error = self._functions.run(self._at)
        if self.slice.held:
            self.hand_over()
        return error

    @property
    def may_wake(self) -> bool:
        """Whether `wake` can let time pass: natively, and once it is known where the idle task waits."""
        return self._functions.wake is not None and bool(self.slice.idle_stack)

    def wake(self) -> int:
        """As `run`, with a CPU that waits or idles: until an interrupt line is high only time passes."""
        assert self._functions.wake is not None
        error: int = self._functions.wake(self._at)
        if self.slice.held:
            self.hand_over()
        return error

    def run_until(self, address: int) -> int:
        """As `run`, and end at `address` as well: for the rest of a block that Unicorn would translate together with
        what follows it."""
        at = self.slice.pc
        self.uc.ctl_set_exits([address])
        self.uc.ctl_remove_cache(at, at + 4)
        try:
            return self.run()
        finally:
            self.uc.ctl_set_exits([])
            self.uc.ctl_remove_cache(at, at + 4)

    def software_interrupt(self) -> None:
        """Take the exception of SWI."""
        self._functions.enter(self._at, _SVC, self.slice.pc, 0x08)

    def undefined(self) -> None:
        """Take the exception of an undefined instruction."""
        length = 2 if self.slice.cpsr & 0x20 else 4
        self._functions.enter(self._at, _UNDEFINED, self.slice.pc + length, 0x04)

    def prefetch_abort(self) -> None:
        """Take the exception of an instruction that cannot be fetched."""
        self._functions.enter(self._at, _ABORT, self.slice.pc + 4, 0x0C)

    def data_abort(self) -> None:
        """Take the exception of an access that no memory or block answers."""
        self._functions.enter(self._at, _ABORT, self.slice.pc + 8, 0x10)

    def is_prefetch_abort(self, error: int) -> bool:
        """Whether Unicorn's error is a fetch that must not be; a refused page shows as an unhandled exception."""
        refused = error == uc_const.UC_ERR_EXCEPTION and self.slice.filled_for == uc_const.UC_MEM_FETCH
        return error in _FETCH_ERRORS or refused

    def is_data_abort(self, error: int) -> bool:
        """Whether Unicorn's `error` is that of a data access."""
        return error in _DATA_ERRORS or error == uc_const.UC_ERR_EXCEPTION

    def reset(self) -> None:
        """Supervisor mode at 0 with both interrupts masked; all other registers as at power-on."""
        self._executor.forget_registers()
        self.uc.reg_write(arm.UC_ARM_REG_CPSR, _RESET_CPSR)
        self.uc.reg_write(arm.UC_ARM_REG_PC, 0)
        self.slice.idle_stack = 0
        self.slice.lines = 0
        self._functions.forget(self._at, 0, 0xFFFF_FFFE)

    def register(self, name: str) -> int:
        """A register of the current mode by name. Raises ValueError for an unknown one."""
        return int(self.uc.reg_read(_register(name)))

    def set_register(self, name: str, value: int) -> None:
        """Write a register of the current mode. Raises ValueError for an unknown one."""
        self.uc.reg_write(_register(name), value & 0xFFFF_FFFF)

    # A debugger's hooks: code that is translated already does not know them

    def break_at(self, address: int, *, step: bool = False) -> int:
        """End slices before the instruction at `address`, as a breakpoint or as a step. Returns the hook."""
        callback = self._functions.on_step if step else self._functions.on_breakpoint
        self._executor.hooked = True
        hook = self._executor.hook(uc_const.UC_HOOK_CODE, callback, address, address)
        self.uc.ctl_remove_cache(address, address + 4)
        return hook

    def watch(self, address: int, length: int, *, read: bool, write: bool) -> int:
        """End slices before accesses to memory. All loads and stores are slow while there is such a hook."""
        kinds = (uc_const.UC_HOOK_MEM_READ if read else 0) | (uc_const.UC_HOOK_MEM_WRITE if write else 0)
        self._executor.hooked = True
        hook = self._executor.hook(kinds, self._functions.on_access, address, address + length - 1)
        self.uc.ctl_flush_tb()
        return hook

    def unhook(self, hook: int, address: int | None = None) -> None:
        """Take a hook away: a breakpoint's, with its address, or a watch."""
        error = uclib.uc_hook_del(self.uc._uch, ctypes.c_size_t(hook))
        if error:
            raise unicorn.UcError(error)
        if address is None:
            self.uc.ctl_flush_tb()
        else:
            self.uc.ctl_remove_cache(address, address + 4)

    # Snapshots

    def snapshot(self) -> CpuSnapshot:
        """Registers and slice. The memories are the engine's."""
        registers = bytearray(bytes(self.uc.context_save())[_CONTEXT_HEAD:])
        registers[_SYNDROME] = bytes(4)
        return CpuSnapshot(bytes(registers), ctypes.string_at(self._at, ctypes.sizeof(Slice)))

    def restore(self, snapshot: CpuSnapshot) -> None:
        """Back to a snapshot, of this process or of another. Raises ValueError for that of another Unicorn."""
        context, size = self.uc.context_save(), ctypes.sizeof(Slice)
        if (len(snapshot.context), len(snapshot.slice)) != (context.size - _CONTEXT_HEAD, size):
            raise ValueError("the snapshot's registers are those of another version of Unicorn")
        start = ctypes.cast(context.context, ctypes.c_void_p).value or 0
        ctypes.memmove(start + _CONTEXT_HEAD, snapshot.context, len(snapshot.context))
        self.uc.context_restore(context)
        addresses = {name: getattr(self.slice, name) for name in executor.ADDRESSES}
        ctypes.memmove(self._at, snapshot.slice, size)
        for name, address in addresses.items():
            setattr(self.slice, name, address)

    def drop_code(self, address: int, length: int) -> None:
        """Memory is about to show other bytes, for which the slice holds the right table already."""
        if not self._executor.pristine:
            self.uc.ctl_remove_cache(address, address + length)

    @property
    def code_pages(self) -> list[int]:
        """Addresses of the pages of memory from which code has been fetched."""
        spans = sorted((m.address // PAGE, (m.address + m.size) // PAGE) for m in self.memories)
        return [page * PAGE for first, end in spans for page in range(first, end) if self._pages[page] & _FETCHED]

    def seen(self) -> list[int]:
        """Addresses of the pages of the window of which the CPU may have read anything, or fetched code, since this was
        last asked. Those from which code was ever fetched are always among them: it is translated once."""
        found = []
        for page in range(self.window.address // PAGE, (self.window.address + self.window.size) // PAGE):
            if self._pages[page] & (_SEEN | _FETCHED):
                found.append(page * PAGE)
                self._pages[page] &= ~_SEEN
        self._executor.flush_tlb()
        return found

    # The address space

    def memory_changed(self, address: int, length: int) -> None:
        """Someone else than the CPU wrote memory: translated code of it is stale."""
        if not length or self._executor.pristine:
            return
        first, last, pages = address // PAGE, (address + length - 1) // PAGE, self._pages
        if pages[first] & _CODE if first == last else any(what & _CODE for what in pages[first : last + 1]):
            if pages[first] & _WINDOW:  # what is programmed piece by piece
                self._forget_pages(first, last)
            else:
                self.uc.ctl_remove_cache(address, address + length)
                self._functions.forget(self._at, address, address + length)

    def _forget_pages(self, first: int, last: int) -> None:
        """Keep no translated code of these pages of the window, nor that there was any."""
        self.uc.ctl_remove_cache(first * PAGE, (last + 1) * PAGE)
        self._functions.forget(self._at, first * PAGE, (last + 1) * PAGE)
        for page in range(first, last + 1):
            if self._pages[page] & _FETCHED:
                self._pages[page] |= _SEEN
            self._pages[page] &= ~_CODE
        self._executor.flush_tlb()

    def map_callbacks(self, start: int, end: int, read: OnRead, write: OnWrite) -> None:
        """Accesses to whole pages from `start` to `end` call `read(uc, offset, width, user)` and `write(uc, offset,
        width, value, user)`.

        Neither may raise: the CPU would be left in the middle of an instruction.
        """
        on_read, on_write = Read(read), Write(write)
        self._keep += on_read, on_write
        self._executor.map(start, end, address_of(on_read), address_of(on_write), None)

    def map_span(self, start: int, end: int, read: OnRead, write: OnWrite) -> SpanTable:
        """As `map_callbacks`. In the table that is returned, words by offset / 4 can be given the address of a
        register, whose plain accesses then call nothing."""
        table = slices.table(Read(read), Write(write), end - start, self._at)
        self._keep.append(table)
        on_read = self._functions.on_read or address_of(table.read)
        on_write = self._functions.on_write or address_of(table.write)
        self._executor.map(start, end, on_read, on_write, ctypes.addressof(table))
        return table

    def map_stores(self, write: OnWrite, buffer: int | None) -> None:
        """Let stores into the window call `write(uc, offset, width, value, user)`, which may not raise. The buffer at
        that host address is filled without it."""
        read, table = Read(lambda *_access: 0), StoreTable(Write(write), buffer)
        self._keep += read, table
        on_store = self._functions.on_store or address_of(table.write)
        self._executor.map(self.sink, 1 << 32, address_of(read), on_store, ctypes.addressof(table))
