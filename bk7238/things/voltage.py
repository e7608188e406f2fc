"""A voltage on a channel of the converter: a battery behind a divider, a potentiometer."""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, AdcDevice, Look, Services, State


class Voltage(AdcDevice):
    """So many `volts`, and from its `since` on, a microsecond, so many volts a second more: a battery that empties."""

    base = State(0.0, keeps=ALWAYS)
    slope = State(0.0, keeps=ALWAYS)
    since = State(0, keeps=ALWAYS)

    controls = {"set": float}

    def __init__(self, services: Services, *, volts: float | str = 0.0, slope: float | str = 0.0) -> None:
        super().__init__(services)
        self.set(float(volts), float(slope))

    def set(self, volts: float, slope: float = 0.0) -> None:
        """From now on: so many volts, and so many a second more."""
        self.base, self.slope, self.since = volts, slope, self.clock.now

    @property
    def looks(self) -> dict[str, Look]:
        """The voltage now."""
        return {"volts": round(self.volts(), 6)}

    def volts(self) -> float:
        """The voltage now."""
        return self.base + self.slope * (self.clock.now - self.since) / 1e6


class Slider(Voltage):
    """A voltage that hands set, as with a potentiometer."""
