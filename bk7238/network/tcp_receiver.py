"""The receiving half of a TCP connection: puts what arrives in order.

Positions count from the peer's SYN, as in the sender. `window` is what may come: all of WINDOW but for what the
application has taken and not yet got rid of.
"""

from __future__ import annotations

from bk7238.formats.plain import Record
from bk7238.network.tcp_segment import MSS

WINDOW = 16_384
PIECES = 32  # segments kept out of order


class Receiver(Record):
    """`next` is the first position that is missing; `ended` tells that the peer's FIN was reached."""

    def __init__(self) -> None:
        self.next = 1
        self.ended = False
        self.window = self.announced = WINDOW
        self._pieces: dict[int, bytes] = {}
        self._fin: int | None = None

    def withhold(self, unread: int) -> bool:
        """Shrink the window by bytes that are not read yet. Whether the peer is to be told, of one that has opened.

        It opens again when two full segments, or half of it, have become free (RFC 9293, section 3.8.6.2.2).
        """
        window = max(0, WINDOW - unread)
        opens = window > self.window and window - self.announced >= min(2 * MSS, WINDOW // 2)
        self.window = window
        return opens

    def announce(self) -> int:
        """The window, for a segment that tells the peer."""
        self.announced = self.window
        return self.window

    def acceptable(self, position: int, length: int) -> bool:
        """Whether a segment lies at least partly in the window (RFC 9293, section 3.10.7.4).

        With the window closed, a segment at its edge still counts: it may acknowledge something, and wants an answer.
        """
        return position < self.next + max(self.window, 1) and position + length >= self.next + (length > 0)

    def receive(self, position: int, data: bytes, fin: bool) -> bytes:
        """Take a segment that is acceptable; returns the data that is now in order."""
        if self.ended:
            return b""
        if fin and self._fin is None and position + len(data) <= self.next + self.window:
            self._fin = position + len(data)
        if position < self.next:
            data = data[self.next - position :]
            position = self.next
        limit = self.next + self.window if self._fin is None else self._fin
        data = data[: max(0, limit - position)]
        if position > self.next:
            self._keep(position, data)
            return b""
        self.next += len(data)
        ready = [data, *self._take_kept()] if self._pieces else [data]
        if self.next == self._fin:
            self.next += 1
            self.ended = True
            self._pieces.clear()
        return b"".join(ready)

    def _keep(self, position: int, data: bytes) -> None:
        if data and (len(self._pieces) < PIECES or position in self._pieces):
            self._pieces[position] = max(data, self._pieces.get(position, b""), key=len)

    def _take_kept(self) -> list[bytes]:
        """What was kept and has become the next in order."""
        ready = []
        for position in sorted(self._pieces):
            if position > self.next:
                break
            data = self._pieces.pop(position)[self.next - position :]
            ready.append(data)
            self.next += len(data)
        return ready
