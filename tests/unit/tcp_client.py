"""A small TCP client for the server's tests: a receive window like lwIP's, and an application that reads slowly.

It acknowledges each segment at once, keeps what comes out of order, and sends again what is not acknowledged.
"""

from __future__ import annotations

from bk7238.network.tcp_segment import ACK, FIN, PSH, RST, SYN, Segment

MASK = 0xFFFF_FFFF
RETRY = 300_000


class TcpClient:
    def __init__(self, port: int = 49153, *, window: int = 4380, first: int = 0xFFFF_FF00, mss: int | None = 1460):
        self.port, self.limit, self.mss = port, window, mss
        self.una = self.nxt = first
        self.peer: int | None = None  # the next sequence number expected
        self.received = bytearray()
        self.unread = 0
        self.ended = self.reset = self.connected = False
        self.closing = False
        self.read_size: int | None = None  # None: reads everything at once
        self._early: dict[int, Segment] = {}
        self._queue = bytearray()
        self._fin_sent = False
        self.timer: int | None = None  # when `poll` sends again
        self.sent_ack_window = window
        self.output: list[Segment] = []

    @property
    def window(self) -> int:
        return max(0, self.limit - self.unread)

    def connect(self, now: int) -> None:
        self._emit(self.una, SYN, mss=self.mss)
        self.nxt = self.una + 1 & MASK
        self.timer = now + RETRY

    def send(self, data: bytes, now: int) -> None:
        self._queue += data
        self._transmit(now)

    def close(self, now: int) -> None:
        self.closing = True
        self._transmit(now)

    def read(self, size: int) -> None:
        """The application takes bytes; the window is announced again when it has grown enough."""
        self.unread = max(0, self.unread - size)
        if self.peer is not None and self.window - self.sent_ack_window >= min(self.limit // 4, 1460):
            self._emit(self.nxt, ACK)

    def poll(self, now: int) -> None:
        if self.timer is not None and now >= self.timer and not self.reset:
            self.timer = now + RETRY
            self._again()

    def take(self) -> list[Segment]:
        output, self.output = self.output, []
        return output

    def receive(self, segment: Segment, now: int) -> None:
        if self.reset:
            return
        if segment.flags & RST:
            self.reset = True
            return
        if segment.flags & SYN:
            if self.peer is None:
                self.peer = segment.sequence + 1 & MASK
                self.una = segment.acknowledgment
                self.connected = True
                self.timer = None
            self._emit(self.nxt, ACK)
            self._transmit(now)
            return
        if self.peer is None:
            return
        if _after(segment.acknowledgment, self.una) and not _after(segment.acknowledgment, self.nxt):
            acknowledged = segment.acknowledgment - self.una & MASK
            del self._queue[:acknowledged]
            self.una = segment.acknowledgment
            self.timer = None if self.una == self.nxt else now + RETRY
            self._transmit(now)
        if segment.length:
            self._take(segment)
            self._emit(self.nxt, ACK)
        elif segment.sequence != self.peer:
            self._emit(self.nxt, ACK)  # out of the window: says where we are

    def _take(self, segment: Segment) -> None:
        ahead = segment.sequence - self.peer & MASK
        if ahead < 0x8000_0000 and ahead + len(segment.payload) <= self.window:
            self._early[segment.sequence] = segment
        while True:
            found = next((s for s in self._early.values() if not _after(s.sequence, self.peer)), None)
            if found is None:
                return
            del self._early[found.sequence]
            skip = self.peer - found.sequence & MASK
            data = found.payload[skip:]
            self.received += data
            self.peer = self.peer + len(data) & MASK
            if self.read_size is not None:
                self.unread += len(data)
            if found.flags & FIN and skip <= len(found.payload) and not self.ended:
                self.peer = self.peer + 1 & MASK
                self.ended = True

    def _transmit(self, now: int) -> None:
        if not self.connected:
            return
        sent = self.nxt - self.una & MASK
        data = bytes(self._queue[sent : sent + 1460])
        if data:
            self._emit(self.nxt, ACK | PSH, data)
            self.nxt = self.nxt + len(data) & MASK
        elif self.closing and not self._fin_sent:
            self._fin_sent = True
            self._emit(self.nxt, ACK | FIN)
            self.nxt = self.nxt + 1 & MASK
        else:
            return
        if self.timer is None:
            self.timer = now + RETRY

    def _again(self) -> None:
        if not self.connected:
            self._emit(self.una, SYN, mss=self.mss)
        elif self._queue:
            self._emit(self.una, ACK | PSH, bytes(self._queue[:1460]))
        elif self._fin_sent and self.una != self.nxt:
            self._emit(self.una, ACK | FIN)

    def _emit(self, sequence: int, flags: int, payload: bytes = b"", mss: int | None = None) -> None:
        self.sent_ack_window = self.window
        self.output.append(Segment(self.port, 80, sequence, self.peer or 0, flags, self.window, payload, mss))


def _after(left: int, right: int) -> bool:
    return 0 < (left - right & MASK) < 0x8000_0000
