"""What passes between a socket of the host and a connection of the device: with back-pressure to the device."""

from __future__ import annotations

import contextlib
import socket

from bk7238.network.pace import OfTheHost

PIECE = 16_384  # bytes read at once


def family(host: str) -> socket.AddressFamily:
    """That of a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class HostSocket(OfTheHost):
    """A connection to the host in `socket`, which does not block. `pending` is what the host has not taken yet."""

    socket: socket.socket

    def __init__(self) -> None:
        self.pending = bytearray()
        self.host_ended = self.device_ended = self.over = False
        self._shut = False

    def write(self) -> int:
        """Hand the host what it takes, then the device's end. Returns how many bytes. Raises OSError."""
        count = 0
        if self.pending:
            with contextlib.suppress(BlockingIOError):
                count = self.socket.send(self.pending)
            del self.pending[:count]
        if self.device_ended and not self.pending and not self._shut:
            self._shut = True
            self.socket.shutdown(socket.SHUT_WR)
        return count

    def read(self, space: int) -> bytes | None:
        """At most so many bytes of the host's, none at its end, None where there is nothing now. Raises OSError."""
        if not space or self.host_ended:
            return None
        try:
            data = self.socket.recv(min(space, PIECE))
        except BlockingIOError:
            return None
        self.host_ended = not data
        return data

    def drop(self) -> None:
        """Close the host's side."""
        if not self.over:
            self.over = True
            self.socket.close()
