"""One TCP connection, the server's end of it (RFC 9293). Segments in, segments out, time passed in.

The state is not a variable: it follows from what the two halves have sent, received and acknowledged. Not
implemented: urgent data, window scaling, timestamps and selective acknowledgments, which lwIP does not ask for.
"""

from __future__ import annotations

from typing import Protocol

from bk7238.formats.plain import Record
from bk7238.network.tcp_receiver import Receiver
from bk7238.network.tcp_segment import ACK, DEFAULT_MSS, FIN, MSS, PSH, RST, SYN, Segment
from bk7238.network.tcp_sender import RETRIES, SYN_RETRIES, Piece, Sender

_SMALLEST_MSS = 64
_TIME_WAIT = 60_000_000  # all times are microseconds
_FIN_WAIT = 60_000_000
_IDLE = 75_000_000
_CHALLENGE = 500_000  # between two answers to segments that are out of place (RFC 5961, section 7)


class Application(Protocol):
    """What a connection tells its application. Each call may use `send`, `close` and `abort`."""

    def opened(self, now: int) -> None:
        """The handshake is complete."""

    def received(self, data: bytes, now: int) -> None:
        """The next bytes in order."""

    def drained(self, now: int) -> None:
        """The peer acknowledged data: `delivered` has grown, and there may be `space` again."""

    def ended(self, now: int) -> None:
        """The peer will send no more."""

    def idle(self, now: int) -> None:
        """Nothing has happened for 75 seconds."""

    def closed(self, reason: str, now: int) -> None:
        """The connection is gone: `reason` is empty for an orderly end."""


