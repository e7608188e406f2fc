"""The channel that the radio is tuned to, as the MAC sees it.

Facts: docs/hardware/wifi-mac.md. Eight wires from the radio carry its frequency in steps of 0.5 MHz: 25 is channel 1,
each further channel is 10 more. Channel 14 lies 12 MHz above channel 13; by the same steps it is 169 (inferred).

Not modelled: frequencies between channels: a radio that is tuned to one neither hears nor is heard.
"""

from __future__ import annotations

from bk7238.peripherals.core import Input
from bk7238.peripherals.wifi.mac_part import MacPart

CHANNEL_OF_STEP = {25 + 10 * (channel - 1): channel for channel in range(1, 14)} | {169: 14}


class Tuning(MacPart):
    tuned = Input(0, 7)

    @property
    def channel(self) -> int:
        """The channel, 1 to 14, or 0 where the radio is not on one."""
        return CHANNEL_OF_STEP.get(self.tuned, 0)
