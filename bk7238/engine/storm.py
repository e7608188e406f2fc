"""A crash storm: exceptions that only ever lead to the next one, so that the guest will not come out of them alone.

A guest that handles its aborts gets somewhere: it reaches new places, or what the machine calls progress changes (a
byte on a UART, a flash operation, a frame). All is counted in exceptions and instructions: the same run has the same
storm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_MANY = 5_000  # exceptions, where they follow each other closely
_FEWEST = 64  # and where there is much code between them:
_WEIGHT = 100_000  # instructions count as one more
_LOUDEST = 100_000  # exceptions, where what its handler does shows: a dump without end
_PLACES = 256  # a guest that runs through what is no code finds new places in it for long
_AGAIN = 8  # exceptions after which a storm that an event interrupted goes on
_AT_ONCE = 2  # instructions from one exception to the next


class LastException(Protocol):
    """Who knows how many instructions there were until the last exception; software interrupts may be taken without a
    word to the storm, but for those that follow one at once."""

    last_exception: int


@dataclass(frozen=True)
class StormSnapshot:
    """The state of a `Storm`."""

    raging: bool
    places: frozenset[tuple[str, int]]
    progress: object
    counts: tuple[int, int, int, int]


class Storm:
    """Counts exceptions. `progress` gives something that differs once the guest has got anywhere; `tell` is told which
    exception has become a storm."""

    def __init__(self, progress: Callable[[], object], tell: Callable[[str], object], last: LastException) -> None:
        self._progress, self._tell, self._last = progress, tell, last
        self.raging = False
        self._places: set[tuple[str, int]] = set()
        self._seen: object = None
        self._count = self._total = 0  # exceptions without progress, and since there was a new place
        self._began = 0  # instructions after power-on

    def exception(self, what: str, address: int, instructions: int) -> bool:
        """Whether there is nothing to be had from executing on before the next event: it is a storm, and this
        exception at a CPU address, `instructions` after power-on, is not the first few behind an event."""
        seen, place = self._progress(), (what, address)
        if place not in self._places and len(self._places) < _PLACES:
            self._places.add(place)
            self._total, self._seen = 0, None
        self._last.last_exception = instructions
        self._total += 1
        if seen != self._seen:
            self._seen, self._count, self._began = seen, 0, instructions
            self.raging = self.raging and self._total >= _LOUDEST
        self._count += 1
        if self.raging:
            return self._total % _AGAIN == 0
        quiet = self._count >= _FEWEST and self._count + (instructions - self._began) // _WEIGHT >= _MANY
        self.raging = quiet or self._total >= _LOUDEST
        if self.raging:
            self._tell(what)
        return self.raging

    def call(self, address: int, instructions: int) -> bool:
        """As `exception`, for a software interrupt: only one that follows an exception at once is no firmware's."""
        at_once = instructions - self._last.last_exception <= _AT_ONCE
        self._last.last_exception = instructions
        return at_once and self.exception("software interrupt", address, instructions)

    def calm(self) -> None:
        """The CPU was reset."""
        self.raging = False
        self._places.clear()
        self._count = self._total = self._began = self._last.last_exception = 0
        self._seen = None

    def snapshot(self) -> StormSnapshot:
        """Everything that `restore` needs."""
        counts = self._count, self._total, self._began, self._last.last_exception
        return StormSnapshot(self.raging, frozenset(self._places), self._seen, counts)

    def restore(self, snapshot: StormSnapshot) -> None:
        """Go back to a snapshot."""
        self.raging, self._places, self._seen = snapshot.raging, set(snapshot.places), snapshot.progress
        self._count, self._total, self._began, self._last.last_exception = snapshot.counts
