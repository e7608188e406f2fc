"""The CPU: an ARM946E-S on Unicorn, with the address space that it sees and the slices that it runs in.

Unicorn has no interrupt lines and no reset; what needs them is in slice.c and here. Its own TLB makes every page
executable, which sends every store down a slow path: pages are filled by hand instead.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any

import unicorn
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc_const
from unicorn.unicorn_py3.unicorn import uclib

from bk7238.engine import slice as slices
from bk7238.engine.memory import Memory
from bk7238.engine.slice import Slice

PAGE = 0x1000
SINK = (1 << 32) - PAGE  # where stores into the flash window go: nothing else stands there
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


class Cpu:
    """`memories` are what it reads and writes directly; the first is the flash window, which stores do not change."""

    def __init__(self, memories: Iterable[Memory]) -> None:
        self.memories = list(memories)
        self.slice = Slice()
        self.slice.idle_check = slices.IDLE_CHECK
        self._functions = slices.functions()
        self._at = ctypes.addressof(self.slice)
        self._code_pages: set[int] = set()
        self._memory_pages = {
            page for m in self.memories for page in range(m.address // PAGE, (m.address + m.size) // PAGE)
        }
        self._flash_end = self.memories[0].address + self.memories[0].size
        self._filled_for = 0  # the access that the TLB was last filled for: where it is refused, it aborts
        self._keep: list[Any] = []  # callbacks that Unicorn may call
        self._uc = self._make()
        self._fresh = self._uc.context_save()

    @property
    def stepping(self) -> str:
        """Which body of the slice functions serves: `native` or `python`."""
        return self._functions.name

    # Running

    def run(self) -> int:
        """Run a slice of `slice.budget` ticks; `slice.reason` says why it ended. Returns Unicorn's error, or 0."""
        return self._functions.run(self._at)

    def take_interrupt(self) -> None:
        """Enter whichever interrupt is asserted and not masked, FIQ first."""
        self._functions.take_interrupt(self._at)

    def software_interrupt(self) -> None:
        self._functions.enter(self._at, _SVC, self.slice.pc, 0x08)

    def undefined(self) -> None:
        length = 2 if self.slice.cpsr & 0x20 else 4
        self._functions.enter(self._at, _UNDEFINED, self.slice.pc + length, 0x04)

    def prefetch_abort(self) -> None:
        self._functions.enter(self._at, _ABORT, self.slice.pc + 4, 0x0C)

    def data_abort(self) -> None:
        self._functions.enter(self._at, _ABORT, self.slice.pc + 8, 0x10)

    def is_prefetch_abort(self, error: int) -> bool:
        """Whether Unicorn's error is a fetch that must not be; a refused page shows as an unhandled exception."""
        refused = error == uc_const.UC_ERR_EXCEPTION and self._filled_for == uc_const.UC_MEM_FETCH
        return error in _FETCH_ERRORS or refused

    def is_data_abort(self, error: int) -> bool:
        return error in _DATA_ERRORS or error == uc_const.UC_ERR_EXCEPTION

    def reset(self) -> None:
        """Supervisor mode at 0 with both interrupts masked; all other registers as at power-on."""
        self._uc.context_restore(self._fresh)
        self._uc.reg_write(arm.UC_ARM_REG_CPSR, _RESET_CPSR)
        self._uc.reg_write(arm.UC_ARM_REG_PC, 0)
        self.slice.idle_stack = 0
        self.slice.lines = 0
        self._functions.forget(self._at, 0, 0xFFFF_FFFE)

    def register(self, name: str) -> int:
        """A register of the current mode by name. Raises ValueError for an unknown one."""
        number = getattr(arm, f"UC_ARM_REG_{name.upper()}", None)
        if number is None:
            raise ValueError(f"no register {name!r}")
        return int(self._uc.reg_read(number))

    # The address space

    def memory_changed(self, address: int, length: int) -> None:
        """Someone else than the CPU wrote memory: translated code of it is stale."""
        if not length:
            return
        pages = range(address // PAGE, (address + length - 1) // PAGE + 1)
        if not self._code_pages.isdisjoint(pages):
            self._uc.ctl_remove_cache(address, address + length)
            self._functions.forget(self._at, address, address + length)

    def map_callbacks(
        self, start: int, end: int, read: Callable[[int, int], int], write: Callable[[int, int, int], None]
    ) -> None:
        """Accesses to whole pages from `start` to `end` call `read(offset, width)` and `write(offset, value, width)`.

        Neither may raise: the CPU would be left in the middle of an instruction.
        """

        def read_callback(uc: int, offset: int, width: int, user: int) -> int:
            return read(offset, width)

        def write_callback(uc: int, offset: int, width: int, value: int, user: int) -> None:
            write(offset, value, width)

        callbacks = _Read(read_callback), _Write(write_callback)
        self._keep.extend(callbacks)
        on_read, on_write = (ctypes.cast(callback, ctypes.c_void_p) for callback in callbacks)
        size = ctypes.c_size_t(end - start)
        error = uclib.uc_mmio_map(self._uc._uch, ctypes.c_uint64(start), size, on_read, None, on_write, None)
        if error:
            raise unicorn.UcError(error)

    def _make(self) -> unicorn.Uc:
        uc = unicorn.Uc(uc_const.UC_ARCH_ARM, uc_const.UC_MODE_ARM)
        uc.ctl_set_cpu_model(arm.UC_CPU_ARM_946)
        uc.ctl_set_page_size(PAGE)
        uc.ctl_set_tlb_mode(uc_const.UC_TLB_VIRTUAL)  # type: ignore[attr-defined]
        uc.ctl_exits_enabled(True)
        uc.ctl_set_exits([])
        for memory in self.memories:
            uc.mem_map_ptr(memory.address, memory.size, uc_const.UC_PROT_ALL, ctypes.addressof(memory.buffer))
        self.slice.uc = uc._uch.value
        for name in ("reg_read", "reg_write", "emu_start", "emu_stop"):
            setattr(self.slice, name, ctypes.cast(getattr(uclib, f"uc_{name}"), ctypes.c_void_p).value)
        fill = _TlbFill(self._fill_tlb)
        self._keep.append(fill)
        self._hook(uc, uc_const.UC_HOOK_BLOCK, self._functions.on_block)
        self._hook(uc, uc_const.UC_HOOK_INTR, self._functions.on_exception)
        self._hook(uc, uc_const.UC_HOOK_INSN_INVALID, self._functions.on_undefined)
        self._hook(uc, uc_const.UC_HOOK_TLB_FILL, ctypes.cast(fill, ctypes.c_void_p).value)
        return uc

    def _hook(self, uc: unicorn.Uc, kind: int, callback: int | None) -> None:
        hook = ctypes.c_size_t()
        everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
        error = uclib.uc_hook_add(
            uc._uch, ctypes.byref(hook), kind, ctypes.c_void_p(callback), ctypes.c_void_p(self._at), *everywhere
        )
        if error:
            raise unicorn.UcError(error)

    def _fill_tlb(self, uc: int, address: int, kind: int, entry: Any, user: int) -> bool:
        """Pages of RAM become executable, and slow to store to, only once code was fetched from them.

        Stores into the flash window go to the sink: firmware that writes through a null pointer must not notice.
        """
        page = address // PAGE
        self._filled_for = kind
        if kind == uc_const.UC_MEM_FETCH and page in self._memory_pages:
            self._code_pages.add(page)
        entry.contents.paddr = page * PAGE
        if address < self._flash_end and kind == uc_const.UC_MEM_WRITE:
            entry.contents.paddr = SINK
            entry.contents.perms = uc_const.UC_PROT_WRITE
        elif address < self._flash_end:
            entry.contents.perms = uc_const.UC_PROT_READ | uc_const.UC_PROT_EXEC
        elif page in self._code_pages:
            entry.contents.perms = uc_const.UC_PROT_ALL
        else:
            entry.contents.perms = uc_const.UC_PROT_READ | uc_const.UC_PROT_WRITE
        return True
