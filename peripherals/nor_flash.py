"""The serial NOR flash chip inside the package: its bytes outlive every reset.

Facts: docs/hardware/flash.md. Block protection follows the SEC/TB/BP/CMP scheme that GigaDevice and Winbond parts
of 2 and 4 MiB share. Erased bytes are 0xFF and programming only clears bits.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import groupby
from random import Random
from typing import Any, Protocol

from bk7238.peripherals.core import Actor, Signal, State
from bk7238.peripherals.nor_endings import (
    AFTER,
    BLOCK_32K,
    BLOCK_64K,
    ERASE,
    PROGRAM,
    SECTOR,
    SHAPES,
    STATUS,
    Left,
    Operation,
)

_PROTECTING = 0x401C  # CMP and BP2..0, without which nothing is protected
LINE = 32  # bytes of one read of the controller


class Attendant(Protocol):
    """Stands beside a chip and sees what is asked of its cells; a chip without one has no cost of it."""

    def before(self, operation: Operation) -> bool:
        """It is about to happen. False: it does not, and what stands in the cells is the attendant's doing."""
        ...

    def after(self, operation: Operation, was: bytes) -> None:
        """It has happened; `was` stood there before."""
        ...

    def identified(self) -> None:
        """The JEDEC id was read."""
        ...


