"""The memory that a slice and the engine share: `struct slice` of slice.c, and the constants of both."""

from __future__ import annotations

import ctypes
from enum import IntEnum, IntFlag

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


class Attention(IntFlag):
    """What a debugger wants of a slice."""

    RESUME = 1  # begin with the rest of a block that was counted
    PASS = 2  # this once, let an instruction pass its breakpoint
    STEP = 4  # end when a block has been entered
    SEARCH = 8  # remember breakpoints and watched accesses, and go on


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
        ("blocks", ctypes.c_uint32 * BLOCKS),
    )
