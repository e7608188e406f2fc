"""The Wi-Fi MAC (RivieraWaves NXMAC) at the level of descriptors and frames.

Facts: docs/hardware/wifi-mac.md; register and field names are those of the SDK's reg_mac_core.h (from 0x0) and
reg_mac_pl.h (from 0x8000). What surrounds the block calls `deliver` for each frame on the air and listens to
`transmitted`, which is called with a frame (MPDU without FCS) and its channel and answers whether it was acknowledged.

Not modelled: A-MPDU, WEP, TKIP, several antennas.
"""

from __future__ import annotations

from bk7238.peripherals.wifi.absolute_timers import AbsoluteTimers
from bk7238.peripherals.wifi.configuration import Configuration
from bk7238.peripherals.wifi.dma import Dma
from bk7238.peripherals.wifi.time_on_air import TimeOnAir


class WifiMac(AbsoluteTimers, Dma, TimeOnAir, Configuration):
    """Outputs 0 to 6 are interrupt lines 16 to 22, 7 is line 26; inputs 0 to 7 the tuned frequency (see radio.py)."""

    size = 0x9000