class NorFlash(Actor):
    """`size` bytes of flash (physical addresses), a JEDEC id, a 16-bit status register, and maybe an attendant.

    `unstable` are bits that read differently from read to read, by address a mask and how seldom (one time in 2 ** n).
    What a read gives of them depends on the cut that left them and on how often their 32 bytes were read, so that a run
    that is carried out again reads the same.
    """

    _status: int = State(0)
    unstable: dict[int, tuple[int, int]] = State(factory=dict)
    _noise: int = State(0)
    _readings: dict[int, int] = State(factory=dict)

    def __init__(self, size: int, jedec_id: int) -> None:
        self.size = size
        self.jedec_id = jedec_id
        self.data = bytearray(b"\xff") * size
        self._attendant: Attendant | None = None
        self.on_steadiness = Signal()

    @property
    def attendant(self) -> Attendant | None:
        """Who stands beside it."""
        return self._attendant

    @attendant.setter
    def attendant(self, attendant: Attendant | None) -> None:
        self._attendant = attendant
        self.on_steadiness()

    @property
    def status(self) -> int:
        """The status register."""
        return self._status

    @status.setter
    def status(self, status: int) -> None:
        self._status = status
        self.on_steadiness()

    @property
    def steady(self) -> bool:
        """Whether a read gives nothing but its bytes, each time, and may pass by `read`; `on_steadiness` is told when
        that may have changed."""
        return not self.unstable

    @property
    def obedient(self) -> bool:
        """Whether a program clears its bits, and may pass by `program`; `on_steadiness` is told, too."""
        return self.steady and self._attendant is None and not self._status & _PROTECTING

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over the state of another chip, all but its bytes."""
        super().restore(snapshot)
        self.on_steadiness()

    def copy(self) -> NorFlash:
        """A chip that holds and does the same, without an attendant."""
        other = NorFlash(self.size, self.jedec_id)
        other.data[:] = self.data
        other.restore(deepcopy(self.snapshot()))
        return other

    def identify(self) -> int:
        """The JEDEC id, as the chip answers when it is asked."""
        if self.attendant is not None:
            self.attendant.identified()
        return self.jedec_id

    def load(self, data: bytes, address: int = 0) -> None:
        """Put `data` at a physical address, as a programmer does: no NOR rules, no protection."""
        if address + len(data) > self.size:
            raise ValueError(f"{len(data):#x} bytes at {address:#x} do not fit a flash of {self.size:#x}")
        self.data[address : address + len(data)] = data
        if self.unstable:
            self._settle(range(address, address + len(data)))

    def read(self, address: int, length: int) -> bytes:
        """Bytes from a physical address on; the address counter wraps at the end of the chip."""
        address %= self.size
        data = bytes(self.data[address : address + length])
        if self.unstable:
            data = self._reading(address, data, again=True)
        return data if len(data) == length else data + self.read(0, length - len(data))

    def shown(self, address: int, length: int) -> bytes:
        """One reading of bytes within the chip, always the same and not counted: what the CPU's window shows."""
        data = bytes(memoryview(self.data)[address : address + length])
        return self._reading(address, data, again=False) if self.unstable else data

    def protected(self, address: int, length: int) -> bool:
        """Whether the status register protects any byte of this range."""
        if not self._status & _PROTECTING:
            return False
        start, end = self.protected_range
        complement = self.status >> 14 & 1
        inside = max(start, address) < min(end, address + length)
        outside = address < start or address + length > end
        return outside if complement else inside

    @property
    def protected_range(self) -> tuple[int, int]:
        """The range that SEC, TB and BP2..0 name: protected, or with CMP set, the only one that is not."""
        level = self.status >> 2 & 7
        bottom = self.status >> 5 & 1
        sectors = self.status >> 6 & 1
        if level == 0:
            length = 0
        elif level == 7:
            length = self.size
        elif sectors:
            length = min(SECTOR << level - 1, BLOCK_32K)
        else:
            length = min(BLOCK_64K << level - 1, self.size)
        return (0, length) if bottom else (self.size - length, self.size)

    def program(self, address: int, data: bytes) -> bool:
        """Clear the bits that are zero in `data`. False where it did not happen."""
        return self._carry_out(Operation(PROGRAM, address, len(data), data))

    def erase(self, address: int, length: int) -> bool:
        """Set `length` bytes from an aligned address to 0xFF. False where it did not happen."""
        return self._carry_out(Operation(ERASE, address, length))

    def write_status(self, status: int) -> bool:
        """Write the status register. False where it did not happen."""
        return self._carry_out(Operation(STATUS, 0, 2, status.to_bytes(2, "little")))

    def perform(self, operation: Operation, shape: str = AFTER, chance: Random | None = None) -> bytes:
        """Do to the cells what an operation does that ends in this shape, by `chance` where there is any. Returns what
        stood in its range, or in the status register, before."""
        if operation.kind == STATUS:
            was = self.status.to_bytes(2, "little")
            self.status = int.from_bytes(self._left(operation, was, shape, chance).data, "little")
            return was
        start, end = operation.address, operation.address + operation.length
        was = bytes(self.data[start:end])
        if shape == AFTER:
            self.data[start:end] = operation.done(was)
        else:
            left = self._left(operation, was, shape, chance)
            self.data[start:end] = left.data
            for address, mask in left.cleared.items():
                self.data[address] &= ~mask
            if left.unstable:
                assert chance is not None
                self._noise, self._readings = chance.getrandbits(64), {}
                self.unstable = {at: bits for at, bits in self.unstable.items() if not start <= at < end}
                self.unstable |= {start + place: (mask, left.seldom) for place, mask in left.unstable.items()}
                self.on_steadiness()
        if self.unstable and shape == AFTER:
            self._settle(range(start, end), operation.data)
        return was

    @staticmethod
    def _left(operation: Operation, was: bytes, shape: str, chance: Random | None) -> Left:
        kind = SHAPES[shape]
        assert operation.kind in kind.of, f"{operation.kind} does not end in the shape {shape}"
        return kind.leaves(operation, was, chance if chance is not None else Random(0))

    def _settle(self, addresses: range, programmed: bytes = b"") -> None:
        """Bits that were erased or loaded are as they read, and those that were programmed to 0."""
        for address in [one for one in self.unstable if one in addresses]:
            mask, seldom = self.unstable.pop(address)
            place = address - addresses.start
            if place < len(programmed) and mask & programmed[place]:
                self.unstable[address] = mask & programmed[place], seldom
        self.on_steadiness()

    def _reading(self, address: int, data: bytes, *, again: bool) -> bytes:
        """What a read gives where `data` stands; `again`: another time."""
        first, last = address // LINE, (address + len(data) - 1) // LINE
        places, unstable = range(first * LINE, (last + 1) * LINE), self.unstable
        few = len(places) < len(unstable)
        near = filter(unstable.__contains__, places) if few else sorted(filter(places.__contains__, unstable))
        read = bytearray(data)
        for line, group in groupby(near, lambda at: at // LINE):
            if again:
                self._readings[line] = self._readings.get(line, 0) + 1
            chance = Random(f"{self._noise}:{line}:{self._readings.get(line, 0) if again else 0}")
            for at in group:
                mask, seldom = unstable[at]
                for _ in range(seldom):
                    mask &= chance.getrandbits(8)
                if 0 <= at - address < len(read):
                    read[at - address] ^= mask
        return bytes(read)

    def _carry_out(self, operation: Operation) -> bool:
        attendant = self.attendant
        if attendant is not None and not attendant.before(operation):
            return False
        was = self.perform(operation)
        if attendant is not None:
            attendant.after(operation, was)
        return True
