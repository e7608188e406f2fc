"""PWM: three groups of two channels, and the old-style block of sibling chips that only the boot loader writes.

Facts: docs/hardware/pwm.md; the SDK's driver/pwm/pwm_bk7231n.h and pwm_bk7231n.c. The settings are kept for whoever
looks at them: a device on a channel sees how much of the time that is high. Commands finish at once. While a channel's
interrupt is enabled it is told of the end of each period; the SDK waits for one to change the settings of a channel
that is on.

Not modelled: the outputs as levels on pins, the running counters (they read zero), other modes, and the 32 kHz clock.
"""

from __future__ import annotations

from typing import Any

from bk7238.peripherals.core import (
    RO,
    RW,
    SC,
    W1C,
    Alarm,
    Carrier,
    Output,
    Pending,
    Peripheral,
    PwmDevice,
    Register,
    State,
    on_alarm,
    on_write,
)

PWM_MODE = 1
CLOCK_MHZ = 26
CHANNELS = range(2)


class PwmGroup(Carrier):
    takes, places, unit = PwmDevice, CHANNELS, "channel"
    size = 0x40

    class CTRL(Register, at=0x00):
        mode_set_0 = RW(0, 2)
        pwm_enable_0 = RW(3)
        int_enable_0 = RW(4)
        stop_0 = RW(5)
        int_levl_0 = RW(6)
        cfg_updata_0 = SC(7)
        mode_set_1 = RW(8, 10)
        pwm_enable_1 = RW(11)
        int_enable_1 = RW(12)
        stop_1 = RW(13)
        int_levl_1 = RW(14)
        cfg_updata_1 = SC(15)
        pre_div = RW(16, 23)
        group_mode = RW(24)
        group_mode_enable = RW(25)
        int_stat_0 = W1C(30)
        int_stat_1 = W1C(31)

    class PWM0_T(Register, at=0x04, count=4):
        """T1 to T4 of the group's first channel."""

        counts = RW(0, 31)

    class PWM1_T(Register, at=0x14, count=4):
        counts = RW(0, 31)

    class CPU(Register, at=0x24):
        rd0 = SC(0)
        rd1 = SC(1)

    class RD_DATA(Register, at=0x28, count=2):
        counts = RO(0, 31)

    irq = Output(
        when=(Pending(CTRL.int_stat_0, CTRL.int_enable_0), Pending(CTRL.int_stat_1, CTRL.int_enable_1)),
    )
    period_end = Alarm(count=len(CHANNELS))
    began: State[list[int | None]] = State(factory=lambda: [None] * len(CHANNELS))  # their first periods, while on

    # The world's side

    def duty(self, channel: int) -> float:
        """How much of each period channel 0 or 1 is high: it begins at its initial level, and changes at T1, T2 and T3
        where those lie within the period, which ends at T4."""
        *changes, period = self._times(channel)
        if not self._runs(channel) or not period:
            return 0.0
        high, begin, level = 0, 0, self._control("int_levl", channel)
        for end in [*sorted(count for count in changes if 0 < count < period), period]:
            high += (end - begin) * level
            begin, level = end, 1 - level
        return high / period

    # The firmware's side

    @on_write(CTRL)
    def _controlled(self, _word: int) -> None:
        for channel in CHANNELS:
            runs = self._runs(channel)
            if not runs:
                self.began[channel] = None
            elif self.began[channel] is None:
                self.began[channel] = self.clock.now
            if not runs or not self._control("int_enable", channel):
                self.period_end[channel].stop()
            elif self.period_end[channel].deadline is None:
                self._await_end(channel)

    @on_alarm(period_end)
    def _ended(self, channel: int) -> None:
        setattr(self.CTRL, f"int_stat_{channel}", 1)
        self._await_end(channel)
        self.irq.update()

    def _await_end(self, channel: int) -> None:
        """Set the alarm to the microsecond in which the period that is under way is over."""
        began, counts = self.began[channel], self._times(channel)[-1] * (self.CTRL.pre_div + 1)
        if began is not None and counts:
            passed = (self.clock.now - began) * CLOCK_MHZ // counts
            self.period_end[channel].start(began - (-(passed + 1) * counts // CLOCK_MHZ) - self.clock.now)

    def _runs(self, channel: int) -> bool:
        return self._control("mode_set", channel) == PWM_MODE and bool(self._control("pwm_enable", channel))

    def _control(self, name: str, channel: int) -> int:
        return int(getattr(self.CTRL, f"{name}_{channel}"))

    def _times(self, channel: int) -> list[int]:
        """T1 to T4."""
        registers: Any = self.PWM1_T if channel else self.PWM0_T
        return [register.counts for register in registers]


class LegacyPwm(Peripheral):
    """The boot loader writes 0x00, 0x08 and 0x0C here and reads nothing."""

    size = 0x80
    plain_storage = True
