"""PHY: modem, AGC and its micro-code memory; also the MAC/PHY bypass and the coexistence arbiter.

Facts: docs/hardware/radio.md; the SDK's driver/common/reg/reg_mdm_cfg.h, reg_agc.h and reg_mac_pta.h and
driver/macphy_bypass/mac_phy_bypass.h. Plain storage that starts as zero is what start-up and calibration need: frames
go through the MAC's descriptors and nothing here changes them.

Not modelled: the modem; received signal strength comes with the frame.
"""

from __future__ import annotations

from bk7238.peripherals.core import Peripheral


class Phy(Peripheral):
    size = 0x10000
    plain_storage = True
