"""Slices of guest code: run until a deadline, an interrupt, idling or an exception, counted to the instruction.

One semantics, two bodies: machine code (slice.c) and Python. Both give the same run, so which one serves is the
host's matter and never the result's.
"""

from __future__ import annotations

from functools import cache

from bk7238.engine.slice.layout import (
    BLOCKS,
    IDLE_CHECK,
    PAGES,
    Attention,
    Page,
    Read,
    Reason,
    Slice,
    SpanTable,
    StoreTable,
    Write,
    host_memories,
    table,
)
from bk7238.engine.slice.native import Native
from bk7238.engine.slice.python import InPython
from bk7238.peripherals.core import Register

__all__ = [
    "BLOCKS",
    "IDLE_CHECK",
    "PAGES",
    "Attention",
    "InPython",
    "Native",
    "Page",
    "Read",
    "Reason",
    "Slice",
    "SpanTable",
    "StoreTable",
    "Write",
    "functions",
    "host_memories",
    "table",
]


@cache
def functions() -> Native | InPython:
    """The fastest body that this host can run."""
    try:
        native = Native()
    except OSError:
        return InPython()
    Register.settle = native.settle
    return native
