"""How long a TCP sender waits for an acknowledgment, and how much it may have in the air.

The retransmission timeout is RFC 6298, with the lower limit of 200 ms that common servers use instead of 1 s. The
congestion window is RFC 5681 with NewReno's recovery (RFC 6582) and an initial window of ten segments (RFC 6928).
"""

from __future__ import annotations

from bk7238.formats.plain import Record

INITIAL_RTO = 1_000_000  # all times are microseconds
SHORTEST_RTO = 200_000
LONGEST_RTO = 60_000_000
_GRANULARITY = 1_000


class RoundTrip(Record):
    """The smoothed round-trip time, and the timeout that follows from it."""

    def __init__(self) -> None:
        self.timeout = INITIAL_RTO
        self._smoothed: int | None = None
        self._variation = 0
        self._computed = INITIAL_RTO

    def measured(self, microseconds: int) -> None:
        """An acknowledgment took this long. Not to be called for what was sent twice (Karn's rule)."""
        if self._smoothed is None:
            self._smoothed, self._variation = microseconds, microseconds // 2
        else:
            self._variation += (abs(self._smoothed - microseconds) - self._variation) // 4
            self._smoothed += (microseconds - self._smoothed) // 8
        timeout = self._smoothed + max(_GRANULARITY, 4 * self._variation)
        self._computed = self.timeout = min(max(timeout, SHORTEST_RTO), LONGEST_RTO)

    def progressed(self) -> None:
        """Something new was acknowledged: what backing off added is dropped, as servers in the field do."""
        self.timeout = self._computed

    def back_off(self) -> None:
        """The timer went off: wait twice as long for the next."""
        self.timeout = min(2 * self.timeout, LONGEST_RTO)


class Congestion(Record):
    """The congestion window in bytes. `recovering` from a fast retransmission until `recover` is acknowledged."""

    def __init__(self, mss: int) -> None:
        self.mss = mss
        self.window = min(10 * mss, max(2 * mss, 14_600))
        self.threshold = 1 << 30
        self.recovering = False
        self.recover = 0
        self._counted = 0

    def acknowledged(self, count: int) -> None:
        """`count` new bytes were acknowledged outside of recovery: slow start or congestion avoidance."""
        if self.window < self.threshold:
            self.window += min(count, self.mss)
            return
        self._counted += count
        if self._counted >= self.window:
            self._counted -= self.window
            self.window += self.mss

    def lost(self, flight: int, top: int) -> None:
        """Duplicate acknowledgments say that a segment is missing: halve. `top` ends the recovery."""
        self._halve(flight)
        self.window = self.threshold + 3 * self.mss
        self.recovering, self.recover = True, top

    def duplicate(self) -> None:
        """One more segment has left the air during recovery."""
        self.window += self.mss

    def partial(self, count: int) -> None:
        """An acknowledgment during recovery, but not of all of it: the next hole is to be retransmitted."""
        self.window = max(self.window - count, 0) + self.mss

    def recovered(self, flight: int) -> None:
        """End fast recovery with `flight` bytes on the way (RFC 6582)."""
        self.window = min(self.threshold, max(flight, self.mss) + self.mss)
        self.recovering = False

    def timed_out(self, flight: int, top: int) -> None:
        """The retransmission timer went off: start over with one segment."""
        self._halve(flight)
        self.window = self.mss
        self.recovering, self.recover = False, top

    def _halve(self, flight: int) -> None:
        self.threshold = max(flight // 2, 2 * self.mss)
        self._counted = 0
