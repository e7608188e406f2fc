"""The memory that a slice and the engine share: `struct slice` of slice.c, and the constants of both."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

BLOCKS = 65536
IDLE_CHECK = 2000
IDLE_STACK = 256


class Reason(IntEnum):
    """Why a slice ended."""

    DEADLINE = 0
    STOPPED = 1
    INTERRUPT = 2
    IDLE = 3
    EXCEPTION = 4
    UNDEFINED = 5
    WAITING = 6
    BREAKPOINT = 7
    STEPPED = 8
    WATCHED = 9
    LONGER = 10


class Attention(IntEnum):
    """Bits: what a debugger wants of a slice."""

    RESUME = 1  # begin with the rest of a block that was counted
    PASS = 2  # this once, let an instruction pass its breakpoint
    STEP = 4  # end when a block has been entered
    SEARCH = 8  # remember breakpoints and watched accesses, and go on


class Page(IntEnum):
    """Bits: what a page of the address space is."""

    MEMORY = 1
    FETCHED = 2  # code came from it: stores may change code
    WINDOW = 4  # the flash shows there
    SEEN = 8  # the CPU has read it, since that was last forgotten
    KEPT = 16  # code of it was translated for another machine: stores may change it as well


PAGE_BITS = 12
PAGES = 1 << 32 - PAGE_BITS


class TlbEntry(ctypes.Structure):
    """What the TLB is to hold of a page; see slice.c."""

    _fields_ = (("address", ctypes.c_uint64), ("rights", ctypes.c_int))


Read = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_void_p)
Write = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_uint64, ctypes.c_void_p)


class SpanTable(ctypes.Structure):
    """`struct span` of slice.c: whom an access of a register reaches that cannot be answered natively."""

    _fields_ = (
        ("read", Read),
        ("write", Write),
        ("words", ctypes.POINTER(ctypes.c_void_p)),
        ("reads", ctypes.POINTER(ctypes.c_uint32)),
        ("writes", ctypes.POINTER(ctypes.c_uint32)),
        ("slice", ctypes.c_void_p),
    )


class StoreTable(ctypes.Structure):
    """`struct stores` of slice.c: whom a store into the flash window reaches, and what it fills without anyone being
    asked."""

    _fields_ = (("write", Write), ("buffer", ctypes.c_void_p))


class HostMemory(ctypes.Structure):
    """`struct memory` of slice.c: where the host has a memory of the CPU's."""

    _fields_ = (("bytes", ctypes.c_void_p), ("address", ctypes.c_uint32), ("size", ctypes.c_uint32))


def host_memories(memories: Iterable[Any]) -> ctypes.Array[HostMemory]:
    """Where the host has these, each with its `buffer`, `address` and `size`, up to one without bytes."""
    places = [HostMemory(ctypes.addressof(one.buffer), one.address, one.size) for one in memories]
    return (HostMemory * (len(places) + 1))(*places)


def table(read: Any, write: Any, size: int, run: int) -> SpanTable:
    """One for `size` bytes, from which nothing is answered yet. `run` is the host address of the slice."""
    count = size // 4
    words, reads, writes = (ctypes.c_void_p * count)(), (ctypes.c_uint32 * count)(), (ctypes.c_uint32 * count)()
    return SpanTable(read, write, words, reads, writes, run)


class Slice(ctypes.Structure):
    """See slice.c for what each field means."""

    _fields_ = (
        ("budget", ctypes.c_int64),
        ("idle_check", ctypes.c_int64),
        ("uc", ctypes.c_void_p),
        ("reg_read", ctypes.c_void_p),
        ("reg_write", ctypes.c_void_p),
        ("emu_start", ctypes.c_void_p),
        ("emu_stop", ctypes.c_void_p),
        ("mem_read", ctypes.c_void_p),
        ("target", ctypes.c_int64),
        ("until", ctypes.c_int64),
        ("skipped", ctypes.c_int64),
        ("last_exception", ctypes.c_int64),
        ("hit_tick", ctypes.c_int64),
        ("hit_old", ctypes.c_uint64),
        ("hit_rest", ctypes.c_uint32),
        ("hit_address", ctypes.c_uint32),
        ("hit_size", ctypes.c_uint32),
        ("hit_kind", ctypes.c_uint32),
        ("attention", ctypes.c_uint32),
        ("pass_", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("stop", ctypes.c_uint32),
        ("lines", ctypes.c_uint32),
        ("idle_stack", ctypes.c_uint32),
        ("reason", ctypes.c_uint32),
        ("exception", ctypes.c_uint32),
        ("block", ctypes.c_uint32),
        ("pc", ctypes.c_uint32),
        ("cpsr", ctypes.c_uint32),
        ("filled_for", ctypes.c_uint32),
        ("held", ctypes.c_uint32),
        ("sink", ctypes.c_uint32),
        ("window_at", ctypes.c_uint32),
        ("window_size", ctypes.c_uint32),
        ("watched", ctypes.c_uint32),
        ("pages", ctypes.c_void_p),
        ("schedule", ctypes.c_void_p),
        ("window", ctypes.c_void_p),
        ("memories", ctypes.c_void_p),
        ("blocks", ctypes.c_uint32 * BLOCKS),
    )
