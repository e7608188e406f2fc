"""Cuts whose power is back at the same virtual time: those with a future that is known are followed no further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from bk7238.faults import Fault, all_kinds
from bk7238.faults.fault import Firing, make
from bk7238.faults.kinds.power import PowerCut
from bk7238.faults.targets import Targets
from bk7238.peripherals.nor_endings import BEFORE
from bk7238.peripherals.nor_flash import NorFlash
from bk7238.sweep.explore.futures import STANDS, Future, Futures, Recorder, Stand, pieces
from bk7238.sweep.point import Outcome, Point
from bk7238.update.result import did
from bk7238.update.session import Update


@dataclass(frozen=True)
class Found:
    """What came of a point: its outcome, the number of the future it has, or its own, and how it began."""

    outcome: Outcome
    number: int | None = None
    boot: bytes = b""
    future: Future | None = None


class Outages:
    """Those of one worker. The power is `back` at that virtual microsecond."""

    def __init__(self, back: int) -> None:
        self.back, self.futures = back, Futures()
        self._depth = 0  # the last of STANDS at which one was known

    def take(self, found: Found) -> Outcome:
        """The outcome of a point; what it tells of others is kept."""
        if found.future is not None:
            self.futures.add(found.future)
        elif found.number is not None and found.boot:
            self.futures.knows(found.boot, found.number)
        return found.outcome

    def takes(self, found: list[Found], depth: int) -> dict[str, Outcome]:
        """The outcomes of points by their ids."""
        self._depth = max(self._depth, depth)
        return {one.outcome.id: self.take(one) for one in found}

    def follow(self, update: Update, recorder: Recorder | None = None) -> _Followed:
        """Let a run go on after the outage until its future is known, some of it as another one's where it is that."""
        machine, followed, place = update.machine, _Followed(), 0
        last = len(STANDS) - 1 if recorder is not None else self._depth
        while place <= last and reach(update, self.back + STANDS[place], recorder):
            stand = Stand.of(machine)
            followed.began = followed.began or stand.boot
            number = self.futures.find(place, stand)
            if isinstance(number, int):
                followed.number, followed.place = number, place
                break
            leader, there = self.futures.way(stand) if place == 0 else (0, 0)
            if there:
                self.futures.all[leader].go(machine, there)
                followed.behind = self.futures.all[leader].outcome.id
                if recorder is not None:
                    recorder.skip(there)
                place, last = there, max(there, last)
                continue
            if recorder is not None:
                recorder.stand(stand)
                if number is not None:
                    recorder.watch(place, number)
            place += 1
        return followed

    def run(
        self, update: Update, point: Point, fault: Fault, outcome: Callable[[], Outcome]
    ) -> tuple[list[Found], int]:
        """Run a point to where its future is known, or to its end; `outcome` is what it gives then. Returns it, and at
        which of STANDS it was known."""
        recorder = Recorder(update.machine)
        followed = self.follow(update, recorder)
        said, quotes = did(fault.as_json()), _quotes(fault)
        if followed.number is not None:
            shared = self.futures.all[followed.number].of(point.id, said, quotes)
            return [Found(shared, followed.number, followed.began)], followed.place
        reach(update, round(update.settings.within * 1e6), recorder)
        recorder.end()
        own = outcome()
        if followed.behind:
            own = structs.replace(own, digest="", story=(), shared=followed.behind)
        future = Future(own, quotes, recorder.stands, recorder.overwritten, recorder.unread, recorder.read)
        future.ways, future.boot = recorder.ways, followed.began
        return [Found(own, future=future)], max(recorder.unread, default=0)


@dataclass
class _Followed:
    """How a run went on after the outage: a digest of where it began, the number of its future and at which of STANDS
    that was known, and the point `behind` whose run it came to that of which it was its own."""

    began: bytes = b""
    number: int | None = None
    place: int = 0
    behind: str = ""


def reach(update: Update, until: int, recorder: Recorder | None) -> bool:
    """Let a run go on to a virtual microsecond. Returns whether it came there without a verdict."""
    machine = update.machine
    while update.judge.verdict is None and machine.now < until:
        machine.run(until)
        if recorder is not None:
            recorder.halted()
    return update.judge.verdict is None


class Scout:
    """A run that is cut before an operation: when its power is back it is that of each cut around the operation, with
    another flash."""

    def __init__(self, outages: Outages, points: list[Point], targets: Targets, seed: int) -> None:
        operation = targets.flash_operations.current
        assert operation is not None
        self._outages, self._points, self._seed, self._operation = outages, points, seed, operation
        machine = targets.machine
        self._at = machine.now, machine.instructions, targets.flash_operations.begun
        spec = points[0].faults[0]
        arguments = tuple((name, value) if name else (name, BEFORE) for name, value in spec.arguments)
        self.point = replace(points[0], faults=(replace(spec, arguments=arguments),))

    def run(self, update: Update, fork: Callable[[Point], Any], send: Callable[[Any], Any]) -> tuple[list[Found], int]:
        """Of the points those whose future is known."""
        outages, machine, operation = self._outages, update.machine, self._operation
        around = operation.around
        if not reach(update, outages.back, None):
            return [], 0
        base, depth = Stand.of(machine), 0
        found: list[Found] = []
        for point in self._points:
            fault = make(point.faults[0], all_kinds(), f"{self._seed}:fault 0")
            assert isinstance(fault, PowerCut)
            chip = NorFlash(machine.flash.size, machine.flash.jedec_id)
            chip.load(bytes(machine.flash.data))
            chip.perform(operation, fault.shape(operation), fault.rng)
            if chip.unstable or machine.flash.unstable:
                continue
            stand = replace(base, flash=tuple(pieces(chip.data)))
            number = outages.futures.find(0, stand)
            if not isinstance(number, int):
                answer = fork(point)
                if answer is None:
                    machine.flash.load(bytes(chip.data))
                    machine.board.flash.refresh(around.start, len(around))
                    followed = outages.follow(update)
                    send((followed.number, followed.place))
                number, place = answer
                depth = max(depth, place)
            if number is None:
                continue
            outages.futures.knows(stand.boot, number)
            changed = sum(machine.flash.data[at] != chip.data[at] for at in around)
            fault.count = 1
            fault.firings.append(Firing(*self._at, *fault.said(operation, changed, 0)))
            outcome = outages.futures.all[number].of(point.id, did(fault.as_json()), _quotes(fault))
            found.append(Found(outcome, number, stand.boot))
        return found, depth


def _quotes(fault: Fault) -> tuple[str, ...]:
    """What a reason may say of a fault that has fired (faults/run.py)."""
    return f"{fault.spec} at {fault.firings[0].time / 1e6:.3f} s", str(fault)
