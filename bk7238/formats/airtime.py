"""How long frames of 802.11 occupy the air at 2.4 GHz, and the waiting times between them.

Source: IEEE 802.11-2020, clauses 15 to 19 for the durations, 10.3.2 for the interframe spaces, 10.6.6.5 for the rate of
an ACK. All times are microseconds. Not counted: STBC, more than one spatial stream, VHT (as HT of the same MCS).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from bk7238.formats.ieee80211 import FCS, is_group_addressed

NON_HT, NON_HT_DUPLICATE, HT_MIXED, HT_GREENFIELD, VHT = range(5)

SIFS = 10
SLOT = 9

CCK_RATES = (10, 20, 55, 110)  # in units of 100 kbit/s
OFDM_RATES = (60, 90, 120, 180, 240, 360, 480, 540)
OFDM_BITS_PER_SYMBOL = (24, 36, 48, 72, 96, 144, 192, 216)
HT20_BITS_PER_SYMBOL = (26, 52, 78, 104, 156, 208, 234, 260, 312, 347)
HT40_BITS_PER_SYMBOL = (54, 108, 162, 216, 324, 432, 486, 540, 648, 720)
_MANDATORY = ((96, 8), (48, 6), (0, 4))  # bits per symbol from which on, and the number of the rate: 24, 12, 6 Mbit/s
_ACK_SIZE = 14  # with its FCS


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

    @property
    def cck(self) -> bool:
        """Whether it is one of the rates of 802.11b."""
        return self.modulation in (NON_HT, NON_HT_DUPLICATE) and self.number < len(CCK_RATES)

    @property
    def bits_per_symbol(self) -> int:
        """Data bits of one OFDM symbol."""
        if self.modulation in (NON_HT, NON_HT_DUPLICATE):
            return OFDM_BITS_PER_SYMBOL[min(self.number - 4, 7)]
        table = HT40_BITS_PER_SYMBOL if self.wide else HT20_BITS_PER_SYMBOL
        # The low bits of an MCS say the modulation; streams beyond the first do not exist here.
        return table[min(self.number & 15, 9) if self.modulation == VHT else self.number & 7]

    @classmethod
    @cache
    def of_megabits(cls, megabits: int) -> Rate:
        """The rate without HT of so many Mbit/s. Raises ValueError where there is none."""
        return cls((CCK_RATES + OFDM_RATES).index(10 * megabits))

    @classmethod
    def of_half_megabits(cls, rate: int) -> Rate:
        """The rate of so many 500 kbit/s, or of 0x80 and an MCS. Raises ValueError where there is none."""
        return cls(rate & 0x7F, HT_MIXED) if rate & 0x80 else cls((CCK_RATES + OFDM_RATES).index(5 * rate))

    @classmethod
    def from_policy(cls, word: int) -> Rate:
        """A rate control word of a policy table of the MAC."""
        modulation = min(word >> 11 & 7, VHT)
        return cls(word & 0x7F, modulation, word >> 7 & 3 != 0, bool(word >> 9 & 1), bool(word >> 10 & 1))


SLOWEST = Rate(0)


@cache
def frame_time(rate: Rate, length: int) -> int:
    """The duration of `length` bytes, FCS included."""
    if rate.cck:
        preamble = 192 if rate.long_preamble or rate.number == 0 else 96
        return preamble + -(-8 * length * 10 // CCK_RATES[rate.number])
    symbols = -(-(16 + 8 * length + 6) // rate.bits_per_symbol)
    if rate.modulation in (NON_HT, NON_HT_DUPLICATE):
        return 20 + 4 * symbols + 6  # 6: the silence after it at 2.4 GHz
    tenths = (36 if rate.short_guard else 40) * symbols
    return (24 if rate.modulation == HT_GREENFIELD else 36) + -(-tenths // 10) + 6


def acknowledgement_rate(rate: Rate) -> Rate:
    """The rate of the ACK to a frame at `rate`: its own with 802.11b, else the next of 6, 12 and 24 Mbit/s below."""
    if rate.cck:
        return rate
    return Rate(next(number for bits, number in _MANDATORY if rate.bits_per_symbol >= bits))


def acknowledgement_time(rate: Rate) -> int:
    """The duration of the ACK to a frame at `rate`."""
    return frame_time(acknowledgement_rate(rate), _ACK_SIZE)


@cache
def answer_time(rate: Rate) -> int:
    """From the end of a frame to the end of its ACK."""
    return SIFS + acknowledgement_time(rate)


def exchange_time(rate: Rate, frame: bytes) -> int:
    """From the beginning of `frame` (without FCS) to the end of its ACK; group-addressed frames have none."""
    answer = 0 if is_group_addressed(frame) else answer_time(rate)
    return frame_time(rate, len(frame) + FCS) + answer


def access_time(slots: int, window: int) -> int:
    """From the end of an exchange to the beginning of the next: SIFS, `slots` (the AIFSN) and the mean of the random
    wait in a contention window of `window` slots, which is taken always so that equal frames take equal times."""
    return SIFS + slots * SLOT - (-window * SLOT // 2)


ACCESS = access_time(slots=2, window=15)
"""DIFS and the mean random wait of DCF."""
