"""The client's end of one TCP connection: opens it, sends a request, takes what comes. Segments in, segments out.

It shares the two halves with the server's end (tcp_sender.py, tcp_receiver.py). It leaves without TIME-WAIT: its port
is not used again.
"""

from __future__ import annotations

from bk7238.formats.plain import Record
from bk7238.network.tcp_connection import near
from bk7238.network.tcp_receiver import Receiver
from bk7238.network.tcp_segment import ACK, DEFAULT_MSS, FIN, MSS, PSH, RST, SYN, Segment
from bk7238.network.tcp_sender import RETRIES, SYN_RETRIES, Piece, Sender


class TcpClient(Record):
    """`take` returns the segments to send; `received` collects what arrived; `failure` says why it broke."""

    def __init__(self, port: int, server_port: int, first: int, now: int) -> None:
        self.port, self.server_port = port, server_port
        self.received = bytearray()
        self.established = False
        self.failure = ""
        self._first = first
        self._peer_first = 0
        self._sender, self._receiver = Sender(DEFAULT_MSS, 0), Receiver()
        self._acknowledge = False
        self._output: list[Segment] = []
        self._emit(self._sender.start(now))

    @property
    def ended(self) -> bool:
        """Whether the server has sent all that it will send."""
        return self._receiver.ended

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        return None if self.failure else self._sender.timer

    @property
    def space(self) -> int:
        """Bytes that may be queued now."""
        return self._sender.space

    @property
    def delivered(self) -> int:
        """Bytes of data that the server has acknowledged."""
        return self._sender.delivered

    @property
    def finished(self) -> bool:
        """Whether both sides have ended, and know it of each other."""
        return self._sender.finished and self.ended

    def withhold(self, unread: int, now: int) -> None:
        """Say how many of the bytes received are not read yet: the peer's window shrinks by them."""
        self._acknowledge = self._receiver.withhold(unread) or self._acknowledge
        self._flush(now)

    def send(self, data: bytes, now: int) -> None:
        """Queue data; it goes out when the connection is established."""
        self._sender.queue(data)
        self._flush(now)

    def close(self, now: int) -> None:
        """Send what is queued, then FIN."""
        self._sender.close()
        self._flush(now)

    def abort(self) -> None:
        """Reset the connection."""
        self._reply(RST | ACK, self._sender.next)

    def take(self) -> list[Segment]:
        """The segments to send since the last call."""
        output, self._output = self._output, []
        return output

    def poll(self, now: int) -> None:
        """Do what was due at or before `now`."""
        if self.deadline is None or self.deadline > now:
            return
        if self._sender.retries >= (RETRIES if self.established else SYN_RETRIES):
            self.failure = "timed out"
            return
        for piece in self._sender.expire(now):
            self._emit(piece)
        self._flush(now)

    def receive(self, segment: Segment, now: int) -> None:
        """A segment of this connection."""
        if self.failure:
            return
        acknowledged = near(segment.acknowledgment - self._first, self._sender.oldest)
        if not self.established:
            self._open(segment, acknowledged, now)
            return
        position = near(segment.sequence - self._peer_first, self._receiver.next)
        if not self._receiver.acceptable(position, segment.length):
            self._acknowledge = not segment.flags & RST
        elif segment.flags & RST:
            self.failure = "reset by the peer"
        elif segment.flags & ACK and acknowledged <= self._sender.top:
            self._sender.acknowledge(acknowledged, segment.window, position, bare=not segment.length, now=now)
            self._sender.heard()
            if segment.length:
                self._acknowledge = True
                self.received += self._receiver.receive(position, segment.payload, bool(segment.flags & FIN))
        self._flush(now)

    def _open(self, segment: Segment, acknowledged: int, now: int) -> None:
        if not segment.flags & ACK or acknowledged != 1:
            return
        if segment.flags & RST:
            self.failure = "refused"
        elif segment.flags & SYN:
            self.established = self._acknowledge = True
            self._peer_first = segment.sequence
            self._sender.learn(min(MSS, segment.mss or DEFAULT_MSS))
            self._sender.acknowledge(1, segment.window, 0, bare=False, now=now)
            self._flush(now)

    def _flush(self, now: int) -> None:
        if self.failure or not self.established:
            return
        for piece in self._sender.pieces(now):
            self._emit(piece)
        if self._acknowledge:
            self._reply(ACK, self._sender.next)

    def _emit(self, piece: Piece) -> None:
        flags = SYN if piece.syn else ACK
        flags |= (FIN if piece.fin else 0) | (PSH if piece.data else 0)
        self._reply(flags, piece.position, piece.data, MSS if piece.syn else None)

    def _reply(self, flags: int, position: int, data: bytes = b"", mss: int | None = None) -> None:
        self._acknowledge = False
        sequence = self._first + position & 0xFFFF_FFFF
        acknowledgment = self._peer_first + self._receiver.next & 0xFFFF_FFFF if flags & ACK else 0
        window = self._receiver.announce()
        segment = Segment(self.port, self.server_port, sequence, acknowledgment, flags, window, data, mss)
        self._output.append(segment)
