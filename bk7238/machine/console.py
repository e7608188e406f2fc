"""A terminal on one UART: what it shows, and what is typed on it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bk7238.peripherals.uart import Uart

_COLOURS = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


class Console:
    """What a terminal on one UART sees and types."""

    def __init__(self, uart: Uart) -> None:
        self._uart = uart
        self._line = bytearray()
        self._listeners: list[Callable[[str], None]] = []
        self.output = bytearray()
        self.hash = hashlib.sha256()
        uart.sent.connect(self._sent)

    def on_line(self, listener: Callable[[str], None]) -> None:
        """Hand each complete line to `listener`, without line end and colour codes."""
        self._listeners.append(listener)

    def send(self, data: bytes) -> None:
        """Type: the bytes arrive one after the other at line speed."""
        self._uart.receive(data)

    @property
    def text(self) -> str:
        """All that was printed, colour codes and all."""
        return self.output.decode("utf-8", "replace")

    def mark(self) -> tuple[int, bytes, Any]:
        """Where the output stands: its length, the unfinished line, the hash."""
        return len(self.output), bytes(self._line), self.hash.copy()

    def go_back(self, mark: tuple[int, bytes, Any]) -> None:
        """Forget what was printed since `mark`."""
        length, line, hash_then = mark
        del self.output[length:]
        self._line[:] = line
        self.hash = hash_then.copy()

    def _sent(self, byte: int) -> None:
        self.output.append(byte)
        self.hash.update(bytes((byte,)))
        self._line.append(byte)
        if byte == 0x0A:
            line = _COLOURS.sub(b"", bytes(self._line)).decode("utf-8", "replace").strip("\r\n\0")
            self._line.clear()
            for listener in self._listeners:
                listener(line)
