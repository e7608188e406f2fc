"""How an operation of a serial NOR flash ends: as it should, or interrupted, in one of the shapes that are known.

What a stopped operation leaves is in no data sheet; each shape says where it is known from. Sources:

- BrickProof 0.4 (PyPI `brickproof-fw`) stopped erases and programs of an STM32F103 at a known number of cycles: of the
  old zeros of a page 4.5 % were still there at first, 0.35 % 15 us later, none after 50 us, scattered and never half a
  page in one piece.
- Tseng, Grupp, Swanson, Understanding the Impact of Power Loss on Flash Memory (DAC 2011): a stopped program damages
  what was programmed before, and what a stopped erase leaves is unreliable until it is erased again.
- Microchip's FAQ of the SST26VF016B: power that is lost during a page program can corrupt the sector that holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

PAGE = 256
SECTOR = 0x1000
BLOCK_32K = 0x8000
BLOCK_64K = 0x10000

ERASE, PROGRAM, STATUS = "erase", "program", "status"

# The names of the shapes
BEFORE, TORN, RANDOM, AFTER = "before", "torn", "random", "after"
SCATTERED, UNSTABLE, WEAK, ZEROS, NOISE = "scattered", "unstable", "weak", "zeros", "noise"
BITS, BYTES, DISTURB, UNDEFINED = "bits", "bytes", "disturb", "undefined"

_PROTECTION = 0x407C  # CMP, SEC, TB and BP2..0
_HALF, _SELDOM = 1, 4  # a bit reads differently one time in 2 or in 16
_DISTURBED = 16  # bits at most, elsewhere in the sector of a stopped program


class Operation(NamedTuple):
    """A program or an erase at a physical address, or a write of the status register. `data` is what is programmed or
    written, empty for an erase."""

    kind: str
    address: int
    length: int
    data: bytes = b""

    def done(self, was: bytes) -> bytes:
        """The bytes of its range, where `was` stood, once it has ended as it should: an erase sets all bits, a program
        clears those that are 0 in its data."""
        if self.kind == ERASE:
            return b"\xff" * len(was)
        if self.kind == PROGRAM:
            both = int.from_bytes(was, "little") & int.from_bytes(self.data[: len(was)], "little")
            return both.to_bytes(len(was), "little")
        return self.data

    @property
    def around(self) -> range:
        """The addresses of the sectors that its range touches."""
        return range(self.address // SECTOR * SECTOR, -(-(self.address + self.length) // SECTOR) * SECTOR)


class Left(NamedTuple):
    """What an operation leaves: the bytes of its range, bits of it that read differently from read to read (by offset a
    mask) one time in 2 ** `seldom`, and bits that it has cleared elsewhere (by physical address a mask)."""

    data: bytes
    unstable: dict[int, int] = {}
    seldom: int = _HALF
    cleared: dict[int, int] = {}


class Shape(NamedTuple):
    """A way to end. `of` are the kinds of operations that can, `says` is what it leaves, `source` where that is known
    from."""

    of: frozenset[str]
    says: str
    source: str
    leaves: Callable[[Operation, bytes, Random], Left]


def _mixed(old: bytes, new: bytes, mask: int) -> bytes:
    """The bits of `new` where `mask` (little-endian) has ones, those of `old` elsewhere."""
    one, other = int.from_bytes(old, "little"), int.from_bytes(new, "little")
    return (one & ~mask | other & mask).to_bytes(len(old), "little")


def _before(_operation: Operation, was: bytes, _chance: Random) -> Left:
    return Left(was)


def _after(operation: Operation, was: bytes, _chance: Random) -> Left:
    return Left(operation.done(was))


def _torn(operation: Operation, was: bytes, _chance: Random) -> Left:
    middle = operation.length // 2
    return Left(operation.done(was)[:middle] + was[middle:])


def _random(operation: Operation, was: bytes, chance: Random) -> Left:
    return Left(_mixed(was, operation.done(was), chance.getrandbits(8 * len(was))))


def _zeros(_operation: Operation, was: bytes, _chance: Random) -> Left:
    return Left(bytes(len(was)))


def _noise(_operation: Operation, was: bytes, chance: Random) -> Left:
    return Left(chance.randbytes(len(was)))


def some_bits(bits: int, share: int, chance: Random) -> int:
    """A mask of so many bits, each of which is set in `share` of 1024 cases."""
    mask = 0
    for place in range(10):
        drawn = chance.getrandbits(bits)
        mask = mask | drawn if share >> place & 1 else mask & drawn
    return mask


def _old_zeros(was: bytes, chance: Random) -> int:
    """A mask of those zeros that an erase has not reached: 0.4 to 4.5 % of them."""
    bits = 8 * len(was)
    return ~int.from_bytes(was, "little") & some_bits(bits, chance.randint(4, 46), chance) & (1 << bits) - 1


def _scattered(_operation: Operation, was: bytes, chance: Random) -> Left:
    bits = 8 * len(was)
    return Left(((1 << bits) - 1 & ~_old_zeros(was, chance)).to_bytes(len(was), "little"))


def _unstable(operation: Operation, was: bytes, chance: Random) -> Left:
    left = _scattered(operation, was, chance)
    return Left(left.data, _by_byte(_old_zeros(was, chance), len(was)), _HALF)


def _weak(operation: Operation, was: bytes, chance: Random) -> Left:
    return Left(operation.done(was), _by_byte(_old_zeros(was, chance), len(was)), _SELDOM)


def _by_byte(mask: int, length: int) -> dict[int, int]:
    return {place: byte for place, byte in enumerate(mask.to_bytes(length, "little")) if byte}


def _bits(operation: Operation, was: bytes, chance: Random) -> Left:
    bits = 8 * len(was)
    return Left(_mixed(was, operation.done(was), some_bits(bits, chance.randint(1, 1023), chance)))


def _bytes(operation: Operation, was: bytes, chance: Random) -> Left:
    if not was:
        return Left(was)
    whole = chance.randrange(len(was))
    return Left(_mixed(was, operation.done(was), (1 << 8 * whole) - 1 | chance.getrandbits(8) << 8 * whole))


def _disturb(operation: Operation, was: bytes, chance: Random) -> Left:
    others = [one for one in operation.around if not 0 <= one - operation.address < operation.length]
    cleared: dict[int, int] = {}
    for _ in range(chance.randint(1, _DISTURBED) if others else 0):
        address = chance.choice(others)
        cleared[address] = cleared.get(address, 0) | 1 << chance.randrange(8)
    return Left(_bits(operation, was, chance).data, cleared=cleared)


def _undefined(operation: Operation, was: bytes, chance: Random) -> Left:
    protection = _PROTECTION.to_bytes(2, "little")
    return Left(_mixed(operation.done(was), chance.randbytes(2), int.from_bytes(protection, "little")))


_ANY = frozenset((ERASE, PROGRAM, STATUS))
_CELLS = frozenset((ERASE, PROGRAM))
_ERASE, _PROGRAM, _STATUS = frozenset((ERASE,)), frozenset((PROGRAM,)), frozenset((STATUS,))

SHAPES = {
    BEFORE: Shape(_ANY, "it has not begun", "the limit", _before),
    TORN: Shape(_CELLS, "its first half has happened", "a usual model; chips are not known to do so", _torn),
    RANDOM: Shape(_CELLS, "each bit has changed or not", "a usual model", _random),
    AFTER: Shape(_ANY, "it is done", "the limit", _after),
    SCATTERED: Shape(
        _ERASE, "0.4 to 4.5 % of the old zeros are still there, scattered", "measured by BrickProof", _scattered
    ),
    UNSTABLE: Shape(
        _ERASE,
        "as scattered, and as many bits read differently from read to read until they are erased again",
        "Tseng, Grupp, Swanson",
        _unstable,
    ),
    WEAK: Shape(
        _ERASE,
        "all reads as erased, but 0.4 to 4.5 % of the old zeros do not one time in 16, until they are erased again",
        "Tseng, Grupp, Swanson; the rates are a model",
        _weak,
    ),
    BITS: Shape(_PROGRAM, "some bits are not zero yet", "what a cell is; the share is drawn", _bits),
    BYTES: Shape(
        _PROGRAM, "the first bytes are there, one is not whole, the others are not", "chips that go by bytes", _bytes
    ),
    DISTURB: Shape(
        _PROGRAM,
        f"as bits, and up to {_DISTURBED} bits elsewhere in its sector became zero",
        "Microchip; Tseng, Grupp, Swanson; the number is a model",
        _disturb,
    ),
    UNDEFINED: Shape(_STATUS, "the protection bits are by chance", "a register that is erased and written", _undefined),
    ZEROS: Shape(_ERASE, "all bits are 0: it begins by programming them", "how NOR is erased", _zeros),
    NOISE: Shape(_ERASE, "bits by chance", "a usual model", _noise),
}
