"""A thermocouple behind an amplifier on SPI, as the MAX6675 does it: 16 bits, and nothing to say to it.

Facts: the data sheet of the MAX6675. Bit 15 is zero, 14 to 3 are quarters of a degree, bit 2 says that the thermocouple
is open. A conversion takes 0.22 s and goes on while the device is not selected; selecting it keeps the last one.
"""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, Look, Services, SpiDevice, State

CONVERSION_US = 220_000
LARGEST = 0xFFF


class Thermocouple(SpiDevice):
    """`celsius` is the temperature at the junction, 0 to 1023.75 degrees; None while the thermocouple is open."""

    celsius: State[float | None] = State(None, keeps=ALWAYS)
    word = State(0)
    converting_since = State(0)
    shifted = State(0)

    controls = {"heat": float}

    def __init__(self, services: Services, *, celsius: float | str | None = None) -> None:
        super().__init__(services)
        self.celsius = None if celsius is None else float(celsius)

    @property
    def looks(self) -> dict[str, Look]:
        """The temperature at the junction."""
        return {"celsius": self.celsius}

    def heat(self, celsius: float) -> None:
        """Have so many degrees at the junction from now on."""
        self.celsius = celsius

    def select(self, selected: bool) -> None:
        """Stop converting and show the last result, or begin anew."""
        self.shifted = 0
        if not selected:
            self.converting_since = self.clock.now
        elif self.clock.now - self.converting_since >= CONVERSION_US:
            quarters = 0 if self.celsius is None else max(0, min(LARGEST, int(self.celsius * 4)))
            self.word = quarters << 3 | (self.celsius is None) << 2

    def exchange(self, _byte: int) -> int:
        """The next eight bits of the result, zeros behind it."""
        self.shifted += 1
        return self.word >> 8 * (2 - self.shifted) & 0xFF if self.shifted <= 2 else 0
