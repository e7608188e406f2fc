"""An EEPROM on I2C, as the 24C02 and its larger kin.

Facts: the data sheet of the 24C02. The first bytes that are written are the address; what follows goes into one page,
around its end, and is programmed behind the stop condition. Meanwhile the device does not acknowledge. Reading goes on
where the address stands, around the end of the memory.
"""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, I2cDevice, Services, State

WRITE_US = 5_000
ONE_ADDRESS_BYTE = 256  # bytes of memory up to which the address has one


class Eeprom(I2cDevice):
    """`size` bytes in pages of `page`; erased bytes read 0xFF. `content` outlives a power-on."""

    content = State(factory=bytearray, keeps=ALWAYS)
    pointer = State(0)
    address_left = State(0)
    written: State[dict[int, int]] = State(factory=dict)
    busy_until = State(0)

    def __init__(self, services: Services, *, size: int = 256, page: int = 8) -> None:
        super().__init__(services)
        if not 0 < size <= ONE_ADDRESS_BYTE**2 or not 0 < page <= size or size % page:
            raise ValueError(f"{size} bytes in pages of {page}: at most 65536, in whole pages")
        self.size_in_bytes, self.page = size, page
        self.address_bytes = 1 if size <= ONE_ADDRESS_BYTE else 2
        self.content = bytearray(b"\xff" * size)

    def start(self, reading: bool) -> bool:
        """Acknowledge, but for the time that it programs."""
        self.address_left = 0 if reading else self.address_bytes
        if not reading:
            self.written.clear()
        return self.clock.now >= self.busy_until

    def write_byte(self, byte: int) -> bool:
        """A byte of the address, or one for the page."""
        if self.address_left:
            self.address_left -= 1
            self.pointer = (self.pointer << 8 | byte) % self.size_in_bytes
        else:
            self.written[self.pointer] = byte
            self.pointer = self.pointer - self.pointer % self.page + (self.pointer + 1) % self.page
        return True

    def read_byte(self) -> int:
        """The byte where the address stands."""
        byte = self.content[self.pointer]
        self.pointer = (self.pointer + 1) % self.size_in_bytes
        return byte

    def stop(self) -> None:
        """Program what was written."""
        if self.written:
            for address, byte in self.written.items():
                self.content[address] = byte
            self.written.clear()
            self.busy_until = self.clock.now + WRITE_US
