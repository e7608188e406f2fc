"""slice.c said again in Python, for hosts that can run no code of ours: slow, and the same to the instruction.

What slice.c does by itself where a slice could go on (what recurs, waiting) is left to the engine: here slices end more
often.
"""

from __future__ import annotations

import ctypes
from typing import Any

from bk7238.engine.slice.layout import (
    BLOCKS,
    IDLE_CHECK,
    IDLE_STACK,
    PAGE_BITS,
    PAGES,
    Attention,
    Page,
    Reason,
    Slice,
    TlbEntry,
)

_PC, _CPSR, _SPSR, _LR, _SP = 11, 3, 13, 10, 12
_MODE, _SYS, _THUMB, _FIQ_MASKED, _IRQ_MASKED = 0x1F, 0x1F, 0x20, 0x40, 0x80
_EMPTY = 0xFFFF_FFFF
_SWI, _AT_ONCE = 2, 2  # QEMU's number, and instructions as in storm.py
_STORE, _FETCH = 17, 18  # UC_MEM_*
_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4

_POINTER = ctypes.c_void_p
_RegisterAccess = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int, _POINTER)
_Start = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, *[ctypes.c_uint64] * 4)
_Stop = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER)
_OnBlock = ctypes.CFUNCTYPE(None, _POINTER, ctypes.c_uint64, ctypes.c_uint32, _POINTER)
_OnAccess = ctypes.CFUNCTYPE(None, _POINTER, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_int64, _POINTER)
_MemoryRead = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_uint64, _POINTER, ctypes.c_uint64)
_OnException = ctypes.CFUNCTYPE(None, _POINTER, ctypes.c_uint32, _POINTER)
_OnTlbFill = ctypes.CFUNCTYPE(
    ctypes.c_bool, _POINTER, ctypes.c_uint64, ctypes.c_int, ctypes.POINTER(TlbEntry), _POINTER
)
_OnUndefined = ctypes.CFUNCTYPE(ctypes.c_bool, _POINTER, _POINTER)


