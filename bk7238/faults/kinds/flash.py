"""Faults of the flash chip, and areas of it that are blank or corrupt. Addresses are physical."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from bk7238.chip import Area
from bk7238.faults.arguments import Argument, address, count, number, one_of
from bk7238.faults.fault import Fault
from bk7238.faults.targets import Targets
from bk7238.machine import Machine
from bk7238.peripherals.core import State
from bk7238.peripherals.nor_endings import SECTOR, Operation


class _Watching(Fault):
    """A fault that sees each operation once its moment has come."""

    SECTION = "Flash"
    armed: bool = State(False)

    def arm(self, targets: Targets) -> None:
        self.operations = targets.flash_operations
        targets.flash_operations.on_end.connect(self.after)
        super().arm(targets)

    def strike(self, _targets: Targets) -> None:
        self.armed = True

    @abstractmethod
    def after(self, operation: Operation, was: bytes) -> None:
        """An operation has happened where `was` stood."""


class _Flaw(_Watching):
    """A fault of the cells themselves: an operation that is cut short meets it, too."""

    def arm(self, targets: Targets) -> None:
        targets.flash_operations.on_torn.connect(self.after)
        super().arm(targets)


class FlashStuckBit(_Flaw):
    """A bit of the flash cannot change: it stays what it is told to be, whatever is programmed or erased."""

    NAME = "flash-stuck-bit"
    FIRES = "the bit is not what it should be"
    at = Argument(address, doc="physical address of its byte")
    bit = Argument(number, default=0, doc="0 to 7")
    value = Argument(number, default=0, doc="0 or 1")

    def check(self) -> None:
        if not 0 <= self.bit <= 7 or self.value not in (0, 1):
            self.refuse("bit goes from 0 to 7 and value is 0 or 1")

    def flash(self, machine: Machine, _configuration: Callable[[], Area]) -> None:
        if self.at >= machine.flash.size:
            self.refuse(f"the flash has {machine.flash.size:#x} bytes")

    def strike(self, targets: Targets) -> None:
        super().strike(targets)
        self._hold()

    def after(self, operation: Operation, _was: bytes) -> None:
        if self.armed and operation.address <= self.at < operation.address + operation.length:
            self._hold()

    def _hold(self) -> None:
        byte = self.operations.cells.data[self.at]
        held = byte & ~(1 << self.bit) | self.value << self.bit
        if held != byte:
            self.operations.cells.load(bytes((held,)), self.at)
            self.operations.machine.board.flash.refresh(self.at, 1)
            self.record(f"{self.at:#x}", f"bit {self.bit} stays {self.value}")


class FlashFailingSector(_Flaw):
    """A sector is worn out: its bytes stay as they are when it is erased, programmed, or both."""

    NAME = "flash-failing-sector"
    FIRES = "an operation on the sector had no effect"
    at = Argument(address, doc="an address in the sector")
    fails = Argument(one_of("erase", "program", "both"), default="both", doc="what has no effect")

    def after(self, operation: Operation, was: bytes) -> None:
        start = self.at // SECTOR * SECTOR
        low, high = max(start, operation.address), min(start + SECTOR, operation.address + operation.length)
        if not self.armed or low >= high or self.fails not in ("both", operation.kind):
            return
        self.operations.cells.load(was[low - operation.address : high - operation.address], low)
        self.record(f"sector {start:#x}", f"{operation.kind} at {operation.address:#x} had no effect on it")


class FlashProgramFlip(_Watching):
    """A program leaves bits 0 that should be 1: one bit in each program, from its moment on, as often as told."""

    NAME = "flash-program-flip"
    FIRES = "a bit was programmed that should not have been"
    times = Argument(count, default=1, doc="how many programs")

    def after(self, operation: Operation, _was: bytes) -> None:
        if not self.armed or operation.kind != "program" or self.count >= self.times:
            return
        now = self.operations.cells.data[operation.address : operation.address + operation.length]
        ones = [(place, bit) for place, byte in enumerate(now) for bit in range(8) if byte >> bit & 1]
        if ones:
            place, bit = self.rng.choice(ones)
            self.operations.cells.load(bytes((now[place] & ~(1 << bit),)), operation.address + place)
            self.record(f"{operation.address + place:#x}", f"bit {bit} became 0")


class FlashJedecId(Fault):
    """The chip names itself otherwise. Drivers derive its size and its protection from that."""

    NAME, SECTION = "flash-jedec-id", "Flash"
    FIRES = "the firmware read the id"
    BEFORE_POWER_ON = True
    id = Argument(number, default=0, doc="24 bits, such as 0xEF4016")

    def check(self) -> None:
        if not 0 <= self.id < 1 << 24:
            self.refuse("id has 24 bits")

    def flash(self, machine: Machine, _configuration: Callable[[], Area]) -> None:
        machine.flash.jedec_id = self.id

    def arm(self, targets: Targets) -> None:
        targets.flash_operations.on_identify.connect(lambda: self.record("chip", f"said it is {self.id:06x}"))


AREAS = ("calibration", "configuration")


class FlashArea(Fault):
    """What stands in an area of the flash at power-on is blank or corrupt.

    `calibration` is the chip's area for the radio, `configuration` is where the image's firmware family keeps its own:
    both depend on the size of the flash. Any other area is named by `at` and `size`.
    """

    NAME, SECTION = "flash-area", "Flash"
    FIRES = "bytes of it were changed"
    BEFORE_POWER_ON = True
    area = Argument(one_of(*AREAS, "other"), default="calibration", doc="which area")
    how = Argument(one_of("blank", "zeros", "corrupt"), default="blank", doc="0xFF, 0x00, or random bytes by the seed")
    at = Argument(address, default=None, doc="where another area begins")
    size = Argument(count, default=SECTOR, doc="its bytes")

    def check(self) -> None:
        if (self.area == "other") != (self.at is not None):
            self.refuse("give `at` for the area `other`, and only for it")

    def flash(self, machine: Machine, configuration: Callable[[], Area]) -> None:
        chip = machine.flash
        start, size = self._range(machine, configuration)
        if start + size > chip.size:
            self.refuse(f"the flash has {chip.size:#x} bytes")
        fill = {"blank": b"\xff" * size, "zeros": bytes(size)}.get(self.how) or self.rng.randbytes(size)
        changed = sum(old != new for old, new in zip(chip.data[start : start + size], fill, strict=True))
        chip.load(fill, start)
        if changed:
            self.record(f"{self.area}, {start:#x} to {start + size:#x}", f"{self.how}, {changed} bytes changed")

    def _range(self, machine: Machine, configuration: Callable[[], Area]) -> tuple[int, int]:
        """Where it begins, and its bytes."""
        if self.at is not None:
            return self.at, self.size
        rf = machine.chip.flash(machine.flash.size).area("rf")
        area = configuration() if self.area == "configuration" else rf
        return area.start, area.size


KINDS = (FlashStuckBit, FlashFailingSector, FlashProgramFlip, FlashJedecId, FlashArea)
