"""SARADC of the older chips of the family: one word of settings, a FIFO behind two more.

Facts: docs/hardware/adc.md; the SDK's driver/saradc/saradc.h and saradc.c. While a channel is enabled, its value goes
into the FIFO again and again; the interrupt drains it. What follows the saturation stage is a sum of `filter` + 1
samples in the width that `sat_ctrl` says.

Not modelled: what the analog settings change: a conversion always takes 20 us; calibration, noise.
"""

from __future__ import annotations

from bk7238.peripherals.converter import CONVERSION_US, FIFO_SIZE, Converter
from bk7238.peripherals.core import RO, RW, SC, Alarm, Fifo, Output, Register, State, on_alarm, on_read, on_write

SLEEP, STEP = 0, 1  # modes; in the others conversions follow each other


class LegacySarAdc(Converter):
    class CONFIG(Register, at=0x00):
        mode = RW(0, 1)
        chnl_en = RW(2)
        chnl = RW(3, 6)
        setting = RW(7)
        int_clr = SC(8)
        pre_div = RW(9, 14)
        mode_32m = RW(15)
        sample_rate = RW(16, 21)
        filter = RW(22, 28)
        busy = RO(29)
        fifo_empty = RO(30, reset=1)
        fifo_full = RO(31)

    class DATA(Register, at=0x04):
        sample = RO(0, 15, doc="the oldest of the FIFO")

    class CTRL_CFG(Register, at=0x08):
        almost_cfg = RW(0, 4)
        steady_ctrl = RW(5, 7)
        calib_trig = SC(8)
        calib_done = RO(9, reset=1)
        bypass_calib = RW(10)

    class SATURATION_CFG(Register, at=0x0C):
        sat_ctrl = RW(0, 1)
        sat_enable = RW(2)
        sat_overflow = RO(3)

    class DAT_AFTER_STA(Register, at=0x10):
        sample = RO(0, 15, doc="the same after the saturation stage; takes it from the FIFO")

    irq = Output()
    conversion = Alarm()
    fifo = Fifo(DAT_AFTER_STA.sample, FIFO_SIZE, empty=CONFIG.fifo_empty, full=CONFIG.fifo_full)
    pending = State(False)

    @on_write(CONFIG)
    def _controlled(self, word: int) -> None:
        if LegacySarAdc.CONFIG.int_clr.of(word):
            self.pending = False
        self._run_or_wait()
        self._drive_irq()

    @on_alarm(conversion)
    def _converted(self) -> None:
        config = self.CONFIG
        value = self.sample(config.chnl) * (config.filter + 1)
        if self.SATURATION_CFG.sat_enable:
            value = value << self.SATURATION_CFG.sat_ctrl >> 2  # 12 bits for 2, one more for 3
        self.fifo.put(min(value, 0xFFFF))
        self.pending = True
        if config.mode != STEP:
            self._run_or_wait()
        self._drive_irq()

    @on_read(DATA)
    def _look(self) -> int:
        return self.fifo.items[0] if self.fifo else 0

    @on_read(DAT_AFTER_STA)
    def _take(self) -> int:
        """Read an empty FIFO, or a full one: conversions go on."""
        value = self.fifo.give() if self.fifo else 0
        self._run_or_wait()
        return value

    def _run_or_wait(self) -> None:
        config = self.CONFIG
        if not config.chnl_en or config.mode == SLEEP or len(self.fifo) == FIFO_SIZE:
            self.conversion.stop()
        elif self.conversion.deadline is None:
            self.conversion.start(CONVERSION_US)

    def _drive_irq(self) -> None:
        self.irq.drive(1 if self.pending else 0)
