"""Faults of the power: it goes, and comes back. RAM is lost; the flash is as it was in that moment."""

from __future__ import annotations

from abc import abstractmethod

from bk7238.faults.arguments import Argument, count, one_of, seconds, share
from bk7238.faults.fault import Fault
from bk7238.faults.flash_operations import POWER_CYCLE, POWER_OFF, WATCHDOG
from bk7238.faults.targets import Targets
from bk7238.peripherals.core import Alarm, ResetKind, State, on_alarm
from bk7238.peripherals.nor_endings import (
    AFTER,
    BEFORE,
    ERASE,
    NOISE,
    RANDOM,
    SHAPES,
    STATUS,
    ZEROS,
    Operation,
    some_bits,
)

CUTS = tuple(name for name in SHAPES if name not in (ZEROS, NOISE))  # the ways to cut


class PowerCut(Fault):
    """The power goes off and on.

    With @flash-op=N it does so around the Nth flash operation, with @status-write=N around a write of the chip's status
    register, and leaves one of the [shapes](#how-a-flash-operation-ends), by the seed where chance has a part in it. Of
    an operation that cannot end in that shape nothing happens. At any other moment the operation that may be under way
    is over. It can be repeated: 3 times, 50 flash operations apart, with `times=3,step=50`.

    With `back` it is an outage: the access point is without power, too, and when all is back it is a stranger to all
    stations. The servers behind it run on, and give up connections to the device after some 9 minutes. With `off` the
    device alone is without power for so long; how much its RAM has kept says `ram`: after some milliseconds all of it,
    after some seconds nothing.
    """

    NAME, SECTION = "power-cut", "Power"
    PASSING = True
    FIRES = "the power was cut; for a torn operation with the bytes that had happened"
    how = Argument(one_of(*CUTS), default=BEFORE, doc="around a flash operation")
    times = Argument(count, default=1, doc="how often")
    step = Argument(count, default=1, doc="flash operations from one cut to the next")
    back = Argument(
        seconds, default=0, doc="the virtual time at which it comes back; else, and once that has passed, at once"
    )
    off = Argument(seconds, default=0, doc="how long it is off")
    ram = Argument(share, default=0.0, doc="of the bits that are set in RAM stay so, by the seed; 100%: it keeps all")
    _cuts: int = State(0)
    _out: bool = State(False)
    _off_until: int = State(0)  # virtual microseconds
    _kept: dict[int, bytes] = State(factory=dict)  # of RAM, by address
    returns = Alarm()

    def check(self) -> None:
        kinds = SHAPES[self.how].of
        if self.off and self.back:
            self.refuse("`off` is how long it lasts, `back` when it ends: give one of them")
        if self.when.status_write is not None:
            if STATUS not in kinds:
                self.refuse(f"a write of the status register does not end {self.how}")
        elif kinds == {STATUS}:
            self.refuse(f"{self.how} is about the status register; write @status-write=N")
        elif self.how != BEFORE and self.when.flash_op is None:
            self.refuse(f"{self.how} is about a flash operation; write @flash-op=N")
        if self.times > 1 and self.when.flash_op is None:
            self.refuse("only @flash-op=N can be repeated; give the fault several times")

    def arm(self, targets: Targets) -> None:
        targets.machine.engine.on_reset.connect(self._reset)
        super().arm(targets)

    @property
    def ends(self) -> int | None:
        """When the power is back; None where it is back at once."""
        return self._off_until or None

    def strike(self, targets: Targets) -> None:
        self._cuts += 1
        now = targets.machine.now
        self._out = now < self.back
        self._off_until = self.back if self._out else now + self.off if self.off else 0
        operations = targets.flash_operations
        operation = operations.current
        then = POWER_OFF if self._off_until else POWER_CYCLE
        changed = operations.interrupt(operation, self.shape(operation), self.rng, then=then)
        self.record(*self.said(operation, changed, len(operations.cells.unstable)))
        if self.ram:
            self._kept = {at: self._decayed(data) for at, data in targets.machine.engine.ram.items()}
        if self._out:
            targets.access_point.lose_power(now)
        if self._off_until:
            self.returns.start(self._off_until - now)
        if self._cuts < self.times:
            self._trigger.at_operation(operations.begun + self.step)

    def shape(self, operation: Operation | None) -> str:
        """How it ends an operation: one that cannot end in its shape does not begin."""
        return self.how if operation is None or operation.kind in SHAPES[self.how].of else BEFORE

    def said(self, operation: Operation | None, changed: int, unstable: int) -> tuple[str, str]:
        """Where it struck and what it did there, with the numbers of the bytes that it changed and left unstable."""
        how = self.shape(operation)
        what = f"power cut {how} it" if operation else "power cut"
        if how not in (BEFORE, AFTER):
            what = f"{how}, {changed} bytes changed" + (f", {unstable} are unstable" if unstable else "")
        elif how != self.how:
            what += f", as it cannot end {self.how}"
        return _place(operation), what

    def _decayed(self, data: bytes) -> bytes:
        bits = 8 * len(data)
        kept = int.from_bytes(data, "little") & some_bits(bits, round(1024 * self.ram), self.rng) if self.ram < 1 else 0
        return kept.to_bytes(len(data), "little") if self.ram < 1 else data

    @on_alarm(returns)
    def _return(self) -> None:
        assert self.targets is not None
        self.targets.machine.power_cycle()

    def _reset(self, _kind: ResetKind) -> None:
        """The device is on again: so is the access point, and what RAM has kept is there."""
        self._off_until = 0
        if self._kept and self.targets is not None:
            self.targets.machine.engine.fill_ram(self._kept)
            self._kept = {}
        if self._out and self.targets is not None:
            self._out = False
            self.targets.access_point.switch_on(self.targets.machine.now, forget=True)