class Connection(Record):
    """A connection that a peer's SYN opened. What it wants to send is in `take()`; it is gone when `dead`.

    `server` is our address and port as the peer used them.
    """

    def __init__(self, syn: Segment, first: int, now: int, address: str = "") -> None:
        self.client_port, self.port = syn.source_port, syn.destination_port
        self.server = f"{address}:{self.port}"
        self.dead = False
        self.established = False
        self._first, self._peer_first = first, syn.sequence
        mss = min(MSS, max(syn.mss or DEFAULT_MSS, _SMALLEST_MSS))
        self._sender, self._receiver = Sender(mss, syn.window), Receiver()
        self._application: Application | None = None
        self._output: list[Segment] = []
        self._acknowledge = False
        self._challenged: int | None = None
        self._linger: int | None = None
        self._active = now
        self._closed_first = False
        self._emit(self._sender.start(now))

    # The application's side

    def attach(self, application: Application) -> None:
        """Name who is told what happens."""
        self._application = application

    @property
    def space(self) -> int:
        """How many bytes `send` takes now."""
        return 0 if self.dead else self._sender.space

    @property
    def delivered(self) -> int:
        """How many bytes of data the peer has acknowledged."""
        return self._sender.delivered

    def withhold(self, unread: int) -> None:
        """Say how many of the bytes received the application still holds: the peer's window shrinks by them."""
        self._acknowledge = self._receiver.withhold(unread) or self._acknowledge

    def send(self, data: bytes) -> None:
        """Queue data. More than `space` is taken too, but an application is expected to look."""
        if not self.dead and not self._sender.closing:
            self._sender.queue(data)

    def close(self) -> None:
        """Send what is queued, then FIN."""
        if not self._sender.closing:
            self._closed_first = not self._receiver.ended
            self._sender.close()

    def abort(self, now: int) -> None:
        """Send RST and forget everything."""
        if not self.dead:
            self._reply(RST | ACK, self._sender.next)
            self._end("reset by the server", now)

    # The network's side

    def take(self) -> list[Segment]:
        """The segments to send since the last call."""
        output, self._output = self._output, []
        return output

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        if self.dead:
            return None
        if self._linger is not None:
            return self._linger
        timer = self._sender.timer
        return self._active + _IDLE if timer is None else timer  # not idle while an answer is awaited

    @property
    def in_time_wait(self) -> bool:
        """Whether both sides have ended, and late segments may still come."""
        return self._sender.finished and self._receiver.ended

    def follows(self, syn: Segment) -> bool:
        """Whether a SYN in TIME-WAIT is newer than this connection, so that it may take its place (RFC 1122)."""
        return self.in_time_wait and self._peer_position(syn.sequence) >= self._receiver.next

    def receive(self, segment: Segment, now: int) -> None:
        """A segment of this connection."""
        if self.dead:
            return
        self._process(segment, now)
        self._flush(now)

    def push(self, now: int) -> None:
        """Send what the application has queued between two segments."""
        self._flush(now)

    def poll(self, now: int) -> None:
        """Do what was due at or before `now`."""
        deadline = self.deadline
        if deadline is None or deadline > now:
            return
        if self._linger is not None:
            self._end("", now)
        elif self._sender.timer is not None and self._sender.timer <= now:
            self._expire(now)
        else:
            self._active = now
            if self._application is not None:
                self._application.idle(now)
        self._flush(now)

    def _expire(self, now: int) -> None:
        if self._sender.retries >= (RETRIES if self.established else SYN_RETRIES):
            self._reply(RST | ACK, self._sender.next)
            self._end("timed out", now)
            return
        for piece in self._sender.expire(now):
            self._emit(piece)

    def _process(self, segment: Segment, now: int) -> None:
        position = self._peer_position(segment.sequence)
        if not self.established and segment.flags & SYN and position == 0 and not segment.flags & (ACK | RST):
            self._emit(Piece(0, syn=True))  # our answer was lost
            return
        if not self._receiver.acceptable(position, segment.length):
            if not segment.flags & RST:
                self._challenge(segment, now)
            return
        if segment.flags & RST:
            if position == self._receiver.next:
                self._end("reset by the device", now)
            else:
                self._challenge(segment, now)
            return
        if segment.flags & SYN:
            self._challenge(segment, now)
            return
        if segment.flags & ACK and self._take_acknowledgment(segment, position, now):
            self._take_data(segment, position, now)

    def _take_acknowledgment(self, segment: Segment, position: int, now: int) -> bool:
        """False where the rest of the segment is not to be looked at."""
        sender = self._sender
        acknowledged = near(segment.acknowledgment - self._first, sender.oldest)
        if acknowledged > sender.top or (not self.established and acknowledged != 1):
            if self.established:
                self._challenge(segment, now)
            else:
                self._output.append(Segment(self.port, self.client_port, segment.acknowledgment, 0, RST, 0))
            return False
        before = sender.delivered
        sender.acknowledge(acknowledged, segment.window, position, bare=not segment.length, now=now)
        sender.heard()
        self._active = now
        if not self.established:
            self.established = True
            self._tell("opened", now)
        elif sender.delivered > before:
            self._tell("drained", now)
        return not self.dead

    def _take_data(self, segment: Segment, position: int, now: int) -> None:
        if not segment.length:
            return
        self._acknowledge = True
        ended = self._receiver.ended
        data = self._receiver.receive(position, segment.payload, bool(segment.flags & FIN))
        if data and self._application is not None:
            self._application.received(data, now)
        if self._receiver.ended and not ended:
            self._tell("ended", now)

    def _flush(self, now: int) -> None:
        """Send what the windows allow, or at least the acknowledgment that is owed."""
        if self.dead:
            return
        for piece in self._sender.pieces(now):
            self._emit(piece)
        if self._acknowledge:
            self._reply(ACK, self._sender.next)
        self._linger_or_end(now)

    def _linger_or_end(self, now: int) -> None:
        if not self._sender.finished or (self._linger is not None and not self.in_time_wait):
            return
        if self._receiver.ended and not self._closed_first:
            self._end("", now)
        elif self._receiver.ended:
            self._linger = now + _TIME_WAIT
            self._tell_closed("", now)
        else:
            self._linger = now + _FIN_WAIT

    def _challenge(self, segment: Segment, now: int) -> None:
        """Tell the peer where we are, but not too often when it sends nothing but acknowledgments itself."""
        if segment.length or self._challenged is None or now - self._challenged >= _CHALLENGE:
            self._challenged = now
            self._acknowledge = True

    def _emit(self, piece: Piece) -> None:
        flags = ACK
        if piece.syn:
            flags |= SYN
        if piece.fin:
            flags |= FIN
        if piece.data:
            flags |= PSH
        self._reply(flags, piece.position, piece.data, MSS if piece.syn else None)

    def _reply(self, flags: int, position: int, data: bytes = b"", mss: int | None = None) -> None:
        sequence = self._first + position & 0xFFFF_FFFF
        acknowledgment = self._peer_first + self._receiver.next & 0xFFFF_FFFF
        self._acknowledge = False
        window = self._receiver.announce()
        self._output.append(Segment(self.port, self.client_port, sequence, acknowledgment, flags, window, data, mss))

    def _peer_position(self, sequence: int) -> int:
        return near(sequence - self._peer_first, self._receiver.next)

    def _tell(self, what: str, now: int) -> None:
        if self._application is not None:
            getattr(self._application, what)(now)

    def _end(self, reason: str, now: int) -> None:
        self.dead = True
        self._tell_closed(reason, now)

    def _tell_closed(self, reason: str, now: int) -> None:
        """Once: what lingers in TIME-WAIT is over for the application."""
        application, self._application = self._application, None
        if application is not None:
            application.closed(reason, now)


def near(number: int, reference: int) -> int:
    """The position nearest to `reference` that equals `number` modulo 2**32."""
    return reference + ((number - reference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
