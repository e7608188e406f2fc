"""Faults of the power: it goes, and comes back at once. RAM is lost; the flash is as it was in that moment."""

from __future__ import annotations

from bk7238.faults.arguments import Argument, count, one_of
from bk7238.faults.fault import Fault
from bk7238.faults.targets import Targets
from bk7238.peripherals.core import State
from bk7238.peripherals.nor_flash import AFTER, BEFORE, NOISE, RANDOM, TORN, ZEROS, Operation


class PowerCut(Fault):
    """The power goes off and on.

    With @flash-op=N it does so around the Nth flash operation: `before` it, `torn` (its first half has happened),
    `random` (each of its bits has happened or not, by the seed) or `after` it. At any other moment the operation that
    may be under way is over. It can be repeated: 3 times, 50 flash operations apart, with `times=3,step=50`.
    """

    NAME, SECTION = "power-cut", "Power"
    PASSING = True
    FIRES = "the power was cut; for a torn operation with the bytes that had happened"
    how = Argument(one_of(BEFORE, TORN, RANDOM, AFTER), default=BEFORE, doc="around a flash operation")
    times = Argument(count, default=1, doc="how often")
    step = Argument(count, default=1, doc="flash operations from one cut to the next")
    _cuts: int = State(0)

    def check(self) -> None:
        if self.how != BEFORE and self.when.flash_op is None:
            self.refuse(f"{self.how} is about a flash operation; write @flash-op=N")
        if self.times > 1 and self.when.flash_op is None:
            self.refuse("only @flash-op=N can be repeated; give the fault several times")

    def strike(self, targets: Targets) -> None:
        self._cuts += 1
        operations = targets.flash_operations
        operation = operations.current
        what = f"power cut {self.how} it" if operation else "power cut"
        changed = operations.interrupt(operation, self.how, self.rng)
        if operation is not None and self.how in (TORN, RANDOM):
            what = f"torn, {changed} of {operation.length} bytes changed"
        self.record(_place(operation), what)
        if self._cuts < self.times:
            self._trigger.at_operation(operations.begun + self.step)


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
        if operation is None or operation.kind != "erase":
            self._trigger.at_operation(operations.begun + 1)
            return
        operations.interrupt(operation, ZEROS if self.leaves == ZEROS else NOISE, self.rng)
        self.record(_place(operation), f"{operation.length} bytes are {self.leaves}")


def _place(operation: Operation | None) -> str:
    if operation is None:
        return "machine"
    return f"{operation.kind} of {operation.length:#x} at {operation.address:#x}"


KINDS = (PowerCut, BrownOut)
