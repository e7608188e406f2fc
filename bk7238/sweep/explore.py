"""Where runs end after power cuts, without running each of them from its beginning.

After a cut only the flash is left, and a boot depends on the flash only through what it has read so far. So one boot,
up to its first flash operation, serves every flash that agrees with its own in all it has read until then: there the
process is forked for each of them, and the child goes on with its own flash. A child whose operations are those of the
trunk from the first on, and whose flash is the trunk's after one of them, will end as the trunk did. That this holds is
not assumed: `full` runs a point from its beginning, and a test compares a sample of both.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bk7238.sweep.trunk import Job, Point, Trunk, carry_out
from bk7238.update.session import Update
from peripherals.nor_flash import SECTOR, NorFlash, Operation

_LINE = 32  # bytes of one read of the controller


@dataclass(frozen=True)
class Outcome:
    """Where a cut led to. `merged` is the trunk's operation after which the flash was the trunk's again, None where
    the run was watched to its end; `shared` is the point whose boot it shares, empty where it has its own."""

    point: Point
    verdict: str
    reason: str
    merged: int | None
    shared: str
    seconds: float  # of this process

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.point.id,
            "verdict": self.verdict,
            "reason": self.reason,
            "merged": self.merged,
            "shared": self.shared,
            "seconds": round(self.seconds, 3),
        }


def outcome(line: dict[str, Any]) -> Outcome:
    """The outcome that `as_json` wrote."""
    number, _, how = line["id"].partition(":")
    point = Point(int(number), how)
    return Outcome(point, line["verdict"], line["reason"], line["merged"], line["shared"], line["seconds"])


def full(job: Job, point: Point) -> Outcome:
    """A point from its beginning, as a user replays it."""
    began = time.perf_counter()
    result = job.update(point.fault).run()
    if result.silent:
        raise RuntimeError(f"{point.id}: the power was not cut")
    return Outcome(point, result.verdict.value, result.reason, None, "", time.perf_counter() - began)


class _Watched(NorFlash):
    """A chip that notes what is read of it."""

    def __init__(self, flash: bytes) -> None:
        super().__init__(len(flash))
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
    """Runs points, in their order, and tells the outcome of each."""

    def __init__(self, job: Job, trunk: Trunk, tell: Callable[[Outcome], None]) -> None:
        self.job, self.trunk, self.tell = job, trunk, tell

    def explore(self, points: list[Point]) -> None:
        pending = sorted(points)
        while pending:
            finished = {one.point.id for one in self._lead(pending)}
            pending = [point for point in pending if point.id not in finished]

    def states(self, points: list[Point]) -> Iterator[tuple[Point, bytes]]:
        """The flash after each cut. One at a time: what is in memory is copied with each fork."""
        return self.trunk.states(points, self.job.settings.seed)

    def _lead(self, points: list[Point]) -> list[Outcome]:
        """Boot the first of these, fork at its first operation for all that agree with it, and tell what came of it."""
        leader, flash = next(self.states(points))
        began = time.perf_counter()
        update = self._update(flash)
        chip = update.machine.flash
        assert isinstance(chip, _Watched)
        fork = _Fork(self, update, chip, points)
        chip.attendant = fork
        try:
            result = update.run()
        except BaseException:
            if fork.child is not None:
                os._exit(1)  # its parent reports it
            raise
        if fork.child is not None:
            fork.finish(result.verdict.value, result.reason, None)
        if fork.outcomes:
            return fork.outcomes
        alone = Outcome(leader, result.verdict.value, result.reason, None, "", time.perf_counter() - began)
        outcomes = [alone]
        for point, state in self.states(points):
            if point != leader and state == flash:
                outcomes.append(Outcome(point, alone.verdict, alone.reason, None, leader.id, 0.0))
        for one in outcomes:
            self.tell(one)
        return outcomes

    def _update(self, flash: bytes) -> Update:
        """The update, in front of this flash."""
        update = self.job.update()
        update.machine.flash = _Watched(flash)
        update.machine.board.flash.insert(update.machine.flash)
        return update


class _Fork:
    """The attendant of a leader's chip: at the first operation of the boot loader it forks, once for each state."""

    def __init__(self, explorer: Explorer, update: Update, chip: _Watched, points: list[Point]) -> None:
        self._explorer, self._update, self._chip, self._points = explorer, update, chip, points
        self.outcomes: list[Outcome] = []
        self.child: Point | None = None
        self._began = 0.0
        self._shadow = bytearray()
        self._count = 0
        self._in_step = True
        self._pipe = -1

    # The chip's side

    def before(self, operation: Operation) -> bool:
        if self.child is None:
            if self._update.story.app_started:
                return True  # there is no installation
            self._fork_all()
            if self.child is None:
                self._update.machine.stop()
                return False
        if self._in_step and not self._update.story.app_started:
            operations = self._explorer.trunk.operations
            self._in_step = self._count < len(operations) and operations[self._count] == operation
            self._count += 1
        return True

    def after(self, operation: Operation, was: bytes) -> None:
        if self.child is None or not self._in_step:
            return
        carry_out(self._shadow, operation)
        if self._shadow == self._chip.data:
            result = self._explorer.trunk.result
            self.finish(result.verdict.value, result.reason, self._count)

    def identified(self) -> None:
        pass

    # Processes

    def _fork_all(self) -> None:
        leader = self._points[0].id
        known: dict[bytes, Outcome] = {}
        for point, state in self._explorer.states(self._points):
            if not self._chip.agrees(state):
                continue
            key = hashlib.blake2b(state).digest()
            same = known.get(key)
            if same is None:
                self._began = time.perf_counter()
                answer = self._fork(point, state)
                if self.child is not None:
                    return
                found = outcome({**answer, "id": point.id, "shared": leader if point.id != leader else ""})
                known[key] = found
            else:
                found = Outcome(point, same.verdict, same.reason, same.merged, same.point.id, 0.0)
            self.outcomes.append(found)
            self._explorer.tell(found)

    def _fork(self, point: Point, state: bytes) -> dict[str, Any]:
        """Returns in the parent with what the child found, and in the child with nothing."""
        reading, self._pipe = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self.child = point
            self._become(state)
            self._shadow = bytearray(self._explorer.trunk.initial)
            return {}
        os.close(self._pipe)
        with os.fdopen(reading, "rb") as pipe:
            data = pipe.read()
        os.waitpid(child, 0)
        if not data:
            raise RuntimeError(f"{point.id}: the process of this point died; replay it with {point.fault}")
        answer: dict[str, Any] = json.loads(data)
        return answer

    def _become(self, state: bytes) -> None:
        """Another flash, where it is another."""
        controller = self._update.machine.board.flash
        own = bytes(self._chip.data)
        for at in range(0, len(own), SECTOR):
            if own[at : at + SECTOR] != state[at : at + SECTOR]:
                self._chip.data[at : at + SECTOR] = state[at : at + SECTOR]
                controller.refresh(at, SECTOR)

    def finish(self, verdict: str, reason: str, merged: int | None) -> None:
        """The child's last deed."""
        seconds = time.perf_counter() - self._began
        answer = {"verdict": verdict, "reason": reason, "merged": merged, "seconds": seconds}
        os.write(self._pipe, json.dumps(answer).encode())
        os._exit(0)
