"""The device's supply and its flash chip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bk7238.peripherals.nor_flash import NorFlash

if TYPE_CHECKING:
    from bk7238.peripherals.nor_endings import Operation
    from bk7238.testing.kit import Dut

_SECTOR = 0x1000


class Power:
    """The device's supply."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        return f"<supply of {self._dut!r}>"

    def cycle(self) -> None:
        """Off and on, now. What was printed before is read."""
        self._dut.machine.power_cycle()
        self._dut.skip()

    def cut(self, how: str = "before", *, flash_op: int) -> None:
        """Before the device is switched on: cut the power around this flash operation, `before`, `torn`, `random`
        or `after` it."""
        self._dut.fault(f"power-cut:{how}@flash-op={flash_op}")


class Flash:
    """The flash chip. Addresses are physical."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        if not self._dut.made:
            return f"<flash of {self._dut!r}>"
        return f"<flash of {len(self._chip.data) >> 20} MiB after {self.operations} operations>"

    @property
    def _chip(self) -> NorFlash:
        return self._dut.machine.flash

    def __getitem__(self, where: slice | int) -> Any:
        found = self._chip.data[where]
        return found if isinstance(found, int) else bytes(found)

    @property
    def data(self) -> bytes:
        """The whole flash as it is now."""
        return bytes(self._chip.data)

    @property
    def before(self) -> bytes:
        """The whole flash at the power-on: configured, with the package where it was delivered."""
        _ = self._dut.machine
        return self._dut.flash_before

    def partition(self, name: str) -> bytes:
        """The bytes of a partition, CRCs included. Raises KeyError for one that the image has not."""
        partitions = self._dut.image.partitions
        if name not in partitions:
            raise KeyError(f"there is no partition {name!r}; there is {', '.join(partitions) or 'none'}")
        partition = partitions[name]
        return self.data[partition.physical_start : partition.physical_end]

    @property
    def operations(self) -> int:
        """Programs and erases that have been carried out."""
        return self._dut.machine.flash_operations

    @property
    def journal(self) -> list[Operation]:
        """The programs and erases since the power-on, in their order: `kind`, `address`, `length`, `data`."""
        return self._dut.operations

    def after(self, operations: Iterable[Operation]) -> bytes:
        """What a sound flash that was as this one was at the power-on is after these operations."""
        return carried_out(self.before, operations)

    def load(self, data: bytes, address: int = 0) -> None:
        """Put bytes into the flash as a programmer does, without regard to what stands there; the CPU sees them at
        once. Raises ValueError where they do not fit."""
        machine = self._dut.machine
        for at in range(0, len(data), _SECTOR):
            piece, place = data[at : at + _SECTOR], address + at
            if machine.flash.data[place : place + len(piece)] != piece:
                machine.flash.load(piece, place)
                machine.board.flash.refresh(place, len(piece))


def carried_out(flash: bytes, operations: Iterable[Operation]) -> bytes:
    """What a sound flash with these bytes is after these operations."""
    chip = NorFlash(len(flash), 0)
    chip.load(flash)
    for operation in operations:
        if operation.kind == "erase":
            chip.erase(operation.address, operation.length)
        else:
            chip.program(operation.address, operation.data)
    return bytes(chip.data)
