"""The eFuse: 32 bytes whose bits can be set once and never cleared; it outlives every reset.

Facts: docs/hardware/system-control.md; the SDK's driver/include/sys_ctrl_pub.h. All zero means: code is not
encrypted and the MAC address comes from flash. It is reached through the system control block.

Not modelled: the real chip has fewer bytes than the SDK's map (the data sheet says four); this one has all 32.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SIZE = 32


@dataclass
class Efuse:
    """`data` may be replaced by a test that needs a chip with other fuses."""

    data: bytearray = field(default_factory=lambda: bytearray(SIZE))

    def read(self, address: int) -> int:
        """The byte at `address` (0 to 31)."""
        return self.data[address]

    def burn(self, data: bytes, address: int = 0) -> None:
        """Burn the ones of all these bytes, as the chip's maker does."""
        for offset, value in enumerate(data):
            self.program(address + offset, value)

    def program(self, address: int, value: int) -> None:
        """Burn the ones of `value` into the byte at `address`."""
        self.data[address] |= value & 0xFF
