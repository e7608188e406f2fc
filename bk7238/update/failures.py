"""What has failed and how often: three failures of one kind, none of which came further than before, are an end.

A failure is made good by coming further than where it happened: an attempt to join by a lease, an attempt to connect by
a connection, and every one by a new phase or by a byte of the download that had not arrived before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from bk7238.machine import Machine
from bk7238.peripherals.core import Actor, State

TRIES = 3
ONE_ATTEMPT = 5_000_000  # microseconds: repetitions without a connection of their own that are closer are one attempt


class Stage(IntEnum):
    """Where in its way to the package a device is."""

    JOINING = 0
    CONNECTING = 1
    LOADING = 2


@dataclass(frozen=True)
class Failure:
    """One thing that failed. Those of the same `kind` are counted together; `text` says it in one line.

    Of failures with the same `attempt`, the device's port of one connection, only the first counts; `repeats` says that
    a device which tries once asks several times. What does not `count` is told where nothing else is known, and what is
    `usual` only once it has happened again. What `follows` is what a device does with half a download.
    """

    kind: str
    text: str
    stage: Stage
    attempt: int | None = None
    repeats: bool = False
    usual: bool = False
    follows: bool = False
    counts: bool = True


class Failures(Actor):
    """Those of one machine. `excused(since)` says whether what fails now is the work of a fault that passes, and has
    fired after that time (microseconds); `full()` is called at the third failure of a kind."""

    newest: Failure | None = State()  # that nothing has made good
    time: int = State(-1)  # of the newest, whether made good or not
    _counts: Counter[Failure] = State(factory=Counter)  # by the first of each kind
    _attempts: set[int] = State(factory=set)
    _repeated: dict[str, int] = State(factory=dict)
    _pardoned: bool = State(False)  # what follows from an attempt that was excused is excused too

    def __init__(self, machine: Machine, excused: Callable[[int], bool], full: Callable[[], None]) -> None:
        self._machine, self._excused, self._full = machine, excused, full

    def note(self, failure: Failure) -> bool:
        """Something failed. Whether the blame is a passing fault's, so that the device may begin anew."""
        if self._is_known(failure):
            return False
        if not failure.counts:
            self.newest = self.newest or failure
            return False
        excused = self._excused(self.time) or (self._pardoned and failure.follows)
        self.newest, self.time = self.newest if failure.usual else failure, self._machine.now
        self._pardoned = excused
        if excused:
            return True
        first = next((one for one in self._counts if one.kind == failure.kind), failure)
        self._counts[first] += 1
        if self._counts[first] >= TRIES:
            self._full()
        return False

    def _is_known(self, failure: Failure) -> bool:
        """Whether it belongs to an attempt of which a failure is known."""
        if failure.attempt is not None:
            known = failure.attempt in self._attempts
            self._attempts.add(failure.attempt)
            return known
        if not failure.repeats:
            return False
        before = self._repeated.get(failure.kind)
        self._repeated[failure.kind] = self._machine.now
        return before is not None and self._machine.now - before < ONE_ATTEMPT

    def begins(self, attempt: int) -> None:
        """The device begins an attempt on the connection from this port of its own."""
        self._attempts.discard(attempt)
        self._pardoned = False

    def restarted(self) -> None:
        """The device has been reset: it may use its ports again."""
        self._attempts.clear()

    def forget(self) -> None:
        """Nothing has failed yet."""
        self.newest, self.time, self._pardoned = None, -1, False
        for counted in (self._counts, self._attempts, self._repeated):
            counted.clear()

    def made_good(self, stage: Stage) -> None:
        """The device has come through this stage."""
        if self.newest is not None and self.newest.stage <= stage:
            self.newest = None
        for failure in [one for one in self._counts if one.stage <= stage]:
            del self._counts[failure]

    def cause(self) -> str:
        """The failure to name where the device goes no further, and how often it was seen; empty for none."""
        counted = [one for one in self._counts if not one.usual or self._counts[one] > 1]
        failure = max(counted, key=lambda one: self._counts[one], default=self.newest)
        if failure is None:
            return ""
        times = self._counts[failure]
        return failure.text + (f" ({times} times)" if times > 1 and failure.stage is not Stage.JOINING else "")
