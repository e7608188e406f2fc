"""SARADC: one converter behind a FIFO, for the pads, the supply voltage and the temperature.

Facts: docs/hardware/adc.md; the SDK's driver/saradc/saradc_bk7238.h and saradc_bk7238.c. While CONFIG0 says start and
an interrupt of STATE is enabled, the channel's value goes into the FIFO again and again; the interrupt drains it.

Not modelled: what the analog settings change: a conversion always takes 20 us; filters, time-out, noise.
"""

from __future__ import annotations

from bk7238.peripherals.converter import CONVERSION_US, FIFO_SIZE, Converter
from bk7238.peripherals.core import RO, RW, W1C, Feed, Fifo, Output, Pending, Register, on_alarm, on_change, on_read

ENABLES = 1 << 3 | 1 << 14  # of the FIFO and of a conversion; what they enable is the bit above


class SarAdc(Converter):
    class CONFIG0(Register, at=0x00):
        start_sadc = RW(0)
        force_quit = RW(1)
        pwr_xus = RW(2, 12)
        xtal_freq = RW(13, 19)
        nt_num = RW(23, 29)
        clk = RW(30)
        pwd = RW(31)

    class CONFIG1(Register, at=0x04):
        pre_div = RW(0, 7)
        sample_rate = RW(8, 15)
        target_nopwd = RW(19)
        target_num = RW(20, 31)

    class CONFIG2(Register, at=0x08):
        chnl = RW(0, 3)
        sum_filter = RW(8, 15)
        sat_ctrl = RW(16, 18)
        sat_enable = RW(19)
        drop_num = RW(28, 31)

    class STATE(Register, at=0x0C):
        fifo_level = RW(0, 2)
        fifo_int_enable = RW(3)
        fifo_int_state = W1C(4)
        conv_int_enable = RW(14)
        conv_done_state = W1C(15)
        timeout_int_enable = RW(16)
        timeout_int_state = W1C(17)
        fifo_enable = RW(29)
        fifo_empty = RO(30, reset=1)
        fifo_full = RO(31)

    class DATA(Register, at=0x10):
        sample = RO(0, 15)

    class CONFIG5(Register, at=0x14):
        timeout = RW(0, 23)

    class CONFIG6(Register, at=0x18):
        version = RO(0, 31)

    irq = Output(
        when=(
            Pending(STATE.fifo_int_state, STATE.fifo_int_enable),
            Pending(STATE.conv_done_state, STATE.conv_int_enable),
        ),
    )
    fifo = Fifo(DATA.sample, FIFO_SIZE, empty=STATE.fifo_empty, full=STATE.fifo_full)
    conversion = Feed(
        fifo, CONVERSION_US, fed=STATE.conv_done_state, reached=STATE.fifo_int_state, level=STATE.fifo_level
    )

    def changed(self) -> None:
        """Ask what is on the channel at the next conversion."""
        self.conversion.ask()

    # The firmware's side

    @on_change(CONFIG0, STATE)
    def _controlled(self, _word: int) -> None:
        self._run_or_wait()

    @on_change(CONFIG2)
    def _another_channel(self, _word: int) -> None:
        self.conversion.ask()

    @on_alarm(conversion)
    def _converted(self) -> int:
        channel = self.CONFIG2.chnl
        sample = self.sample(channel)
        if channel not in self.devices:
            self.conversion.repeat(sample)
        return sample

    @on_read(DATA)
    def _take(self) -> int:
        """Read an empty FIFO, or a full one: conversions go on."""
        value = self.fifo.give() if self.fifo else 0
        self._run_or_wait()
        return value

    def _run_or_wait(self) -> None:
        config, state = self.CONFIG0, self.STATE.value
        if not (state & ENABLES and config.start_sadc) or config.force_quit or len(self.fifo) == FIFO_SIZE:
            self.conversion.stop()
        elif self.conversion.deadline is None:
            self.conversion.start(CONVERSION_US)
