"""The faults of one run: what the update asks of them, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bk7238.air.medium import Medium
from bk7238.bench.router import Router
from bk7238.chip import Area
from bk7238.faults import Fault, Spec, all_kinds, parse
from bk7238.faults.cable import Cable
from bk7238.faults.fault import make
from bk7238.faults.flash_operations import FlashOperations
from bk7238.faults.targets import Targets
from bk7238.image import Package
from bk7238.machine import Machine
from bk7238.network.link import Link
from bk7238.peripherals.core import Actor


class Faults(Actor):
    """The faults that a user gave: as text, as specs, or made already. Raises FaultError, a ValueError, for one that
    cannot be.

    Without faults nothing is changed, wrapped or slowed down, unless `more` may be added while the device runs.
    """

    def __init__(self, given: Iterable[str | Spec | Fault], seed: int, *, more: bool = False) -> None:
        self._seed, self._more = seed, more
        self.all = [self._made(one, place) for place, one in enumerate(given)]
        self._cable: Cable | None = None
        self._targets: Targets | None = None
        self.operations: FlashOperations | None = None

    def _made(self, one: str | Spec | Fault, place: int) -> Fault:
        if isinstance(one, Fault):
            return one
        return make(parse(one) if isinstance(one, str) else one, all_kinds(), f"{self._seed}:fault {place}")

    def package(self, package: Package) -> Package:
        """The package as it is to be delivered."""
        for fault in self.all:
            package = fault.package(package)
        return package

    def network(self, behind: Link) -> Link:
        """What the access point has behind it."""
        if not self.running and not self._more:
            return behind
        self._cable = Cable(behind)
        return self._cable

    def begin(self, machine: Machine, air: Medium, router: Router, configuration: Callable[[], Area]) -> None:
        """Change the flash of a machine that has not run, and lie in wait. `configuration` gives where the firmware
        keeps its own."""
        for fault in self.all:
            fault.flash(machine, configuration)
        if self.all:
            machine.board.flash.insert(machine.flash)
        if self._cable is None:
            return
        self.operations = FlashOperations.of(machine)
        self._targets = Targets(machine, air, router, self._cable, self.operations, self.all)
        for fault in self.all:
            fault.targets = self._targets
            fault.arm(self._targets)

    def can_join(self, one: str | Spec) -> bool:
        """Whether a run that stands here is the one that it would be with that fault from the power-on: its moment is
        a time or a flash operation that has not come, and leaves no trace before. Raises FaultError."""
        fault, targets = self._made(one, len(self.all)), self._targets
        if targets is None or fault.BEFORE_POWER_ON:
            return False
        time, operation = fault.when.time, fault.when.flash_op
        if time is not None:
            return time > targets.machine.now
        return operation is not None and operation > targets.flash_operations.begun

    def add(self, one: str | Spec) -> None:
        """One more, that `can_join`, while the machine stands. Raises FaultError."""
        assert self._targets is not None
        fault = self._made(one, len(self.all))
        fault.targets = self._targets
        fault.arm(self._targets)
        self.all.append(fault)

    # What came of it

    @property
    def running(self) -> list[Fault]:
        """Those that do something after the power-on."""
        return [fault for fault in self.all if fault.takes_part]

    @property
    def silent(self) -> list[str]:
        """Those that never fired."""
        return [str(fault.spec) for fault in self.all if not fault.count]

    def behind(self, failure: str, time: int) -> str:
        """A failure (empty: none) that was seen at a time, in microseconds, and the faults that fired before and
        after it."""
        fired = sorted((fault for fault in self.all if fault.count), key=lambda one: one.firings[0].time)
        before = [one for one in fired if failure and one.firings[0].time <= time]
        if before:
            failure += f" (after {', '.join(f'{one.spec} at {one.firings[0].time / 1e6:.3f} s' for one in before)})"
        return "; then ".join(filter(None, (failure, *(str(one) for one in fired if one not in before))))

    def lasting(self, time: int) -> bool:
        """Whether one of them has struck and will be over after this time, in microseconds."""
        return any(fault.ends is not None and time < fault.ends for fault in self.all)

    def passed(self, since: int) -> bool:
        """Whether one that passes has fired after this time, in microseconds: what fails then is its work."""
        passing = [fault for fault in self.all if fault.PASSING or fault.ends is not None]
        return any(fault.count and fault.fired_at > since for fault in passing)

    def as_json(self) -> list[dict[str, Any]]:
        """Plain data for result.json."""
        return [fault.as_json() for fault in self.all]