class BrownOut(Fault):
    """The supply sags during an erase. The chip had begun by programming all bits to 0, and gets no further.

    It strikes the first erase from its moment on, and leaves `zeros`, or `random` bits that are neither what stood
    there nor erased.
    """

    NAME, SECTION = "brown-out", "Power"
    PASSING = True
    FIRES = "an erase was left half done and the machine started again"
    leaves = Argument(one_of(ZEROS, RANDOM), default=ZEROS, doc="what stands in the range of the erase")

    def strike(self, targets: Targets) -> None:
        operations = targets.flash_operations
        operation = operations.current
        if operation is None or operation.kind != ERASE:
            self._trigger.at_operation(operations.begun + 1)
            return
        operations.interrupt(operation, ZEROS if self.leaves == ZEROS else NOISE, self.rng)
        self.record(_place(operation), f"{operation.length} bytes are {self.leaves}")


class WatchdogBite(Fault):
    """The watchdog bites. RAM and the always-on part stay; the flash chip has power and is reset with the rest.

    With @flash-op=N or @status-write=N it does so around that operation, which ends in one of the
    [shapes](#how-a-flash-operation-ends). The chip is also known to go on by itself: `after`.
    """

    NAME, SECTION = "watchdog-bite", "Power"
    PASSING = True
    FIRES = "the watchdog bit"
    how = Argument(one_of(*CUTS), default=AFTER, doc="how a flash operation ends")

    def strike(self, targets: Targets) -> None:
        operations = targets.flash_operations
        operation = operations.current
        fits = operation is None or operation.kind in SHAPES[self.how].of
        how = self.how if fits else BEFORE
        changed = operations.interrupt(operation, how, self.rng, then=WATCHDOG)
        what = f"{how}, {changed} bytes changed" if how not in (BEFORE, AFTER) else how
        self.record(_place(operation), f"the watchdog bit{f', {what}' if operation else ''}")


class _Restarts(Fault):
    """A fault by which the device starts again and again."""

    SECTION = "Power"
    PASSING = True
    due = Alarm()

    def strike(self, _targets: Targets) -> None:
        self.due.start(self.next())

    @abstractmethod
    def next(self) -> int:
        """The microseconds until the power goes the next time."""

    @property
    @abstractmethod
    def often(self) -> int:
        """How often it goes."""

    @on_alarm(due)
    def _cut(self) -> None:
        assert self.targets is not None
        self.targets.flash_operations.interrupt(None)
        self.record("machine", f"started again, {self.count + 1} of {self.often}")
        if self.count < self.often:
            self.due.start(self.next())


class SupplySag(_Restarts):
    """The supply is too weak: the device is reset again and again, each time a little later, until it holds."""

    NAME = "supply-sag"
    FIRES = "the device was started again"
    times = Argument(count, default=8, doc="how often")
    first = Argument(seconds, default=1000, doc="until the first reset; each further interval is twice the one before")

    @property
    def often(self) -> int:
        """How often it resets the device."""
        return int(self.times)

    def next(self) -> int:
        """Twice as many as before."""
        return int(self.first) << self.count


class BatteryPull(_Restarts):
    """The battery is pulled soon after each start, and put back."""

    NAME = "battery-pull"
    FIRES = "the power was cut"
    times = Argument(count, default=3, doc="how many starts")
    within = Argument(seconds, default=100_000, doc="the power goes that soon after a start, by the seed")

    def check(self) -> None:
        if not self.within:
            self.refuse("within is longer than nothing")

    @property
    def often(self) -> int:
        """How many starts end so."""
        return int(self.times)

    def next(self) -> int:
        """By chance."""
        return self.rng.randrange(int(self.within))


def _place(operation: Operation | None) -> str:
    if operation is None:
        return "machine"
    if operation.kind == STATUS:
        return f"write of {int.from_bytes(operation.data, 'little'):#06x} to the status register"
    return f"{operation.kind} of {operation.length:#x} at {operation.address:#x}"


KINDS = (PowerCut, WatchdogBite, BrownOut, SupplySag, BatteryPull)
