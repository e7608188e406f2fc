"""Outages of one router that begin at the same moment: one run with the router off, forked where it comes back.

A device joins, and the router is switched off. Whenever some points have it come back, the process is forked for each
of them, and the copy goes on as that point would, to the digest: the fault in it is the point's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from bk7238.bench import command
from bk7238.faults import Spec, all_kinds
from bk7238.faults.fault import Fault, make
from bk7238.faults.kinds.router import RouterRestart
from bk7238.faults.targets import Targets
from bk7238.peripherals.core import Alarm, on_alarm
from bk7238.sweep.explore.forks import Copies
from bk7238.sweep.point import Job, Outcome, Point, elapsed
from bk7238.update import boots
from bk7238.update.alone import Alone
from bk7238.update.life import Life, Outage, why_not
from bk7238.update.result import did
from bk7238.update.verdict import Verdict

Tell = Callable[[Outcome], None]
_LONGEST = 24 * 3_600_000_000  # virtual microseconds


def explore(job: Job, points: list[Point], tell: Tell) -> None:
    """Run these points, all of one router and one moment, in the order of their lengths, and tell their outcomes."""
    shared = _Outages(points, tell)
    device = job.alone(shared, **_settings(points[0]))
    for point in shared.copies.run(lambda: shared.run(device)):
        tell(full(job, point))


def full(job: Job, point: Point) -> Outcome:
    """The outcome of a point that is run from its beginning, as a user replays it."""
    began = time.perf_counter()
    device = job.alone(*point.faults, **_settings(point))
    boots.carried_out(device)
    if not boots.is_joined(device):
        return _never(point, device)
    return _outcome(point, device, _judged(device, Life(device)), elapsed(began))


def _settings(point: Point) -> dict[str, Any]:
    """The settings that a point's own options say."""
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return vars(parser.parse_args(list(point.settings)))


def _judged(device: Alone, life: Life) -> Outage:
    """Run until the first outage has been judged."""
    machine = device.machine

    def stop(_judged: Outage) -> None:
        machine.stop()

    life.on_judged.connect(stop)
    while not (life.outages and life.outages[0].verdict is not None) and machine.now < _LONGEST:
        machine.run(until=_LONGEST)
    return life.outages[0]


def _never(point: Point, device: Alone) -> Outcome:
    return Outcome(point.id, Verdict.DEVICE_WAITS.value, why_not(device))


def _outcome(point: Point, device: Alone, outage: Outage, seconds: float) -> Outcome:
    assert outage.verdict is not None
    faults = device.faults
    said = [did(fault.as_json()) for fault in faults.all if fault.count]
    times = {
        "the router is off": outage.began,
        "it is back": outage.over,
        "its first beacon": outage.beacon,
        "the device could be back": outage.could,
        "the device is back": outage.back,
    }
    story = [f"{at / 1e6:.3f} s  {what}" for what, at in times.items() if at is not None]
    story += [f"{console} | {line}" for console, lines in outage.said.items() for line in lines[-4:]]
    return Outcome(
        point.id,
        outage.verdict.value,
        outage.reason,
        device.machine.digest(),
        tuple(said),
        tuple(faults.silent),
        tuple(story),
        seconds=seconds,
    )


class _Outages(Fault):
    """Stands where the fault of a point would stand, and becomes each of them in turn as its router comes back."""

    ends = None
    duration = None  # nobody knows yet how long it takes
    comes_back = Alarm()

    def __init__(self, points: list[Point], tell: Tell) -> None:
        self._left, self.copies, self._tell = points, Copies(), tell
        self._life: Life | None = None
        self._made = {point.id: _fault(point) for point in points}
        super().__init__(Spec("fork", when=points[0].faults[0].when), "")

    def run(self, device: Alone) -> list[Point]:
        """Carry it out; a copy ends here. Returns the points that share nothing: the device joined after their
        moment."""
        boots.carried_out(device)
        if not boots.is_joined(device):
            for point in self._left:
                self._tell(_never(point, device))
            return []
        if self.struck_at is not None:
            return self._left
        self._life = life = Life(device)
        while self._left and self.copies.point is None:
            device.machine.run(until=_LONGEST)
        if self.copies.point is not None:
            found = _outcome(self.copies.point, device, _judged(device, life), 0.0)
            self.copies.send(found)
        return []

    def strike(self, targets: Targets) -> None:
        if self._life is None:
            return  # the device has not joined
        targets.router.off()
        self.record("router", "switched off")
        self._wait()

    def _wait(self) -> None:
        assert self.struck_at is not None
        self.comes_back.start(self.struck_at + self._made[self._left[0].id].off - self.clock.now)

    @on_alarm(comes_back)
    def _fork(self) -> None:
        """The router comes back for all points whose outage is over now."""
        assert self.targets is not None
        now = self._made[self._left[0].id].off
        here = [point for point in self._left if self._made[point.id].off == now]
        self._left = self._left[len(here) :]
        for point in here:
            found = self.copies.fork(point, verb="live")
            if found is None:
                self._become(self._made[point.id], self.targets)
                return
            self._tell(found)
        if self._left:
            self._wait()
        else:
            self.targets.machine.stop()

    def _become(self, fault: RouterRestart, targets: Targets) -> None:
        """The copy: the fault of its point, which has struck as this one has."""
        fault.targets, fault.clock, fault.struck_at = targets, self.clock, self.struck_at
        fault.count, fault.firings, fault.fired_at = self.count, list(self.firings), self.fired_at
        targets.faults[:] = [fault]
        assert self._life is not None
        outage = self._life.outages[0]
        outage.faults, outage.over = [str(fault.spec)], fault.ends
        targets.machine.stop()
        fault.come_back()


def _fault(point: Point) -> RouterRestart:
    made = make(point.faults[0], all_kinds(), "")
    assert isinstance(made, RouterRestart)
    return made
