"""Points whose runs have their beginning in common: it is carried out once, and the process forked there for each.

A copy goes on as its point would. Two things may be in common:

- the undisturbed run up to the moment at which the first fault of a point strikes (`at_moments`). The copy lays the
  faults into the run; what comes of it is what the point gives from the beginning, to the digest.
- the boot after a power cut (`at_boots`). Only the flash is left then, and a boot depends on the flash only through
  what it has read so far: one boot, up to its first flash operation, serves every flash that agrees with its own in all
  it has read until then. The copy goes on with its own flash.

A copy need not be watched further than to where it meets the undisturbed run again. That all this holds is not assumed:
point.py's `full` runs a point from its beginning, and tests compare samples of both.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any, NoReturn, TypeVar

from msgspec.structs import replace

from bk7238.faults import Fault, Spec, all_kinds, moment
from bk7238.faults.fault import make
from bk7238.faults.targets import Targets
from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.nor_endings import SECTOR, STATUS, Operation
from bk7238.peripherals.nor_flash import LINE, NorFlash
from bk7238.sweep import orphans
from bk7238.sweep.explore.outages import Outages, Scout
from bk7238.sweep.explore.trunk import Follower, Trunk, order
from bk7238.sweep.point import Job, Milestones, Outcome, Point, elapsed, outcome
from bk7238.update.result import did
from bk7238.update.session import Update

Tell = Callable[[Outcome], None]
T = TypeVar("T")


class Copies:
    """Copies of this process in the middle of a run, one for each point. In a copy `point` is its own."""

    def __init__(self) -> None:
        self.point: Point | None = None
        self._pipe = -1
        self._began = 0.0

    def fork(self, point: Point, options: str = "", verb: str = "ota") -> Any:
        """Returns twice: in the copy None, and here, when the copy has ended, what it sent. Raises RuntimeError, which
        names the point and its command, where it died without a word."""
        began = time.perf_counter()
        reading, writing = os.pipe()
        parent = os.getpid()
        process = os.fork()
        if process == 0:
            orphans.end_with(parent)
            os.close(reading)
            self.point, self._pipe, self._began = point, writing, began
            return None
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            data = pipe.read()
        os.waitpid(process, 0)
        if not data:
            command = " ".join([f"bk7238 {verb}", *options.split(), *point.options])
            raise RuntimeError(f"{point.id} ({command}): the process of this point died")
        return pickle.loads(data)

    def run(self, run: Callable[[], T]) -> T:
        """What `run` gives. Where it fails in a copy, that ends: its parent reports it."""
        try:
            return run()
        except BaseException:
            if self.point is not None:
                os._exit(1)
            raise

    def timed(self, found: Outcome) -> Outcome:
        """An outcome with the seconds that this copy took."""
        return replace(found, seconds=elapsed(self._began))

    def send(self, found: Any) -> NoReturn:
        """The copy's last deed: an outcome, or anything else that its parent waits for."""
        with os.fdopen(self._pipe, "wb") as pipe:
            pickle.dump(self.timed(found) if isinstance(found, Outcome) else found, pipe)
        os._exit(0)


def at_moments(
    job: Job, points: list[Point], tell: Tell, trunk: Trunk | None = None, outages: Outages | None = None
) -> list[Point]:
    """Run these points, which are in the order of their moments, and tell the outcome of each. Returns those whose
    moment never came.

    With a `trunk` of an installation a run is not watched further than to where it meets it, all faults having fired.
    Only moments that leave no trace in a run before they come may differ, such as flash operations: a share of the
    download does. With `outages` the faults are cuts whose power is back at the same time, and have the futures that
    are known there where they can.
    """
    moments = _Moments(job, points, tell, trunk, outages)
    update = job.update(moments, told=moments.story)
    moments.copies.run(lambda: moments.run(update))
    return moments.left


