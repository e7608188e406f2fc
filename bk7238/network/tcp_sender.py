"""The sending half of a TCP connection: what is queued, what is in the air, and when to send it again.

Positions count from the SYN: it is 0, the first byte of data is 1, the FIN follows the last byte. They do not wrap.
No delay for small segments (no Nagle), but no silly windows either (RFC 9293, section 3.8.6.2.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bk7238.formats.plain import Record
from bk7238.network.tcp_congestion import LONGEST_RTO, Congestion, RoundTrip

BUFFER = 16_384  # bytes queued or in the air
RETRIES = 12  # in a row, before the peer is given up: some 8 minutes
SYN_RETRIES = 5


@dataclass(frozen=True)
class Piece:
    """What one segment carries: `data` from `position` on, perhaps the SYN before or the FIN behind it."""

    position: int
    data: bytes = b""
    syn: bool = False
    fin: bool = False


class Sender(Record):
    """`oldest` is the first position not acknowledged, `next` the one to send, `top` the end of all that was sent."""

    def __init__(self, mss: int, window: int) -> None:
        self.mss = mss
        self.oldest, self.next, self.top = 0, 0, 0
        self.timer: int | None = None  # when the retransmission or the persist timer goes off
        self.retries = 0
        self.closing = False
        self.end = 1  # the position behind the last byte queued: that of the FIN, if there will be one
        self._buffer = bytearray()  # the data from `_base` to `end`
        self._base = 1
        self._window = self._widest = window
        self._window_from = (0, 0)
        self._round_trip = RoundTrip()
        self._congestion = Congestion(mss)
        self._duplicates = 0
        self._again: Piece | None = None
        self._timed: tuple[int, int] | None = None
        self._persist = 0  # microseconds, 0 while the persist timer is off

    # What the application sees

    @property
    def space(self) -> int:
        """Bytes that may be queued now."""
        return 0 if self.closing else max(0, BUFFER - len(self._buffer))

    @property
    def delivered(self) -> int:
        """Bytes of data that the peer has acknowledged."""
        return self._base - 1

    def learn(self, mss: int) -> None:
        """The peer takes segments of so many bytes."""
        self.mss, self._congestion = mss, Congestion(mss)

    def queue(self, data: bytes) -> None:
        """Append data to what is to be sent."""
        self._buffer += data
        self.end += len(data)

    def close(self) -> None:
        """Queue a FIN behind what is queued."""
        self.closing = True

    # What the connection sees

    @property
    def finished(self) -> bool:
        """Whether the FIN was acknowledged."""
        return self.oldest > self.end

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or in the air."""
        return self.oldest == self.next == self.end

    def acknowledge(self, position: int, window: int, sequence: int, *, bare: bool, now: int) -> None:
        """An acknowledgment of all before `position` (at most `top`), in a segment at the peer's `sequence`.

        `bare`: the segment carried nothing else, so it counts as a duplicate if it says nothing new.
        """
        same_window = window == self._window
        if (sequence, position) >= self._window_from:
            self._window_from = (sequence, position)
            self._window, self._widest = window, max(self._widest, window)
        if position > self.oldest:
            self._advance(position, now)
        elif position == self.oldest and self.next > self.oldest and bare and same_window:
            self._duplicate()

    def _advance(self, position: int, now: int) -> None:
        count = position - self.oldest
        base = max(1, min(position, self.end))
        del self._buffer[: base - self._base]
        self._base = base
        self.oldest = position
        self.next = max(self.next, position)
        self.retries = self._duplicates = 0
        self._round_trip.progressed()
        if self._timed is not None and position > self._timed[0]:
            self._round_trip.measured(now - self._timed[1])
            self._timed = None
        congestion = self._congestion
        if not congestion.recovering:
            congestion.acknowledged(count)
        elif position >= congestion.recover:
            congestion.recovered(self.top - position)
        else:
            congestion.partial(count)
            self._again = self._first_piece()
        self.timer = now + self._round_trip.timeout if self.next > position else None
        self._persist = 0

    def _duplicate(self) -> None:
        """Three duplicates mean a loss; fewer where too few segments are in the air to cause three (RFC 5827)."""
        if self._congestion.recovering:
            self._congestion.duplicate()
            return
        self._duplicates += 1
        segments = -(-(self.top - self.oldest) // self.mss)
        limit = segments - 1 if 2 <= segments < 4 else 3
        if self._duplicates >= limit and self.oldest > self._congestion.recover:
            self._congestion.lost(self.top - self.oldest, self.top)
            self._timed = None
            self._again = self._first_piece()

    def _first_piece(self) -> Piece:
        """The first segment that is not acknowledged, once more."""
        if not self.oldest:
            return Piece(0, syn=True)
        return self._piece(self.oldest, min(self.mss, self.top - self.oldest, self.end - self.oldest))

    def _piece(self, position: int, size: int) -> Piece:
        start = position - self._base
        return Piece(
            position, bytes(self._buffer[start : start + size]), fin=self.closing and position + size == self.end
        )

    def start(self, now: int) -> Piece:
        """The SYN."""
        return self._sent(Piece(0, syn=True), 1, now)

    def pieces(self, now: int) -> Iterator[Piece]:
        """What is to be sent now."""
        if self._again is not None:
            piece, self._again = self._again, None
            yield piece
        while self.oldest:
            waiting = self.end - self.next
            fin = self.closing and self.next <= self.end
            room = self.oldest + min(self._window, self._congestion.window) - self.next
            size = min(waiting, room, self.mss)
            if waiting > 0 and (size <= 0 or (size < waiting and size < self.mss and size < self._widest // 2)):
                break  # no window, or too little of it to be worth a segment
            if waiting <= 0 and not fin:
                break
            piece = self._piece(self.next, max(size, 0))
            yield self._sent(piece, self.next + len(piece.data) + piece.fin, now)
        self._set_persist(now)

    def _sent(self, piece: Piece, end: int, now: int) -> Piece:
        if end > self.top and piece.position >= self.top and self._timed is None:
            self._timed = (piece.position, now)
        self.next = end
        self.top = max(self.top, end)
        if self.timer is None or self._persist:
            self.timer, self._persist = now + self._round_trip.timeout, 0
        return piece

    def _set_persist(self, now: int) -> None:
        """With nothing in the air and data waiting, only a window update lets us go on, and it can be lost."""
        if self.oldest and self.next == self.oldest and self.end > self.next and not self._persist:
            self._persist = self._round_trip.timeout
            self.timer = now + self._persist

    def expire(self, now: int) -> list[Piece]:
        """The timer went off: what to send. `retries` tells how often in a row nobody answered."""
        self.retries += 1
        if self._persist:
            return self._probe(now)
        self._round_trip.back_off()
        self._timed = self._again = None
        self._duplicates = 0
        self.timer = now + self._round_trip.timeout
        if not self.oldest:
            return [Piece(0, syn=True)]
        if self.retries == 1:
            self._congestion.timed_out(self.top - self.oldest, self.top)
        self.next = self.oldest
        piece = self._first_piece()
        self.next += len(piece.data) + piece.fin
        return [piece]

    def _probe(self, now: int) -> list[Piece]:
        """Fill a small window; ask about a closed one with an old position, which a peer answers with its window."""
        size = min(self._window, self.end - self.next, self.mss)
        if size > 0:
            self._persist = 0
            self.timer = None
            piece = self._piece(self.next, size)
            return [self._sent(piece, self.next + size + piece.fin, now)]
        self._persist = min(2 * self._persist, LONGEST_RTO)
        self.timer = now + self._persist
        return [Piece(self.oldest - 1)]

    def heard(self) -> None:
        """The peer is there: it answered a probe, though its window may still be closed."""
        if self._persist or not self._window:
            self.retries = 0
