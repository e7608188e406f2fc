"""The history of a machine under a debugger: any position in it can be gone to, in both directions.

Snapshots are taken as the machine runs; a position between two is reached by running again from the one before it,
which gives the same run. A position is a number of executed instructions. What a debugger changes (a register, a cut
link) starts a new piece of history with a snapshot of its own: going back behind it undoes it, and it is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bk7238.engine.stops import Halt
from bk7238.machine import Machine
from bk7238.machine.snapshot import Snapshot, Snapshots

_EVERY = 3_000_000  # instructions from one snapshot to the next
_AT_LEAST = 500_000  # virtual microseconds
_MOST = 96  # snapshots; then every second one of the older half goes
_MARGIN = 1024  # instructions; more than the longest block has
_FAR = 3_600_000_000  # microseconds: beyond every history
_CHUNK = 1_000_000  # instructions, and microseconds, between two looks at whether this is still wanted


class Unwanted(Exception):
    """Whoever asked to go somewhere wants it no more; the machine stands on the way there."""


@dataclass
class _Mark:
    snapshot: Snapshot
    changed: bool  # it begins with what a debugger changed: it must not be dropped


class Timeline:
    """The history of `machine`, from now on."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.snapshots = Snapshots(machine)
        self.engine = self.snapshots.engine
        self.replaying = False  # what happens has happened before
        self.unwanted: Callable[[], bool] = lambda: False  # asked on the way: whether to stop there, by Unwanted
        self._marks: list[_Mark] = []
        self._changed = False

    @property
    def position(self) -> int:
        """Where the machine stands, in instructions since power-on."""
        return self.engine.position

    @property
    def begin(self) -> int:
        """The earliest position that can be gone to."""
        return self._marks[0].snapshot.position if self._marks else self.position

    def keep(self) -> Snapshot:
        """Take a snapshot here."""
        snapshot = self.snapshots.take()
        self._marks.append(_Mark(snapshot, self._changed))
        self._changed = False
        self._thin()
        return snapshot

    def changed(self) -> None:
        """A debugger is about to change the machine: what was known to come after this is no longer true."""
        if not self._marks:
            self.keep()
        self._forget_after(self.position)
        self._changed = True

    def about_to_run(self) -> None:
        """Call before the machine runs on: keeps a snapshot where one is due."""
        here = self.position
        stale = [mark for mark in self._marks if mark.changed and mark.snapshot.position > here]
        if stale:
            self._forget_after(stale[0].snapshot.position - 1)
        if self._marks and not self._changed:
            last = self._marks[-1].snapshot
            if here - last.position < _EVERY and self.machine.now - last.time < _AT_LEAST:
                return
        self.keep()

    # Going somewhere

    def goto(self, position: int) -> None:
        """Stand before the instruction at `position`, or the first one after it. Raises ValueError for one that lies
        before the history begins."""
        if position < self.begin:
            raise ValueError(f"the history begins at instruction {self.begin}")
        with_here = position >= self.position and not any(
            self.position < mark.snapshot.position <= position for mark in self._marks
        )
        if not with_here:
            self._restore(self._before(position + 1))
        self._replay(position)

    def back(self) -> bool:
        """Undo one instruction. False where the history begins."""
        self._settle()
        here, distance = self.position, 1
        while self.begin < here:
            self.goto(max(self.begin, here - distance))
            self._settle()
            if self.position < here:
                break
            if here - distance <= self.begin:
                return False
            distance *= 2
        else:
            return False
        while True:  # where an instruction was cut short by an exception, positions are missing
            before = self.position
            if before + 1 == here:
                return True
            self._replay(before + 1)
            if self.position >= here:
                self.goto(before)
                return True

    def back_to_stop(self) -> Halt | None:
        """Go back to the last breakpoint or watched access before here; to the beginning, and None, where there is
        none."""
        self._settle()
        limit = self.position
        for mark in reversed([mark for mark in self._marks if mark.snapshot.position < limit]):
            self._restore(mark.snapshot)
            found = self._search(limit)
            if found is not None:
                self.goto(found[0])
                return found[1]
            limit = mark.snapshot.position
        if self._marks:
            self._restore(self._marks[0].snapshot)
            self._settle()
        return None

    def _search(self, limit: int) -> tuple[int, Halt] | None:
        """The last stop between here and `limit`."""
        last: list[tuple[int, Halt]] = []

        def found(position: int, halt: Halt) -> None:
            if position < limit:
                last[:] = [(position, halt)]

        self._replay(limit, found)
        return last[0] if last else None

    # Running again

    def _replay(self, position: int, found: Callable[[int, Halt], None] | None = None) -> None:
        """Run to `position` without stopping; `found` is told of the stops on the way."""
        stops = self.engine.stops
        self.replaying = True
        try:
            with stops.passing_by(found):
                self._run_to(position)
        finally:
            self.replaying = False

    def _run_to(self, position: int) -> None:
        engine = self.engine
        stops = engine.stops
        stuck = None
        while engine.position < position or not stops.midway:
            state = engine.position, self.machine.now, stops.midway
            if state == stuck:
                break  # it sleeps for ever
            stuck = state
            if self.unwanted():
                raise Unwanted
            until = self.machine.now + _CHUNK
            ahead = position - engine.position
            if ahead > _MARGIN:
                engine.run(until, min(position - _MARGIN, engine.position + _CHUNK))
            elif stops.midway and ahead < stops.rest:
                stops.reach(stops.pc + ahead * stops.width, until)
            else:
                stops.next_block(until)
            stops.tell()

    def _settle(self) -> None:
        self.replaying = True
        try:
            with self.engine.stops.passing_by(None):
                self.engine.stops.settle(self.machine.now + _FAR)
        finally:
            self.replaying = False

    def _restore(self, snapshot: Snapshot) -> None:
        self.snapshots.restore(snapshot)

    # The snapshots

    def _before(self, position: int) -> Snapshot:
        return [mark.snapshot for mark in self._marks if mark.snapshot.position < position][-1]

    def _forget_after(self, position: int) -> None:
        self._marks = [mark for mark in self._marks if mark.snapshot.position <= position] or self._marks[:1]

    def _thin(self) -> None:
        if len(self._marks) > _MOST:
            half = _MOST // 2
            kept = [mark for index, mark in enumerate(self._marks[:half]) if index % 2 == 0 or mark.changed]
            self._marks = kept + self._marks[half:]
