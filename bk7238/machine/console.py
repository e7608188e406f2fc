"""A terminal on one UART: what it shows, and what is typed on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bk7238.peripherals.core import Actor, Signal, State
from bk7238.peripherals.uart import LINE_FEED

if TYPE_CHECKING:
    from bk7238.peripherals.uart import Uart

_COLOURS = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


class Console(Actor):
    """What a terminal on one UART sees and types. `on_line` is told each complete line, without line end and colour
    codes."""

    output: bytearray = State(factory=bytearray)
    _line: bytearray = State(factory=bytearray)

    def __init__(self, uart: Uart) -> None:
        self._uart = uart
        self.on_line = Signal()
        uart.text.connect(self._sent)

    def __repr__(self) -> str:
        return f"<console: {len(self.output):,} bytes printed, the last {self.text[-40:]!r}>"

    def send(self, data: bytes) -> None:
        """Type: the bytes arrive one after the other at line speed."""
        self._uart.receive(data)

    @property
    def text(self) -> str:
        """All that was printed, colour codes and all."""
        return self.output.decode("utf-8", "replace")

    def _sent(self, data: bytes) -> None:
        """Only the last byte may be the end of a line."""
        self.output += data
        self._line += data
        if data[-1] == LINE_FEED:
            line = _COLOURS.sub(b"", bytes(self._line)).decode("utf-8", "replace").strip("\r\n\0")
            self._line.clear()
            self.on_line(line)
