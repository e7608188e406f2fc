"""The Wi-Fi MAC (RivieraWaves NXMAC) at the level of descriptors and frames.

Facts: docs/hardware/wifi-mac.md; register and field names are those of the SDK's reg_mac_core.h (from 0x0) and
reg_mac_pl.h (from 0x8000). What surrounds the block calls `rx.deliver` for each frame on the air, answers
`access.contending`, and listens to `tx.transmitted`, which is called with a frame (MPDU without FCS) and its channel,
and answers whether it was acknowledged.

Not modelled: A-MPDU, WEP, several antennas.
"""

from __future__ import annotations

from bk7238.peripherals.core import Part, Peripheral
from bk7238.peripherals.wifi.absolute_timers import AbsoluteTimers
from bk7238.peripherals.wifi.beacon_timer import BeaconTimer
from bk7238.peripherals.wifi.channel_access import ChannelAccess
from bk7238.peripherals.wifi.clocks import Clocks
from bk7238.peripherals.wifi.configuration import Configuration
from bk7238.peripherals.wifi.control import Control
from bk7238.peripherals.wifi.dma import Dma
from bk7238.peripherals.wifi.doze import Doze
from bk7238.peripherals.wifi.filter import Filter
from bk7238.peripherals.wifi.interrupts import Interrupts
from bk7238.peripherals.wifi.keys import KeyRam
from bk7238.peripherals.wifi.receive import Receive, RxRings, Tuning
from bk7238.peripherals.wifi.time_on_air import TimeOnAir
from bk7238.peripherals.wifi.transmit import Transmit


class WifiMac(Peripheral):
    """Outputs 0 to 6 are interrupt lines 16 to 22, 7 is line 26; inputs 0 to 7 the tuned frequency (see receive.py)."""

    size = 0x9000

    control = Part(Control)
    interrupts = Part(Interrupts)
    clocks = Part(Clocks)
    timers = Part(AbsoluteTimers)
    beacons = Part(BeaconTimer)
    doze = Part(Doze)
    tuning = Part(Tuning)
    access = Part(ChannelAccess)
    dma = Part(Dma)
    tx = Part(Transmit)
    rx = Part(Receive)
    rings = Part(RxRings)
    filter = Part(Filter)
    keys = Part(KeyRam)
    time_on_air = Part(TimeOnAir)
    configuration = Part(Configuration)
