"""Bluetooth LE: the core's resets and slot clock, and the registers of its radio.

Facts: docs/hardware/ble.md; the SDK's BK3633_RegList.h, ble_reg_ipcore.h (of ble_5_2, and for the BK7231N of ble_5_1)
and reg_blecore.h (of ble_4_2, for the BK7252). Enough for its start-up to find the resets done; the exchange memory is
ordinary memory of the platform. The slot clock counts half slots of 312.5 us from power-on and, for its fraction, half
microseconds downwards from 624.

Not modelled: Bluetooth itself: no interrupts, no radio, no encryption (its start bit clears, the result stays).
"""

from __future__ import annotations

from typing import Any

from bk7238.peripherals.core import RO, RW, SC, Peripheral, Register, on_write

HALF_MICROSECONDS_PER_HALF_SLOT = MICROSECONDS_PER_SLOT = 625


class _Core(Peripheral):
    size = 0x10000

    class RWDMCNTL(Register, at=0x00):
        swint_req = SC(27)
        radiocntl_soft_rst = SC(28)
        reg_soft_rst = SC(29)
        master_tgsoft_rst = SC(30)
        master_soft_rst = SC(31)

    class VERSION(Register, at=0x04):
        version = RO(0, 31, reset=0x0B00_0500)

    class INTCNTL0(Register, at=0x0C):
        masks = RW(0, 31)

    class INTSTAT0(Register, at=0x10):
        events = RO(0, 31)

    class INTACK0(Register, at=0x14):
        events = SC(0, 31)

    class INTCNTL1(Register, at=0x18):
        masks = RW(0, 31, reset=0x8003)

    class INTSTAT1(Register, at=0x1C):
        events = RO(0, 31)

    class INTACK1(Register, at=0x20):
        events = SC(0, 31)

    class ACTFIFOSTAT(Register, at=0x24):
        events = RO(0, 31)

    class DEEPSLCNTL(Register, at=0x30):
        osc_sleep_en = RW(0)
        radio_sleep_en = RW(1)
        deep_sleep_on = RW(2)
        deep_sleep_corr_en = SC(3)
        deep_sleep_stat = RO(15)
        extwkupdsb = RW(31)

    class AESCNTL(Register, at=0xB0):
        aes_start = SC(0)
        aes_mode = RW(1)

    def _sample(self, slot_clock: Any, fine_time: Any) -> None:
        half_slots, rest = divmod(2 * self.clock.now, HALF_MICROSECONDS_PER_HALF_SLOT)
        slot_clock.sclk = half_slots
        fine_time.finecnt = HALF_MICROSECONDS_PER_HALF_SLOT - 1 - rest


class BleCore(_Core):
    """The core of Bluetooth 5.2."""

    class SLOTCLK(Register, at=0x100):
        sclk = RO(0, 27)
        clkn_upd = SC(30)
        samp = SC(31)

    class FINETIMECNT(Register, at=0x104):
        finecnt = RO(0, 9)

    @on_write(SLOTCLK)
    def _sample_clock(self, word: int) -> None:
        if BleCore.SLOTCLK.samp.of(word):
            self._sample(self.SLOTCLK, self.FINETIMECNT)


class BleCore51(_Core):
    """The core of Bluetooth 5.1, which has two timers of three."""

    class SLOTCLK(Register, at=0xF8):
        sclk = RO(0, 27)
        clkn_upd = SC(30)
        samp = SC(31)

    class FINETIMECNT(Register, at=0xFC):
        finecnt = RO(0, 9)

    @on_write(SLOTCLK)
    def _sample_clock(self, word: int) -> None:
        if BleCore51.SLOTCLK.samp.of(word):
            self._sample(self.SLOTCLK, self.FINETIMECNT)


class BleCore42(Peripheral):
    """The core of Bluetooth 4.2, whose clock counts slots of 625 us, and microseconds downwards; what is not named here
    keeps what is written."""

    size = 0x4000
    plain_storage = True

    class RWBLECNTL(Register, at=0x00):
        settings = RW(0, 23)
        aborts = SC(24, 26)
        swint_req = SC(28)
        reg_soft_rst = SC(29)
        master_tgsoft_rst = SC(30)
        master_soft_rst = SC(31)

    class BASETIMECNT(Register, at=0x1C):
        basetimecnt = RO(0, 26)
        samp = SC(31)

    class FINETIMECNT(Register, at=0x20):
        finecnt = RO(0, 9)

    @on_write(BASETIMECNT)
    def _sample(self, word: int) -> None:
        if BleCore42.BASETIMECNT.samp.of(word):
            slots, rest = divmod(self.clock.now, MICROSECONDS_PER_SLOT)
            self.BASETIMECNT.basetimecnt = slots
            self.FINETIMECNT.finecnt = MICROSECONDS_PER_SLOT - 1 - rest


class BleRadio(Peripheral):
    """XVR: the transceiver's registers, plain storage."""

    plain_storage = True
