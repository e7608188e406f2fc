"""Ctrl-C and SIGTERM while a machine runs.

An exception that a signal's handler raises may strike within a callback of the CPU, where it is lost, and the access of
a register with it. Within `heard` a signal only leaves its number here, and an engine raises Interrupted between two
slices of guest code. Without it Python's own handlers are at work: a program that uses the package as a library and
wants to be interrupted safely runs its machines within `heard`, too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_TWICE = 0.5  # host seconds in which what sends a signal may send it again, to the process and to its group
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_number = 0  # of the signal that came; a process has one, as it has one handler of each
_came = 0.0
_waiting = False  # where a handler may raise


class Interrupted(KeyboardInterrupt):
    """A signal came within `heard`."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.status = 128 + number
        """The exit status of a command that it ends."""


def check() -> None:
    """Raise Interrupted where a signal came within `heard`. For loops that may take long; not for callbacks."""
    if _number:
        raise Interrupted(_number)


@contextmanager
def heard() -> Iterator[None]:
    """Let SIGINT and SIGTERM end what runs by Interrupted, here where nothing else raises it. A second signal ends the
    process at once. A signal that the process was started to ignore stays ignored; other threads than the main one
    cannot have this."""
    global _number
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _number = 0
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, _note)
    try:
        yield
        check()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _number = 0


@contextmanager
def at_once() -> Iterator[None]:
    """Within `heard`, let a signal raise Interrupted right here: where this thread waits for somebody and runs no code
    of a device."""
    global _waiting
    check()
    _waiting = True
    try:
        yield
    except RuntimeError:
        check()  # where Interrupted comes while a lock is taken again, it ends as "release unlocked lock"
        raise
    finally:
        _waiting = False


def reclaim() -> None:
    """Give signals to Python's handlers again, where foreign code has put its own into the process."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler is not None:
            signal.signal(number, handler)


def _note(number: int, _frame: FrameType | None) -> None:
    global _number, _came
    now = time.monotonic()
    if not _number:
        _number, _came = number, now
        if _waiting:
            raise Interrupted(number)
    elif now - _came > _TWICE:
        for child in multiprocessing.active_children():
            child.kill()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