class _Moments(Fault):
    """Stands where a fault of a point would stand, and when its moment has come becomes the faults of each in turn."""

    def __init__(self, job: Job, points: list[Point], tell: Tell, trunk: Trunk | None, outages: Outages | None) -> None:
        super().__init__(Spec("fork", when=points[0].faults[0].when), "")
        self.left, self.copies, self.story = points, Copies(), Milestones()
        self._job, self._tell, self._trunk, self._outages = job, tell, trunk, outages
        self._after: Callable[[Update], Any] | None = None  # in a copy: what it sends, where that is no outcome alone

    def run(self, update: Update) -> None:
        """Carry the update out; a copy ends here."""
        update.begin()
        limit = round(self._job.settings.within * 1e6)
        machine = update.machine
        while update.judge.verdict is None and machine.now < limit and (self.left or self.copies.point is not None):
            machine.run(limit)
            if self._after is not None:
                self.copies.send(self._after(update))
        if self.copies.point is not None:
            self.copies.send(outcome(self.copies.point, update.run(), self.story, 0.0))

    def strike(self, targets: Targets) -> None:
        when = self.left[0].faults[0].when
        here = [point for point in self.left if point.faults[0].when == when]
        self.left = self.left[len(here) :]
        shared: dict[str, Outcome] = {}
        if self._outages is not None and self._outages.futures.all:
            found = self.copies.fork(here[0])
            if found is None:
                scout = Scout(self._outages, here, targets, self._job.settings.seed)
                self._become(targets, scout.point)
                self._leave(targets, lambda update: scout.run(update, self.copies.fork, self.copies.send))
                return
            shared = self._outages.takes(*found)
        for point in here:
            one = shared.get(point.id)
            if one is None:
                one = self.copies.fork(point)
                if one is None:
                    self._become(targets, point)
                    if self._outages is not None:
                        self._leave(targets, partial(self._run, point, targets.faults[0]))
                    return
                if self._outages is not None:
                    one = self._outages.takes(*one)[point.id]
            self._tell(one)
        if self.left:
            self.await_moment(moment.parse(self.left[0].faults[0].when), targets)
        else:
            targets.machine.stop()

    def _leave(self, targets: Targets, after: Callable[[Update], Any]) -> None:
        """The copy ends with what `after` gives."""
        targets.machine.stop()
        self._after = after

    def _run(self, point: Point, fault: Fault, update: Update) -> Any:
        assert self._outages is not None

        def own() -> Outcome:
            return self.copies.timed(outcome(point, update.run(), self.story, 0.0))

        return self._outages.run(update, point, fault, own)

    def _become(self, targets: Targets, point: Point) -> None:
        """The copy: the faults of its point, of which the first strikes now."""
        seed = self._job.settings.seed
        targets.faults[:] = [
            make(spec, all_kinds(), f"{seed}:fault {place}") for place, spec in enumerate(point.faults)
        ]
        if self._trunk is not None:
            self._follow(targets, self._trunk, point)
        for fault in targets.faults:
            if fault.spec.when == point.faults[0].when:
                fault.arm_late(targets)
            else:
                fault.targets = targets
                fault.arm(targets)

    def _follow(self, targets: Targets, trunk: Trunk, point: Point) -> None:
        """See where the run meets the trunk, from the first reset on by which all faults have fired."""

        def met(count: int) -> None:
            said = tuple(did(fault.as_json()) for fault in targets.faults)
            self.copies.send(replace(trunk.end(point, count), did=said, story=tuple(self.story.lines)))

        def reset(_kind: ResetKind) -> None:
            if all(fault.count for fault in targets.faults):
                follower.boot()

        follower = Follower(trunk, targets.flash_operations.cells, met)
        targets.flash_operations.on_begin.connect(follower.before)
        targets.flash_operations.on_end.connect(follower.after)
        targets.machine.engine.on_reset.connect(reset)


def at_boots(job: Job, cuts: list[Point], tell: Tell, trunk: Trunk) -> None:
    """Run these cuts in the installation that `trunk` is of, and tell the outcome of each."""
    left = sorted(cuts, key=order)
    while left:
        boot = _Boot(job, left, tell, trunk)
        boot.run()
        left = [cut for cut in left if cut.id not in boot.ended]


