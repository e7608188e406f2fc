"""The serial NOR flash chip inside the package: its bytes outlive every reset.

Facts: docs/hardware/flash.md. Block protection follows the SEC/TB/BP/CMP scheme that GigaDevice and Winbond parts
of 2 and 4 MiB share. Erased bytes are 0xFF and programming only clears bits.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple, Protocol

PAGE = 256
SECTOR = 0x1000
BLOCK_32K = 0x8000
BLOCK_64K = 0x10000

# How an operation ends: before it begins, in its middle, with each bit done or not, when it is done; and an erase that
# has programmed all bits to 0 and got no further, or leaves them to chance.
BEFORE, TORN, RANDOM, AFTER, ZEROS, NOISE = "before", "torn", "random", "after", "zeros", "noise"


class Operation(NamedTuple):
    """A program or an erase at a physical address. `data` is what is programmed, empty for an erase."""

    kind: str
    address: int
    length: int
    data: bytes = b""

    def leaves(self, was: bytes, shape: str = AFTER, chance: Random | None = None) -> bytes:
        """The bytes of its range, where `was` stood, once it has ended in this shape; RANDOM and NOISE draw theirs from
        `chance`. An erase sets all bits, a program clears those that are 0 in its data."""
        if self.kind == "erase":
            done = b"\xff" * len(was)
        else:
            done = _mixed(was, self.data[: len(was)], int.from_bytes(was, "little"))
        if shape == AFTER:
            return done
        if shape == TORN:
            middle = self.length // 2
            return done[:middle] + was[middle:]
        if shape == BEFORE:
            return was
        if shape == ZEROS:
            return bytes(len(was))
        assert chance is not None, f"the shape {shape} needs a source of chance"
        if shape == RANDOM:
            return _mixed(was, done, chance.getrandbits(8 * len(was)))
        return chance.randbytes(len(was))


def _mixed(old: bytes, new: bytes, mask: int) -> bytes:
    """The bits of `new` where `mask` (little-endian) has ones, those of `old` elsewhere."""
    one, other = int.from_bytes(old, "little"), int.from_bytes(new, "little")
    return (one & ~mask | other & mask).to_bytes(len(old), "little")


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


class NorFlash:
    """`size` bytes of flash (physical addresses), a JEDEC id, a 16-bit status register, and maybe an attendant."""

    def __init__(self, size: int, jedec_id: int) -> None:
        self.size = size
        self.jedec_id = jedec_id
        self.data = bytearray(b"\xff" * size)
        self.status = 0
        self.attendant: Attendant | None = None

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

    def read(self, address: int, length: int) -> bytes:
        """Bytes from a physical address on; the address counter wraps at the end of the chip."""
        address %= self.size
        data = bytes(self.data[address : address + length])
        return data if len(data) == length else data + self.read(0, length - len(data))

    def protected(self, address: int, length: int) -> bool:
        """Whether the status register protects any byte of this range."""
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
        return self._carry_out(Operation("program", address, len(data), data))

    def erase(self, address: int, length: int) -> bool:
        """Set `length` bytes from an aligned address to 0xFF. False where it did not happen."""
        return self._carry_out(Operation("erase", address, length))

    def perform(self, operation: Operation, shape: str = AFTER, chance: Random | None = None) -> bytes:
        """Do to the cells what an operation does that ends in this shape. Returns what stood in its range before."""
        start, end = operation.address, operation.address + operation.length
        was = bytes(self.data[start:end])
        self.data[start:end] = operation.leaves(was, shape, chance)
        return was

    def _carry_out(self, operation: Operation) -> bool:
        attendant = self.attendant
        if attendant is not None and not attendant.before(operation):
            return False
        was = self.perform(operation)
        if attendant is not None:
            attendant.after(operation, was)
        return True
