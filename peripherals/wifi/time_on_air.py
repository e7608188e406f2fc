"""The calculator through which the firmware asks how long a frame occupies the air.

Facts: docs/hardware/wifi-mac.md for the registers and the rate numbers, bk7238/formats/airtime.py for the durations.
The driver polls timeOnAirValid without bound, so the answer is there at once.

Not modelled: STBC, more than one spatial stream, VHT (counted as HT of the same MCS), 80 and 160 MHz.
"""

from __future__ import annotations

from bk7238.formats.airtime import HT_MIXED, NON_HT, VHT, Rate, frame_time
from bk7238.peripherals.core import RO, RW, SC, Register, on_write
from bk7238.peripherals.wifi.mac_part import MacPart


class TimeOnAir(MacPart):
    class TIME_ON_AIR_PARAM_1(Register, at=0x8160):
        ppduLength = RW(0, 19)
        ppduBW = RW(22, 23)
        ppduPreType = RW(24, 26, doc="0 short and 1 long preamble without HT, otherwise the modulation")
        ppduShortGI = RW(27)
        ppduNumExtnSS = RW(28, 29)
        ppduSTBC = RW(30, 31)

    class TIME_ON_AIR_PARAM_2(Register, at=0x8164):
        ppduMCSIndex = RW(0, 6)

    class TIME_ON_AIR_VALUE(Register, at=0x8168):
        timeOnAir = RO(0, 15)
        timeOnAirValid = RO(30)
        computeDuration = SC(31)

    @on_write(TIME_ON_AIR_VALUE)
    def _requested(self, word: int) -> None:
        if not TimeOnAir.TIME_ON_AIR_VALUE.computeDuration.of(word):
            return
        kind = self.TIME_ON_AIR_PARAM_1.ppduPreType
        rate = Rate(
            self.TIME_ON_AIR_PARAM_2.ppduMCSIndex,
            kind if HT_MIXED <= kind <= VHT else NON_HT,
            self.TIME_ON_AIR_PARAM_1.ppduBW != 0,
            bool(self.TIME_ON_AIR_PARAM_1.ppduShortGI),
            kind == 1,
        )
        self.TIME_ON_AIR_VALUE.timeOnAir = min(frame_time(rate, self.TIME_ON_AIR_PARAM_1.ppduLength), 0xFFFF)
        self.TIME_ON_AIR_VALUE.timeOnAirValid = 1
