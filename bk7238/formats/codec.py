"""How code lies in the flash of a chip, as an object: the codec that its chip.toml names."""

from __future__ import annotations

from typing import ClassVar, Protocol

from bk7238.formats import crc_framing


class Codec(Protocol):
    """Units of `data` logical bytes, which are `frame` physical bytes in the flash. A logical address is what the CPU
    and code use, a physical one is an offset in the flash chip."""

    @property
    def name(self) -> str: ...

    @property
    def data(self) -> int: ...

    @property
    def frame(self) -> int: ...

    def physical(self, logical: int) -> int:
        """The physical address of the byte at a logical address."""
        ...

    def logical(self, physical: int) -> int:
        """The logical address of a physical one; an address within what guards a unit gives its end."""
        ...

    def decode(self, framed: bytes) -> bytes:
        """The logical bytes of physical ones that begin with a unit, whether or not it holds."""
        ...

    def encode(self, data: bytes) -> bytes:
        """The physical bytes of logical ones; a last partial unit is filled up with 0xFF."""
        ...

    def bad(self, framed: bytes) -> list[int]:
        """Offsets of the units that do not hold and are not erased."""
        ...

    def erased(self, framed: bytes) -> list[int]:
        """Offsets of the whole units that are all 0xFF."""
        ...

    def is_encoded(self, data: bytes) -> bool:
        """Whether most of the first units that are not erased hold."""
        ...

    def begins_with_unit(self, data: bytes) -> bool:
        """Whether the first unit holds; an erased one does not, and what is missing of it is taken as 0xFF."""
        ...


class CrcFrames:
    """Every 32 bytes are followed by their CRC-16."""

    name: ClassVar[str] = "crc-frames"
    data: ClassVar[int] = crc_framing.DATA
    frame: ClassVar[int] = crc_framing.FRAME

    physical = staticmethod(crc_framing.physical)
    logical = staticmethod(crc_framing.logical)
    decode = staticmethod(crc_framing.strip)
    encode = staticmethod(crc_framing.frame)
    bad = staticmethod(crc_framing.bad_frames)
    erased = staticmethod(crc_framing.erased_frames)
    is_encoded = staticmethod(crc_framing.is_framed)

    def begins_with_unit(self, data: bytes) -> bool:
        first = data[: self.frame].ljust(self.frame, b"\xff")
        return crc_framing.crc16(first[: self.data]) == int.from_bytes(first[self.data :], "big")

    def __repr__(self) -> str:
        return f"<{self.name}>"


CRC_FRAMES = CrcFrames()
_CODECS: dict[str, Codec] = {CRC_FRAMES.name: CRC_FRAMES}


def find(name: str) -> Codec:
    """The codec of this name. Raises ValueError where there is none."""
    if name not in _CODECS:
        raise ValueError(f"no codec {name!r} is known; there is {', '.join(_CODECS)}")
    return _CODECS[name]