class _Watched(NorFlash):
    """A chip as another one, that notes what is read of it."""

    def __init__(self, chip: NorFlash, jedec_id: int) -> None:
        super().__init__(chip.size, jedec_id)
        self.data[:] = chip.data
        self.restore(deepcopy(chip.snapshot()))
        self.lines: set[int] = set()

    @property
    def steady(self) -> bool:
        return False  # each read is noted

    def read(self, address: int, length: int) -> bytes:
        self.lines.add(address // LINE)
        return super().read(address, length)

    def agrees(self, other: NorFlash) -> bool:
        """Whether another chip has the same in all that was read, its status register included."""
        if self.status != other.status:
            return False
        if self.unstable != other.unstable and self.lines & {at // LINE for at in {**self.unstable, **other.unstable}}:
            return False
        own, flash = bytes(self.data), bytes(other.data)
        if own == flash:
            return True
        first = last = -2
        for line in [*sorted(self.lines), -1]:
            if line == last + 1:
                last = line
                continue
            if first >= 0 and own[first * LINE : (last + 1) * LINE] != flash[first * LINE : (last + 1) * LINE]:
                return False
            first = last = line
        return True


def _key(chip: NorFlash) -> bytes:
    """What tells chips apart that do not do the same."""
    return hashlib.blake2b(bytes(chip.data) + repr(sorted(chip.snapshot().items())).encode()).digest()


class _Boot:
    """The boot after the first of some cuts. It is the attendant of its chip: at the first operation of the boot loader
    it forks, once for each flash. `ended` are the cuts whose outcomes were told."""

    def __init__(self, job: Job, cuts: list[Point], tell: Tell, trunk: Trunk) -> None:
        self.ended: set[str] = set()
        self._job, self._cuts, self._tell, self._trunk, self._copies = job, cuts, tell, trunk, Copies()
        self._leader, left = next(self._states())
        self._update = job.update()
        self._chip = _Watched(left, self._update.machine.flash.jedec_id)
        self._update.machine.flash = self._chip
        self._update.machine.board.flash.insert(self._chip)
        self._chip.attendant = self
        self._follower = Follower(trunk, self._chip, self._met)

    def run(self) -> None:
        """Carry it out, and tell what came of it for all cuts whose flash agrees with its own."""
        began = time.perf_counter()
        flash = _key(self._chip)
        result = self._copies.run(self._update.run)
        point = self._copies.point
        if point is not None:
            self._copies.send(Outcome(point.id, result.verdict.value, result.reason))
        if self.ended:
            return
        alone = Outcome(self._leader.id, result.verdict.value, result.reason, seconds=elapsed(began))
        self._end(alone)
        for cut, state in self._states():
            if cut != self._leader and _key(state) == flash:
                self._end(replace(alone, id=cut.id, shared=alone.id, seconds=0.0))

    def _states(self) -> Iterator[tuple[Point, NorFlash]]:
        """The chip after each cut. One at a time: what is in memory is copied with each fork."""
        return self._trunk.states(self._cuts, self._job.settings.seed)

    def _end(self, found: Outcome) -> None:
        self.ended.add(found.id)
        self._tell(found)

    # The chip's side

    def before(self, operation: Operation) -> bool:
        if operation.kind == STATUS:
            return True
        if self._copies.point is None:
            if self._update.story.app_started:
                return True  # there is no installation
            self._fork_all()
            if self._copies.point is None:
                self._update.machine.stop()
                return False
        return self._follower.before(operation)

    def after(self, operation: Operation, was: bytes) -> None:
        if operation.kind != STATUS:
            self._follower.after(operation, was)

    def identified(self) -> None:
        pass

    # Processes

    def _fork_all(self) -> None:
        known: dict[bytes, Outcome] = {}
        for cut, state in self._states():
            if not self._chip.agrees(state):
                continue
            key = _key(state)
            same = known.get(key)
            if same is None:
                found = self._copies.fork(cut, "--delivered")
                if found is None:
                    self._become(state)
                    return
                known[key] = found = replace(found, shared=self._leader.id if cut != self._leader else "")
            else:
                found = replace(same, id=cut.id, shared=same.id, seconds=0.0)
            self._end(found)

    def _become(self, state: NorFlash) -> None:
        """The copy: another flash, where it is another."""
        self._follower.boot()
        controller = self._update.machine.board.flash
        own, other = bytes(self._chip.data), bytes(state.data)
        unstable = {at // SECTOR * SECTOR for at in {**self._chip.unstable, **state.unstable}}
        if self._chip.unstable != state.unstable:
            self._chip.restore(state.snapshot())
        for at in range(0, len(own), SECTOR):
            if own[at : at + SECTOR] != other[at : at + SECTOR] or at in unstable:
                self._chip.data[at : at + SECTOR] = other[at : at + SECTOR]
                controller.refresh(at, SECTOR)

    def _met(self, count: int) -> None:
        assert self._copies.point is not None
        self._copies.send(self._trunk.end(self._copies.point, count))
