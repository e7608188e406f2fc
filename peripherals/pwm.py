"""PWM: three groups of two channels, and the old-style block of sibling chips that only the boot loader writes.

Facts: docs/hardware/pwm.md; the SDK's driver/pwm/pwm_bk7231n.h. The settings are kept for whoever looks at them;
commands finish at once.

Not modelled: the outputs, the running counters (they read zero) and the interrupts.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, SC, W1C, Peripheral, Register


class PwmGroup(Peripheral):
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


class LegacyPwm(Peripheral):
    """The boot loader writes 0x00, 0x08 and 0x0C here and reads nothing."""

    size = 0x80
    plain_storage = True
