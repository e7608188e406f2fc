"""The pace of a run that somebody of the real world takes part in: virtual time does not run ahead of wall time."""

from __future__ import annotations

import time
from collections.abc import Callable

CADENCE = 1_000  # microseconds of virtual time between two looks at what is not simulated here
LATE = 0.1  # seconds: a host that has fallen behind by more does not catch up at full speed


class OfTheHost:
    """What is connected to the user's machine: a run that has it can be neither copied nor taken back."""

    def __getstate__(self) -> object:
        raise TypeError("a run that is connected to the host cannot be copied or taken back")


class Pace:
    """Compares virtual time with `clock`, which tells wall time in seconds, and lets so many pass with `sleep`."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._anchor: tuple[float, float] | None = None  # virtual and wall seconds that belong together

    def begin(self) -> None:
        """Compare anew: what has passed until now did so at another pace."""
        self._anchor = None

    def wait(self, now: int) -> None:
        """Let wall time catch up with virtual time, in microseconds."""
        ahead = self.ahead(now)
        if ahead:
            self._sleep(ahead)

    def ahead(self, now: int) -> float:
        """How many seconds of wall time virtual time, in microseconds, is ahead; 0 where it is not."""
        virtual, wall = now / 1e6, self._clock()
        if self._anchor is None:
            self._anchor = virtual, wall
        ahead = virtual - self._anchor[0] - (wall - self._anchor[1])
        if ahead < -LATE:
            self._anchor = virtual, wall
        return max(0.0, ahead)
