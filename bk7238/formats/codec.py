"""How code lies in the flash of a chip, as an object: the codec that its chip.toml names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from bk7238.formats import crc_framing
from bk7238.formats.scrambling import NONE, Coefficients, scramble


class Codec(Protocol):
    """Units of `data` logical bytes, which are `frame` physical bytes in the flash. A logical address is what the CPU
    and code use, a physical one is an offset in the flash chip."""

    @property
    def name(self) -> str:
        """As chip.toml has it."""

    @property
    def data(self) -> int:
        """Bytes of data in a frame."""

    @property
    def frame(self) -> int:
        """Bytes of a whole frame."""

    @property
    def coefficients(self) -> Coefficients:
        """What the chip has in its eFuse for it: four words of 32 bits, all zero where nothing is scrambled."""
        ...

    def physical(self, logical: int) -> int:
        """The physical address of the byte at a logical address."""
        ...

    def logical(self, physical: int) -> int:
        """The logical address of a physical one; an address within what guards a unit gives its end."""
        ...

    def decode(self, framed: bytes, at: int, clear: Sequence[range] = ()) -> bytes:
        """The logical bytes of physical ones that begin with a unit, at a physical address, whether or not it holds.
        An erased unit reads as 0xFF. Logical addresses in `clear` are of bytes that nobody scrambled."""
        ...

    def encode(self, data: bytes, at: int, clear: Sequence[range] = ()) -> bytes:
        """The physical bytes of logical ones that begin with a unit, at a logical address; a last partial unit is
        filled up with 0xFF. Those in `clear` are not scrambled."""
        ...

    def bad(self, framed: bytes) -> list[int]:
        """Offsets of the units that do not hold and are not erased."""
        ...

    def erased(self, framed: bytes) -> list[int]:
        """Offsets of the whole units that are all 0xFF."""
        ...

    def counts(self, framed: bytes) -> tuple[int, int]:
        """How many whole units hold, and how many neither hold nor are erased."""
        ...

    def is_encoded(self, data: bytes) -> bool:
        """Whether most of the first units that are not erased hold."""
        ...

    def begins_with_unit(self, data: bytes) -> bool:
        """Whether the first unit holds; an erased one does not, and what is missing of it is taken as 0xFF."""
        ...


@dataclass(frozen=True)
class CrcFrames:
    """Every 32 bytes are followed by their CRC-16."""

    name: ClassVar[str] = "crc-frames"
    data: ClassVar[int] = crc_framing.DATA
    frame: ClassVar[int] = crc_framing.FRAME
    coefficients: Coefficients = field(default=NONE, init=False)

    physical = staticmethod(crc_framing.physical)
    logical = staticmethod(crc_framing.logical)
    bad = staticmethod(crc_framing.bad_frames)
    erased = staticmethod(crc_framing.erased_frames)
    counts = staticmethod(crc_framing.counts)
    is_encoded = staticmethod(crc_framing.is_framed)

    def decode(self, framed: bytes, _at: int, _clear: Sequence[range] = ()) -> bytes:
        """The data of whole frames; CRCs are not checked."""
        return crc_framing.strip(framed)

    def encode(self, data: bytes, _at: int, _clear: Sequence[range] = ()) -> bytes:
        """Frame data, padded with 0xFF."""
        return crc_framing.frame(data)

    def begins_with_unit(self, data: bytes) -> bool:
        """Whether the first frame's CRC is right."""
        first = data[: self.frame].ljust(self.frame, b"\xff")
        return crc_framing.crc16(first[: self.data]) == int.from_bytes(first[self.data :], "big")


@dataclass(frozen=True)
class ScrambledCrcFrames(CrcFrames):
    """The same of words that are scrambled by their logical address and four coefficients: the CRC is that of the
    scrambled bytes."""

    name: ClassVar[str] = "scrambled-crc-frames"
    coefficients: Coefficients

    def decode(self, framed: bytes, at: int, clear: Sequence[range] = ()) -> bytes:
        """The data of whole frames at a physical address; erased frames are 0xFF."""
        data, address, whole = crc_framing.strip(framed), self.logical(at), len(framed) // self.frame * self.frame
        if _BLANK not in framed and whole == len(framed):
            return self._scrambled(data, address, clear)
        plain, written = bytearray(data), list(crc_framing.written_runs(framed))
        if framed.count(0xFF, whole) != len(framed) - whole:
            written.append(range(whole, len(framed)))
        for run in written:
            start, end = self.logical(run.start), self.logical(run.stop)
            plain[start:end] = self._scrambled(data[start:end], address + start, clear)
        return bytes(plain)

    def encode(self, data: bytes, at: int, clear: Sequence[range] = ()) -> bytes:
        """Scramble and frame data for a logical address, padded with 0xFF."""
        whole = data.ljust(-(-len(data) // self.data) * self.data, b"\xff")
        return crc_framing.frame(self._scrambled(whole, at, clear))

    def _scrambled(self, data: bytes, at: int, clear: Sequence[range]) -> bytes:
        """Data at a logical address scrambled, or the other way round, but for what is in `clear`."""
        other = scramble(data, at, self.coefficients)
        for one in clear:
            start, end = max(one.start - at, 0), min(one.stop - at, len(data))
            if start < end:
                other = other[:start] + data[start:end] + other[end:]
        return other


_BLANK = b"\xff" * crc_framing.DATA
CRC_FRAMES = CrcFrames()
NAMES = (CrcFrames.name, ScrambledCrcFrames.name)


def of_coefficients(coefficients: Coefficients) -> Codec:
    """CRC frames as a chip has them whose eFuse has these."""
    return CRC_FRAMES if coefficients == NONE else ScrambledCrcFrames(coefficients)


def find(name: str, coefficients: Sequence[int] | None = None) -> Codec:
    """The codec of this name, with what chip.toml says of it. Raises ValueError where there is none, or where that is
    too much or too little."""
    if name not in NAMES:
        raise ValueError(f"no codec {name!r} is known; there is {', '.join(NAMES)}")
    if name == CrcFrames.name:
        if coefficients is not None:
            raise ValueError(f"the codec {name} has no coefficients")
        return CRC_FRAMES
    words = coefficients if isinstance(coefficients, (list, tuple)) else ()
    if len(words) != 4 or not all(type(word) is int and 0 <= word < 1 << 32 for word in words):
        raise ValueError(f"the codec {name} has coefficients = [four numbers of 32 bits]")
    return ScrambledCrcFrames((words[0], words[1], words[2], words[3]))
