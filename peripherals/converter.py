"""What all SARADCs of the family have in common: channels, and the values on them.

Facts: docs/hardware/adc.md. What is on a channel is a sample or a voltage that somebody set, or what a device there
says at each conversion. Values of 12 bits differ from chip to chip: `raw_1v` and `raw_2v` are those of 1 V and 2 V
without a calibration in the flash, `temperature` that of the temperature at rest.

Not modelled: noise.
"""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, AdcDevice, Carrier, Device, Services, State

FIFO_SIZE = 8
CONVERSION_US = 20
LARGEST = 0xFFF
SUPPLY, TEMPERATURE = 0, 7
AT_REST_VOLTS = 1.65  # on SUPPLY: half of 3.3 V


class Converter(Carrier):
    takes, places, unit = AdcDevice, range(7), "channel"

    samples: State[dict[int, int]] = State(factory=dict, keeps=ALWAYS)

    def __init__(self, services: Services, raw_1v: int = 0x472, raw_2v: int = 0x8E9, temperature: int = 300) -> None:
        self.raw_1v, self.raw_2v, self.temperature = raw_1v, raw_2v, temperature
        super().__init__(services)

    def set_sample(self, channel: int, raw: int) -> None:
        """From now on, also through resets, conversions of `channel` give `raw` (0 to 0xFFFF)."""
        self.samples[channel] = raw
        self.changed()

    def set_volts(self, channel: int, volts: float) -> None:
        """From now on, also through resets, so many volts are on `channel`. Raises ValueError where a device is."""
        if channel in self.devices:
            raise ValueError(f"{self.devices[channel].name} hangs on channel {channel}: it says what is there")
        self.set_sample(channel, self.raw_of(volts))

    def attach(self, device: Device, place: int | None) -> None:
        """Hang a device on a channel, of which it says the voltage from now on."""
        super().attach(device, place)
        self.changed()

    def changed(self) -> None:
        """Called when something else is on a channel."""

    def sample(self, channel: int) -> int:
        """What a conversion of `channel` gives now."""
        device = self.devices.get(channel)
        if device is not None:
            return self.raw_of(device.volts())
        at_rest = {SUPPLY: self.raw_of(AT_REST_VOLTS), TEMPERATURE: self.temperature}
        return self.samples.get(channel, at_rest.get(channel, 0))

    def volts(self, channel: int) -> float:
        """The volts of which a conversion of `channel` gives what it gives now."""
        return 1 + (self.sample(channel) - self.raw_1v) / (self.raw_2v - self.raw_1v)

    def raw_of(self, volts: float) -> int:
        """What a conversion of so many volts gives, by the line through the two values."""
        return max(0, min(LARGEST, int(self.raw_1v + (self.raw_2v - self.raw_1v) * (volts - 1))))
