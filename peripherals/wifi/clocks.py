"""The MAC's clocks: the monotonic microsecond counter that all its software lives by, and the TSF.

Facts: docs/hardware/wifi-mac.md. The driver takes a count of 0xDEAD5555 for a MAC whose clock is off, so that one
value is never shown. The counter is the machine's time since power-on: no reset sets it back.

Not modelled: setting the monotonic counter.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, Counting, Register, State, on_read, on_write
from bk7238.peripherals.wifi.mac_part import MacPart

WORD = 0xFFFF_FFFF
CLOCK_OFF = 0xDEAD_5555


class Clocks(MacPart):
    class MONOTONIC_COUNTER_1(Register, at=0x11C):
        monotonicCounter1 = RO(0, 31)

    class MONOTONIC_COUNTER_2_LO(Register, at=0x120):
        monotonicCounterLow2 = RO(0, 31)

    class MONOTONIC_COUNTER_2_HI(Register, at=0x124):
        monotonicCounterHigh2 = RO(0, 15)
        monotonicCounter2SWUpdate = RO(31)

    class TSF_LO(Register, at=0x80A4):
        tsfTimerLow = RW(0, 31)

    class TSF_HI(Register, at=0x80A8):
        tsfTimerHigh = RW(0, 31)

    shown_1 = Counting(MONOTONIC_COUNTER_1, per=1 << 32, rest=True, never=CLOCK_OFF)
    shown_2 = Counting(MONOTONIC_COUNTER_2_LO, per=1 << 32, rest=True, never=CLOCK_OFF)
    tsf_offset = State(0)

    @property
    def tsf(self) -> int:
        """The 64-bit TSF in microseconds."""
        return self.clock.now + self.tsf_offset & (1 << 64) - 1

    def follow_tsf(self, tsf: int) -> None:
        """Take over an access point's TSF, as a station hears it in its beacon."""
        self.tsf_offset = tsf - self.clock.now

    @on_read(MONOTONIC_COUNTER_2_LO, MONOTONIC_COUNTER_1)
    def _counter(self) -> int:
        count = self.clock.now & WORD
        return count if count != CLOCK_OFF else CLOCK_OFF + 1

    @on_read(MONOTONIC_COUNTER_2_HI)
    def _counter_high(self) -> int:
        return self.clock.now >> 32 & 0xFFFF

    @on_read(TSF_LO)
    def _tsf_low(self) -> int:
        return self.tsf & WORD

    @on_read(TSF_HI)
    def _tsf_high(self) -> int:
        return self.tsf >> 32

    @on_write(TSF_LO)
    def _set_tsf_low(self, word: int) -> None:
        self.tsf_offset = (self.tsf & ~WORD | word) - self.clock.now
        self.block.beacons.plan()

    @on_write(TSF_HI)
    def _set_tsf_high(self, word: int) -> None:
        self.tsf_offset = (word << 32 | self.tsf & WORD) - self.clock.now
        self.block.beacons.plan()
