"""Where runs end after power cuts, without running each of them from its beginning.

After a cut only the flash is left, and a boot depends on the flash only through what it has read so far. So one boot,
up to its first flash operation, serves every flash that agrees with its own in all it has read until then: there the
process is forked for each of them, and the child goes on with its own flash until it meets the trunk (follower.py).
That this holds is not assumed: point.py's `full` runs a cut from its beginning, and a test compares a sample of both.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from bk7238.sweep.explore.follower import Follower
from bk7238.sweep.explore.fork import Child, contained, fork
from bk7238.sweep.explore.trunk import Trunk, order
from bk7238.sweep.point import Job, Outcome, Point, elapsed
from bk7238.update.session import Update
from peripherals.nor_flash import SECTOR, NorFlash, Operation

_LINE = 32  # bytes of one read of the controller


class _Watched(NorFlash):
    """A chip that notes what is read of it."""

    def __init__(self, flash: bytes, jedec_id: int) -> None:
        super().__init__(len(flash), jedec_id)
        self.data[:] = flash
        self.lines: set[int] = set()

    def read(self, address: int, length: int) -> bytes:
        self.lines.add(address // _LINE)
        return super().read(address, length)

    def agrees(self, flash: bytes) -> bool:
        """Whether another flash has the same in all that was read."""
        own = bytes(self.data)
        if own == flash:
            return True
        first = last = -2
        for line in [*sorted(self.lines), -1]:
            if line == last + 1:
                last = line
                continue
            if first >= 0 and own[first * _LINE : (last + 1) * _LINE] != flash[first * _LINE : (last + 1) * _LINE]:
                return False
            first = last = line
        return True


class Explorer:
    """Runs cuts, in their order, and tells the outcome of each."""

    def __init__(self, job: Job, trunk: Trunk, tell: Callable[[Outcome], None]) -> None:
        self.job, self.trunk, self.tell = job, trunk, tell

    def explore(self, cuts: list[Point]) -> None:
        pending = sorted(cuts, key=order)
        while pending:
            finished = {one.id for one in self._lead(pending)}
            pending = [cut for cut in pending if cut.id not in finished]

    def states(self, cuts: list[Point]) -> Iterator[tuple[Point, bytes]]:
        """The flash after each cut. One at a time: what is in memory is copied with each fork."""
        return self.trunk.states(cuts, self.job.settings.seed)

    def _lead(self, cuts: list[Point]) -> list[Outcome]:
        """Boot the first of these, fork at its first operation for all that agree with it, and tell what came of it."""
        leader, flash = next(self.states(cuts))
        began = time.perf_counter()
        update = self._update(flash)
        chip = update.machine.flash
        assert isinstance(chip, _Watched)
        forks = _Forks(self, update, chip, cuts)
        chip.attendant = forks
        result = contained(update.run, lambda: forks.child is not None)
        if forks.child is not None:
            forks.finish(result.verdict.value, result.reason, None)
        if forks.outcomes:
            return forks.outcomes
        alone = Outcome(leader.id, result.verdict.value, result.reason, seconds=elapsed(began))
        outcomes = [alone]
        for cut, state in self.states(cuts):
            if cut != leader and state == flash:
                outcomes.append(replace(alone, id=cut.id, shared=leader.id, seconds=0.0))
        for one in outcomes:
            self.tell(one)
        return outcomes

    def _update(self, flash: bytes) -> Update:
        """The update, in front of this flash."""
        update = self.job.update()
        update.machine.flash = _Watched(flash, update.machine.flash.jedec_id)
        update.machine.board.flash.insert(update.machine.flash)
        return update


class _Forks:
    """The attendant of a leader's chip: at the first operation of the boot loader it forks, once for each state."""

    def __init__(self, explorer: Explorer, update: Update, chip: _Watched, cuts: list[Point]) -> None:
        self._explorer, self._update, self._chip, self._cuts = explorer, update, chip, cuts
        self.outcomes: list[Outcome] = []
        self.child: Child | None = None
        self._cut = cuts[0]
        self._began = 0.0
        self._follower = Follower(explorer.trunk)

    # The chip's side

    def before(self, operation: Operation) -> bool:
        if self.child is None:
            if self._update.story.app_started:
                return True  # there is no installation
            self._fork_all()
            if self.child is None:
                self._update.machine.stop()
                return False
        self._follower.before(operation)
        return True

    def after(self, operation: Operation, was: bytes) -> None:
        if self._follower.after(operation, self._chip.data):
            result = self._explorer.trunk.result
            self.finish(result.verdict.value, result.reason, self._follower.count)

    def identified(self) -> None:
        pass

    # Processes

    def _fork_all(self) -> None:
        leader = self._cuts[0].id
        known: dict[bytes, Outcome] = {}
        for cut, state in self._explorer.states(self._cuts):
            if not self._chip.agrees(state):
                continue
            key = hashlib.blake2b(state).digest()
            same = known.get(key)
            if same is None:
                self._cut, self._began = cut, time.perf_counter()
                answer = fork(f"{cut.id} (bk7238 ota --delivered {cut.options[0]})")
                if isinstance(answer, Child):
                    self._become(answer, state)
                    return
                found = replace(answer, shared=leader if cut.id != leader else "")
                known[key] = found
            else:
                found = replace(same, id=cut.id, shared=same.id, seconds=0.0)
            self.outcomes.append(found)
            self._explorer.tell(found)

    def _become(self, child: Child, state: bytes) -> None:
        """The copy: another flash, where it is another."""
        self.child = child
        self._follower.boot()
        controller = self._update.machine.board.flash
        own = bytes(self._chip.data)
        for at in range(0, len(own), SECTOR):
            if own[at : at + SECTOR] != state[at : at + SECTOR]:
                self._chip.data[at : at + SECTOR] = state[at : at + SECTOR]
                controller.refresh(at, SECTOR)

    def finish(self, verdict: str, reason: str, merged: int | None) -> None:
        """The copy's last deed."""
        assert self.child is not None
        self.child.send(Outcome(self._cut.id, verdict, reason, merged=merged, seconds=elapsed(self._began)))
