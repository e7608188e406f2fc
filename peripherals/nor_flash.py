"""The serial NOR flash chip inside the package: its bytes outlive every reset.

Facts: docs/hardware/flash.md. Block protection follows the SEC/TB/BP/CMP scheme that GigaDevice and Winbond parts
of 2 and 4 MiB share. Erased bytes are 0xFF and programming only clears bits.
"""

from __future__ import annotations

PAGE = 256
SECTOR = 0x1000
BLOCK_32K = 0x8000
BLOCK_64K = 0x10000

JEDEC_IDS = {0x200000: 0xC84015, 0x400000: 0xEF4016}


class NorFlash:
    """`size` bytes of flash (physical addresses), a JEDEC id and a 16-bit status register."""

    def __init__(self, size: int = 0x200000) -> None:
        if size not in JEDEC_IDS:
            raise ValueError(f"no flash chip of {size:#x} bytes is known; there are {[hex(s) for s in JEDEC_IDS]}")
        self.size = size
        self.jedec_id = JEDEC_IDS[size]
        self.data = bytearray(b"\xff" * size)
        self.status = 0

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

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits that are zero in `data`."""
        old = self.data[address : address + len(data)]
        new = int.from_bytes(old, "big") & int.from_bytes(data[: len(old)], "big")
        self.data[address : address + len(old)] = new.to_bytes(len(old), "big")

    def erase(self, address: int, length: int) -> None:
        """Set `length` bytes from an aligned address to 0xFF."""
        self.data[address : address + length] = b"\xff" * min(length, self.size - address)