class InPython:
    """The same functions as `Native`. One object serves any number of slices."""

    name = "python"

    def __init__(self) -> None:
        self._callbacks = (
            _OnBlock(self._on_block),
            _OnException(self._on_exception),
            _OnUndefined(self._on_undefined),
            _OnBlock(self._on_breakpoint),
            _OnBlock(self._on_step),
            _OnAccess(self._on_access),
            _OnTlbFill(self._on_tlb_fill),
        )
        addresses = [ctypes.cast(callback, ctypes.c_void_p).value or 0 for callback in self._callbacks]
        self.on_block, self.on_exception, self.on_undefined = addresses[:3]
        self.on_breakpoint, self.on_step, self.on_access, self.on_tlb_fill = addresses[3:]
        self.on_read = self.on_write = self.on_store = None  # every access goes to its block, which does the same
        self.place = lambda *_what: False  # received frames are the MAC's own matter
        self.wake = None  # and so does time that passes while the CPU sleeps

    def run(self, address: int) -> int:
        """Run the slice at this host address to its end. Returns the error of Unicorn, 0 for none."""
        s = Slice.from_address(address)
        if not s.attention & Attention.RESUME:
            self._take_interrupt(s, self._get(s, _PC))
        s.reason = Reason.WAITING
        thumb = 1 if self._get(s, _CPSR) & _THUMB else 0
        error: int = _Start(s.emu_start)(s.uc, self._get(s, _PC) | thumb, 0, 0, 0)
        s.pc, s.cpsr = self._get(s, _PC), self._get(s, _CPSR)
        return error

    def enter(self, address: int, mode: int, link: int, vector: int) -> None:
        """Enter an exception: `link` goes into LR of `mode`, and the CPU on at `vector`."""
        self._enter(Slice.from_address(address), mode, link, vector)

    def _enter(self, s: Slice, mode: int, link: int, vector: int) -> None:
        cpsr = self._get(s, _CPSR)
        self._put(s, _CPSR, cpsr & ~(_MODE | _THUMB) | mode)
        self._put(s, _SPSR, cpsr)
        self._put(s, _LR, link)
        self._put(s, _PC, vector)

    def _take_interrupt(self, s: Slice, pc: int) -> bool:
        cpsr = self._get(s, _CPSR)
        if s.lines & 2 and not cpsr & _FIQ_MASKED:
            self._enter(s, 0x11 | _FIQ_MASKED | _IRQ_MASKED, pc + 4, 0x1C)
        elif s.lines & 1 and not cpsr & _IRQ_MASKED:
            self._enter(s, 0x12 | _IRQ_MASKED, pc + 4, 0x18)
        else:
            return False
        return True

    def _software_interrupt(self, s: Slice) -> bool:
        instructions = s.target - s.budget - s.skipped
        if s.attention or s.stop or s.budget <= 0 or instructions - s.last_exception <= _AT_ONCE:
            return False
        s.last_exception = instructions
        self._enter(s, 0x13 | _IRQ_MASKED, self._get(s, _PC), 0x08)
        return True

    def forget(self, address: int, start: int, end: int) -> None:
        """Forget the blocks of code between two CPU addresses: it has changed."""
        blocks = Slice.from_address(address).blocks
        if end - start >= 2 * BLOCKS:
            ctypes.memset(blocks, 0xFF, ctypes.sizeof(blocks))
            return
        for at in range(start & ~1, end, 2):
            index = at >> 1 & BLOCKS - 1
            if blocks[index] & ~1 == at:
                blocks[index] = _EMPTY

    def _on_block(self, _uc: int, address: int, size: int, user: int) -> None:
        s = Slice.from_address(user)
        if s.attention and self._resumed(s, address, size):
            return
        if s.stop or s.budget <= 0:
            self._end(s, Reason.STOPPED if s.stop else Reason.DEADLINE)
            return
        if s.lines and not s.attention:
            if self._take_interrupt(s, address):
                return
        elif s.lines:
            cpsr = self._get(s, _CPSR)
            if (s.lines & 2 and not cpsr & _FIQ_MASKED) or (s.lines & 1 and not cpsr & _IRQ_MASKED):
                self._end(s, Reason.INTERRUPT)
                return
        index = address >> 1 & BLOCKS - 1
        if s.blocks[index] & ~1 != address:
            s.blocks[index] = address | (1 if self._get(s, _CPSR) & _THUMB else 0)
        count = size >> (1 if s.blocks[index] & 1 else 2)
        s.idle_check -= count
        if s.idle_check <= 0:
            s.idle_check = IDLE_CHECK
            if s.idle_stack and not s.lines and self._idles(s):
                self._end(s, Reason.IDLE)
                return
        s.budget -= count
        s.block, s.size = address, size
        if s.attention & Attention.STEP:
            self._end(s, Reason.STEPPED)

    def _resumed(self, s: Slice, address: int, size: int) -> bool:
        rest = s.block + s.size - address & 0xFFFF_FFFF
        if not s.attention & Attention.RESUME:
            s.attention &= ~Attention.PASS
            return False
        if size > rest:
            self._end(s, Reason.LONGER)
        elif size == rest:
            s.attention &= ~Attention.RESUME
        return True

    def _hit(self, s: Slice, pc: int, reason: Reason) -> None:
        s.hit_tick = s.target - s.budget
        thumb = s.blocks[s.block >> 1 & BLOCKS - 1] & 1
        s.hit_rest = (s.block + s.size - pc & 0xFFFF_FFFF) >> (1 if thumb else 2)
        if not s.attention & Attention.SEARCH:
            self._end(s, reason)

    @staticmethod
    def _passes(s: Slice, pc: int) -> bool:
        return bool(s.attention & Attention.PASS) and s.pass_ == pc

    def _on_breakpoint(self, _uc: int, address: int, _size: int, user: int) -> None:
        s = Slice.from_address(user)
        if not self._passes(s, address):
            s.hit_kind = 0
            self._hit(s, address, Reason.BREAKPOINT)

    def _on_step(self, _uc: int, address: int, _size: int, user: int) -> None:
        s = Slice.from_address(user)
        if not self._passes(s, address):
            self._end(s, Reason.STEPPED)

    def _on_access(self, uc: int, kind: int, address: int, size: int, _value: int, user: int) -> None:
        s = Slice.from_address(user)
        pc = self._get(s, _PC)
        if self._passes(s, pc):
            return
        _MemoryRead(s.mem_read)(uc, address, ctypes.addressof(s) + Slice.hit_old.offset, size)
        s.hit_address, s.hit_size, s.hit_kind = address & 0xFFFF_FFFF, size, kind
        self._hit(s, pc, Reason.WATCHED)

    def _idles(self, s: Slice) -> bool:
        cpsr = self._get(s, _CPSR)
        distance = self._get(s, _SP) - s.idle_stack
        return cpsr & _MODE == _SYS and not cpsr & (_FIQ_MASKED | _IRQ_MASKED) and abs(distance) <= IDLE_STACK

    def _on_exception(self, _uc: int, number: int, user: int) -> None:
        s = Slice.from_address(user)
        if number == _SWI and self._software_interrupt(s):
            return
        s.exception = number
        self._end(s, Reason.EXCEPTION)

    def _on_undefined(self, _uc: int, user: int) -> bool:
        self._end(Slice.from_address(user), Reason.UNDEFINED)
        return True

    @staticmethod
    def _end(s: Slice, reason: Reason) -> None:
        s.reason = reason
        _Stop(s.emu_stop)(s.uc)

    @staticmethod
    def _get(s: Slice, register: int) -> int:
        value = ctypes.c_uint32()
        _RegisterAccess(s.reg_read)(s.uc, register, ctypes.addressof(value))
        return value.value

    @staticmethod
    def _put(s: Slice, register: int, value: int) -> None:
        word = ctypes.c_uint32(value & 0xFFFF_FFFF)
        _RegisterAccess(s.reg_write)(s.uc, register, ctypes.addressof(word))

    def _on_tlb_fill(self, _uc: int, address: int, kind: int, entry: Any, user: int) -> bool:
        s, number = Slice.from_address(user), address >> PAGE_BITS & PAGES - 1
        pages = (ctypes.c_uint8 * PAGES).from_address(s.pages)
        s.filled_for = kind
        if kind == _FETCH and pages[number] & Page.MEMORY:
            pages[number] |= Page.FETCHED
        if kind != _STORE:
            pages[number] |= Page.SEEN
        may_execute = _PROT_EXEC if pages[number] & Page.FETCHED else 0
        entry.contents.address = number << PAGE_BITS
        if pages[number] & Page.WINDOW:
            if kind == _STORE:
                entry.contents.address += s.sink
            entry.contents.rights = _PROT_WRITE if kind == _STORE else _PROT_READ | may_execute
        else:
            entry.contents.rights = _PROT_READ | _PROT_WRITE | may_execute
        return True
