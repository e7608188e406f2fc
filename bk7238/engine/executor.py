"""What executes guest code: Unicorn with what it has translated, the memories of the CPU, and the slice.

It outlives its machine: the next one in the process with the same memories goes on with it, as from power-on. That one
need not translate the same firmware again, which is a large part of what a short run costs.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import weakref
from collections.abc import Sequence
from typing import Any

import unicorn
from unicorn import unicorn_const as uc_const
from unicorn.unicorn_py3.unicorn import uclib

from bk7238.engine import slice as slices
from bk7238.engine.memory import PAGE, Memory
from bk7238.engine.slice import InPython, Native, Page, Slice

_FETCHED, _KEPT = int(Page.FETCHED), int(Page.KEPT)  # not slow enumerations
_FUNCTIONS = ("reg_read", "reg_write", "emu_start", "emu_stop", "mem_read")  # of Unicorn, in the slice
ADDRESSES = ("uc", *_FUNCTIONS, "pages", "schedule", "window", "memories")  # of this host, in the slice
_MAP_NORESERVE = 0x4000  # of Linux; Python's mmap names it from 3.13 on
_TRANSLATED = 1 << 30  # bytes of address space that Unicorn reserves for it: ctl_get_tcg_buffer_size
_MOST = 4  # without a machine
_USES = 16  # machines after which what was translated is dropped: that of RAM is of one machine only

What = tuple[int, tuple[tuple[str, int, int], ...], int, Native | InPython]
_idle: list[Executor] = []


def take(model: int, memories: Sequence[tuple[str, int, int]], window: int) -> Executor:
    """One as at power-on, with memories that are all zero. `model` is Unicorn's number of the CPU, a memory has a
    name, an address and a size, and `window` says which of them shows the flash. Raises OSError where the host has no
    room for one more."""
    what = model, tuple(memories), window, slices.functions()
    found = next((one for one in [*_idle][::-1] if one.what == what), None)  # more may come at any moment
    if found is None:
        found = Executor(what)
    else:
        _idle.remove(found)
        found.begin()
    del _idle[:-_MOST]
    return found


class Executor:
    """What executes the code of one machine at a time. `what` it is says the number of the CPU, the memories, the place
    of the window among them, and the functions of the slice. `mapped` are the ranges in which blocks answer. While it
    is `pristine` no code has run."""

    def __init__(self, what: What) -> None:
        self.what = what
        model, memories, window, self.functions = what
        self.memories = [Memory(*one) for one in memories]
        self.window = self.memories[window]
        self.slice, self.pages = Slice(), (ctypes.c_uint8 * slices.PAGES)()
        self.at = ctypes.addressof(self.slice)
        self.mapped: list[tuple[int, int]] = []
        self.hooked = False
        self.pristine = True
        self._uses = 0
        self._translated: dict[int, bytes] = {}  # what stood in pages of the window of which code is kept
        self._places = slices.host_memories(self.memories)
        self._make(model)
        self._prepare()
        self._fresh = self.uc.context_save()

    def lend(self, user: object) -> None:
        """When `user` is gone another may have it."""
        weakref.finalize(user, self._give_back).atexit = False

    def begin(self) -> None:
        """Be as at power-on."""
        for memory in self.memories:
            memory.clear()
        self._prepare()
        self.forget_registers()
        self.flush_tlb()
        self.pristine = True

    def settle(self) -> None:
        """Code is about to run: of what was translated for another machine, keep what is the same here."""
        self.pristine = False
        window, pages = self.window, self.pages
        for page, code in self._translated.items():
            at = page * PAGE - window.address
            if window.bytes[at : at + PAGE] != code:
                self.uc.ctl_remove_cache(page * PAGE, (page + 1) * PAGE)
                pages[page] &= ~_KEPT
        self._translated.clear()

    def forget_registers(self) -> None:
        """All registers as at power-on."""
        self.uc.context_restore(self._fresh)

    def flush_tlb(self) -> None:
        """Let the CPU ask anew what it may do with each page."""
        self.uc.ctl(uc_const.UC_CTL_TLB_FLUSH, uc_const.UC_CTL_IO_WRITE)

    def hook(self, kind: int, callback: int | None, first: int = 1, last: int = 0) -> int:
        """Call `callback` for addresses from `first` to `last`; by default for all. Returns the hook."""
        hook = ctypes.c_size_t()
        bounds = (ctypes.c_uint64(first), ctypes.c_uint64(last))
        error = uclib.uc_hook_add(
            self.uc._uch, ctypes.byref(hook), kind, ctypes.c_void_p(callback), ctypes.c_void_p(self.at), *bounds
        )
        if error:
            raise unicorn.UcError(error)
        return hook.value

    def map(self, start: int, end: int, on_read: int | None, on_write: int | None, user: int | None) -> None:
        """Let accesses to whole pages call these, with `user`."""
        callbacks = (ctypes.c_void_p(argument) for argument in (on_read, user, on_write, user))
        error = uclib.uc_mmio_map(self.uc._uch, ctypes.c_uint64(start), ctypes.c_size_t(end - start), *callbacks)
        if error:
            raise unicorn.UcError(error)
        self.mapped.append((start, end))

    def _give_back(self) -> None:
        """Its machine is gone. What a debugger had hooks in is not as new any more."""
        if self.hooked:
            return
        for start, end in self.mapped:
            self.uc.mem_unmap(start, end - start)
        self.mapped.clear()
        if not self.pristine:
            self._remember()
        _idle.append(self)

    def _remember(self) -> None:
        """Keep the code that was translated of the window, with what stood there."""
        self._uses += 1
        if self._uses % _USES == 0:
            self.uc.ctl_flush_tb()
            return
        for memory in self.memories:
            for page in range(memory.address // PAGE, memory.end // PAGE):
                if not self.pages[page] & (_FETCHED | _KEPT):
                    continue
                if memory is self.window:
                    at = page * PAGE - memory.address
                    self._translated[page] = bytes(memory.bytes[at : at + PAGE])
                else:
                    self.uc.ctl_remove_cache(page * PAGE, (page + 1) * PAGE)

    def _prepare(self) -> None:
        """The slice and what it knows of the address space, as at power-on."""
        ctypes.memset(self.at, 0, ctypes.sizeof(Slice))
        run, pages, window = self.slice, self.pages, self.window
        run.idle_check, run.uc = slices.IDLE_CHECK, self.uc._uch.value
        for name in _FUNCTIONS:
            setattr(run, name, address_of(getattr(uclib, f"uc_{name}")))
        run.pages, run.memories = ctypes.addressof(pages), ctypes.addressof(self._places)
        run.window, run.window_at, run.window_size = ctypes.addressof(window.buffer), window.address, window.size
        run.sink = (1 << 32) - window.size - window.address  # to the end of the address space
        for memory in self.memories:
            what = Page.MEMORY | Page.WINDOW if memory is window else Page.MEMORY
            first, count = memory.address // PAGE, memory.size // PAGE
            pages[first : first + count] = [int(what)] * count
        for page in self._translated:
            pages[page] |= _KEPT

    def _make(self, model: int) -> None:
        _check_room()
        uc = self.uc = unicorn.Uc(uc_const.UC_ARCH_ARM, uc_const.UC_MODE_ARM)
        uc.ctl_set_cpu_model(model)
        uc.ctl_set_page_size(PAGE)
        uc.ctl_set_tlb_mode(uc_const.UC_TLB_VIRTUAL)
        uc.ctl_exits_enabled(True)
        uc.ctl_set_exits([])
        for memory in self.memories:
            uc.mem_map_ptr(memory.address, memory.size, uc_const.UC_PROT_ALL, ctypes.addressof(memory.buffer))
        self.hook(uc_const.UC_HOOK_BLOCK, self.functions.on_block)
        self.hook(uc_const.UC_HOOK_INTR, self.functions.on_exception)
        self.hook(uc_const.UC_HOOK_INSN_INVALID, self.functions.on_undefined)
        self.hook(uc_const.UC_HOOK_TLB_FILL, self.functions.on_tlb_fill)


def address_of(function: Any) -> int | None:
    """Where a function that Unicorn is to call is in the host's memory."""
    return ctypes.cast(function, ctypes.c_void_p).value


def _check_room() -> None:
    """Raise OSError where the host has no address space left for translated code: Unicorn would end the process with a
    status that a verdict has."""
    if sys.platform == "linux":
        mmap.mmap(-1, _TRANSLATED, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE).close()
