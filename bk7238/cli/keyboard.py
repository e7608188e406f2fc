"""`bk7238 run` as a terminal: what is typed here goes to a UART of the device, and what that prints is shown at once.

On a terminal each key goes as it is pressed, for which virtual time keeps pace with the user's; the device echoes. From
a pipe or a file all is typed as it comes. This alone of a run depends on the host's time: when something is typed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bk7238.peripherals.core import Actor, Alarm, on_alarm
from bk7238.visible import visible

if TYPE_CHECKING:
    from bk7238.machine import Console, Machine

_GLANCE = 10_000  # virtual microseconds between two looks at the input
_END = b"\x04"  # Ctrl-D
_OBEYED = "\r\b"  # what moves the cursor in a line; all else that cannot be seen is written out


class Keyboard(Actor):
    """Types on `console` what comes on stdin, `after` some virtual microseconds from now on. `done` is called when a
    user ends it with Ctrl-D."""

    glance = Alarm()

    def __init__(self, machine: Machine, console: Console, done: Callable[[], None], after: int = 0) -> None:
        self._machine, self._console, self._done = machine, console, done
        self.clock, self._terminal = machine.clock, sys.stdin.isatty()
        self._began: float | None = None
        self._shown = 0  # bytes of the console's output
        machine.reaches("stdin")
        self.glance.start(after)

    @on_alarm(glance)
    def _look(self) -> None:
        import select

        now = self._machine.now / 1e6
        self._show()
        self._began = time.monotonic() - now if self._began is None else self._began
        ahead = max(0.0, self._began + now - time.monotonic()) if self._terminal else 0.0
        if select.select([sys.stdin], [], [], ahead)[0]:
            typed = os.read(sys.stdin.fileno(), 4096)
            if not typed or (self._terminal and _END in typed):
                if self._terminal:
                    self._done()
                return
            self._console.send(typed.replace(b"\n", b"\r"))
        self.glance.start(_GLANCE)

    @contextmanager
    def raw(self) -> Iterator[None]:
        """While this lasts, each key of a terminal counts, and is not shown by the terminal itself; what the device
        prints is shown as it comes."""
        if not self._terminal:
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)
        try:
            yield
        finally:
            self._show()
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    def _show(self) -> None:
        """Show what the device has printed since the last time."""
        if not self._terminal:
            return
        new = bytes(self._console.output[self._shown :])
        self._shown += len(new)
        text = new.decode("utf-8", "replace")
        assert sys.__stdout__ is not None
        sys.__stdout__.write("".join(one if one in _OBEYED else visible(one) for one in text))
        sys.__stdout__.flush()
