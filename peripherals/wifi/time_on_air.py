"""How long a frame occupies the air, and the calculator through which the firmware asks for it.

Facts: docs/hardware/wifi-mac.md for the registers and the rate numbers; IEEE 802.11-2020 clauses 16 to 19 for the
durations. The driver polls timeOnAirValid without bound, so the answer is there at once.

Not modelled: STBC, more than one spatial stream, VHT (counted as HT of the same MCS), 80 and 160 MHz.
"""

from __future__ import annotations

from typing import NamedTuple

from peripherals.core import RO, RW, SC, Peripheral, Register, on_write

NON_HT, NON_HT_DUPLICATE, HT_MIXED, HT_GREENFIELD, VHT = range(5)

SIFS = 10
SLOT = 9

CCK_RATES = (10, 20, 55, 110)  # in units of 100 kbit/s
OFDM_RATES = (60, 90, 120, 180, 240, 360, 480, 540)
OFDM_BITS_PER_SYMBOL = (24, 36, 48, 72, 96, 144, 192, 216)
HT20_BITS_PER_SYMBOL = (26, 52, 78, 104, 156, 208, 234, 260, 312, 347)
HT40_BITS_PER_SYMBOL = (54, 108, 162, 216, 324, 432, 486, 540, 648, 720)


class Rate(NamedTuple):
    """How a frame is modulated. `number` is 0 to 3 for 1 to 11 Mbit/s, 4 to 11 for 6 to 54, or the MCS of HT."""

    number: int
    modulation: int = NON_HT
    wide: bool = False
    short_guard: bool = False
    long_preamble: bool = True

    @property
    def half_megabits(self) -> int:
        """In units of 500 kbit/s; with HT, 0x80 and the MCS."""
        if self.modulation in (NON_HT, NON_HT_DUPLICATE):
            return (CCK_RATES + OFDM_RATES)[min(self.number, 11)] // 5
        return 0x80 | self.number

    @classmethod
    def from_policy(cls, word: int) -> Rate:
        """A rate control word of a policy table."""
        modulation = min(word >> 11 & 7, VHT)
        return cls(word & 0x7F, modulation, word >> 7 & 3 != 0, bool(word >> 9 & 1), bool(word >> 10 & 1))


def frame_time(rate: Rate, length: int) -> int:
    """Microseconds on the air of `length` bytes, FCS included."""
    if rate.modulation in (NON_HT, NON_HT_DUPLICATE):
        if rate.number < len(CCK_RATES):
            preamble = 192 if rate.long_preamble or rate.number == 0 else 96
            return preamble + -(-8 * length * 10 // CCK_RATES[rate.number])
        bits = OFDM_BITS_PER_SYMBOL[min(rate.number - 4, 7)]
        return 20 + 4 * _symbols(length, bits) + 6  # 6: the silence after it at 2.4 GHz
    table = HT40_BITS_PER_SYMBOL if rate.wide else HT20_BITS_PER_SYMBOL
    # The low bits of an MCS say the modulation; streams beyond the first do not exist here.
    mcs = min(rate.number & 15, 9) if rate.modulation == VHT else rate.number & 7
    tenths = (36 if rate.short_guard else 40) * _symbols(length, table[mcs])
    return (24 if rate.modulation == HT_GREENFIELD else 36) + -(-tenths // 10) + 6


def acknowledgement_time(rate: Rate) -> int:
    """Microseconds of the ACK to a frame at `rate`: at 1 Mbit/s or 24 Mbit/s, whichever a basic rate set would give."""
    cck = rate.modulation == NON_HT and rate.number < len(CCK_RATES)
    return frame_time(Rate(0) if cck else Rate(8), 14)


def _symbols(length: int, bits: int) -> int:
    return -(-(16 + 8 * length + 6) // bits)


class TimeOnAir(Peripheral):
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
    def _time_on_air_requested(self, word: int) -> None:
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
