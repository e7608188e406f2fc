"""Faults of the power: it goes, and comes back at once. RAM is lost; the flash is as it was in that moment."""

from __future__ import annotations

from collections.abc import Callable

from bk7238.faults.arguments import Argument, count, one_of
from bk7238.faults.fault import Fault
from bk7238.faults.targets import Targets
from bk7238.peripherals.nor_flash import Operation

BEFORE, TORN, RANDOM, AFTER = "before", "torn", "random", "after"


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

    def check(self) -> None:
        if self.how != BEFORE and self.when.flash_op is None:
            self.refuse(f"{self.how} is about a flash operation; write @flash-op=N")
        if self.times > 1 and self.when.flash_op is None:
            self.refuse("only @flash-op=N can be repeated; give the fault several times")

    def strike(self, targets: Targets) -> None:
        self._left = getattr(self, "_left", self.times) - 1
        operation = targets.flash_operations.current
        if operation is None or self.how == BEFORE:
            self.record(_place(operation), "power cut" + (" before it" if operation else ""))
            targets.flash_operations.cut()
        elif self.how == AFTER:
            self.record(_place(operation), "power cut after it")
            targets.flash_operations.cut(after=True)
        else:
            targets.flash_operations.cut(lambda cut: self._tear(targets, cut))
        if self._left:
            targets.flash_operations.at(targets.flash_operations.begun + self.step, lambda: self.strike(targets))

    def _tear(self, targets: Targets, operation: Operation) -> None:
        before = bytes(targets.flash_operations.cells.data[operation.address : operation.address + operation.length])
        torn = half(operation, before) if self.how == TORN else bits(operation, before, self.rng.getrandbits)
        targets.flash_operations.put(operation.address, torn)
        self.record(_place(operation), f"torn, {_changed(before, torn)} of {operation.length} bytes changed")


class BrownOut(Fault):
    """The supply sags during an erase. The chip had begun by programming all bits to 0, and gets no further.

    It strikes the first erase from its moment on, and leaves `zeros`, or `random` bits that are neither what stood
    there nor erased.
    """

    NAME, SECTION = "brown-out", "Power"
    PASSING = True
    FIRES = "an erase was left half done and the machine started again"
    leaves = Argument(one_of("zeros", RANDOM), default="zeros", doc="what stands in the range of the erase")

    def strike(self, targets: Targets) -> None:
        current = targets.flash_operations.current
        if current is not None and current.kind == "erase":
            self._sag(targets)
        else:
            targets.flash_operations.at(targets.flash_operations.begun + 1, lambda: self.strike(targets))

    def _sag(self, targets: Targets) -> None:
        def leave(operation: Operation) -> None:
            zeros = bytes(operation.length)
            left = zeros if self.leaves == "zeros" else self.rng.randbytes(operation.length)
            targets.flash_operations.put(operation.address, left)
            self.record(_place(operation), f"{operation.length} bytes are {self.leaves}")

        targets.flash_operations.cut(leave)


def half(operation: Operation, before: bytes) -> bytes:
    """The first half of an operation has happened: the bytes of its range then."""
    middle = operation.length // 2
    return done(operation, before)[:middle] + before[middle:]


def bits(operation: Operation, before: bytes, random_bits: Callable[[int], int]) -> bytes:
    """Each bit has happened or not."""
    mask = random_bits(8 * len(before))
    old, new = int.from_bytes(before, "little"), int.from_bytes(done(operation, before), "little")
    return (old & ~mask | new & mask).to_bytes(len(before), "little")


def done(operation: Operation, before: bytes) -> bytes:
    """The bytes of an operation's range after it."""
    if operation.kind == "erase":
        return b"\xff" * len(before)
    return bytes(old & new for old, new in zip(before, operation.data, strict=False))


def _place(operation: Operation | None) -> str:
    if operation is None:
        return "machine"
    return f"{operation.kind} of {operation.length:#x} at {operation.address:#x}"


def _changed(before: bytes, after: bytes) -> int:
    return sum(old != new for old, new in zip(before, after, strict=True))


KINDS = (PowerCut, BrownOut)
