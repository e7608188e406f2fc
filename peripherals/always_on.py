"""The always-on part of system control: power, wake-up, what survives a watchdog reset, and the calendar.

Facts: docs/hardware/system-control.md; the SDK's driver/sys_ctrl/sys_ctrl.h and driver/calendar/calendar.h. Software's
16 retention bits and the calendar survive a watchdog reset, which itself leaves WDT_RST_FLAG behind; the application
clears that by writing the word back as it read it.

Asleep at normal voltage the CPU stands still until a source that ends sleep is high. Deep sleep is a reset at its
beginning, after which the CPU begins when the ROSC timer has run from its enable bit to its period, or when a pin wakes
it: by its level where GPIO_WAKEUP_TYPE_SELECT is 0 (high where TYPE is 1), or by an edge (falling where it is 1).

Not modelled: sleep at low voltage (a write that asks for it is logged), power domains, the ROSC timer's drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bk7238.peripherals.core import (
    ALWAYS,
    RO,
    RW,
    W1C,
    WO,
    Alarm,
    BlockPart,
    Counting,
    Input,
    Output,
    Register,
    ResetKind,
    StartTime,
    State,
    on_alarm,
    on_input,
    on_read,
    on_write,
)

if TYPE_CHECKING:
    from bk7238.peripherals.system_control import SystemControl

NORMAL_VOLTAGE, LOW_VOLTAGE, DEEP = 0x4F89, 0xB706, 0xADC1  # modes
ASLEEP, ANY_BUT_POWER = (ResetKind.DEEP_SLEEP,), (ResetKind.WATCHDOG, ResetKind.DEEP_SLEEP)
BLOCK_EN_WORD = 0xA5C
MAC_OR_MODEM_PWD = 0xD802
BLE_PWD = 0xDB1E
LPO_HZ = 32_000


class AlwaysOn(BlockPart):
    """Offsets are those within system control."""

    block: SystemControl

    class LOW_PWR_CLK(Register, at=0x100):
        lpo_clk_mux = RW(0, 1)

    class SLEEP(Register, at=0x104):
        mode = RW(0, 15)
        rosc_pwd_deepsleep = RW(16)
        dco_pwd_sleep = RW(17)
        flash_pwd_sleep = RW(18)
        gpio_sleep_switch = RW(19)
        procore_dly = RW(20, 23)
        boot_skip = RW(24)
        mem_ds_for_lvsleep = RW(25)

    class DIGTAL_VDD(Register, at=0x108):
        word = RW(0, 31)

    class PWR_MAC_MODEM(Register, at=0x10C):
        modem_pwd = RW(0, 15)
        mac_pwd = RW(16, 31)

    class DSP_PWR(Register, at=0x110):
        dsp_pwd = RW(0, 15)

    class USB_PWR(Register, at=0x114):
        mem_pwd = RW(0, 15)
        ble_pwd = RW(16, 31)

    class PMU_STATUS(Register, at=0x118):
        modem_power_down = RO(2)
        mac_power_down = RO(3)
        ble_power_down = RO(4)

    class ROSC_TIMER(Register, at=0x11C, keeps=ASLEEP):
        enable = RW(0)
        int_status = W1C(8, doc="woken from deep sleep by the timer")
        period = RW(16, 31)

    class GPIO_WAKEUP_EN(Register, at=0x120, keeps=ASLEEP):
        pins = RW(0, 31)

    class GPIO_WAKEUP_TYPE(Register, at=0x124, keeps=ASLEEP):
        pins = RW(0, 31)

    class GPIO_WAKEUP_INT_STATUS(Register, at=0x128, keeps=ASLEEP):
        pins = W1C(0, 31)

    class BLOCK_EN_CFG(Register, at=0x12C):
        enables = RO(0, 19, doc="written only together with the right word")
        word = WO(20, 31)

    class BIAS(Register, at=0x130):
        cal_trigger = RW(0)
        cal_manual = RW(4)
        ldo_val_manual = RW(8, 12)
        cal_out = RW(16, 20)

    class ROSC_CAL(Register, at=0x134):
        word = RW(0, 31)

    class GPIO_WAKEUP_TYPE_SELECT(Register, at=0x138, keeps=ASLEEP):
        word = RW(0, 31)

    class BLOCK_EN_MUX(Register, at=0x13C):
        word = RW(0, 31)

    class ROSC_TIMER_H(Register, at=0x140, keeps=ASLEEP):
        period = RW(0, 15)

    class SW_RETENTION(Register, at=0x150, keeps=ANY_BUT_POWER):
        sw_retention = RW(0, 15)
        wdt_rst_flag = W1C(16)
        unused = RO(17, 31)

    class CAL_CONFIG(Register, at=0x154, keeps=ANY_BUT_POWER):
        init_val = RW(0, 31)

    class CAL_ENABLE(Register, at=0x158, keeps=ANY_BUT_POWER):
        enable = RW(0)

    class CAL_SECOND_VALUE(Register, at=0x15C):
        seconds = RO(0, 31)

    class CAL_31_25US_VALUE(Register, at=0x160):
        ticks = RO(0, 15)

    calendar_start = StartTime(keeps=ANY_BUT_POWER)
    seconds_shown = Counting(
        CAL_SECOND_VALUE,
        since=calendar_start,
        counts=LPO_HZ,
        microseconds=1_000_000,
        per=LPO_HZ,
        plus=CAL_CONFIG.init_val,
    )
    ticks_shown = Counting(
        CAL_31_25US_VALUE, since=calendar_start, counts=LPO_HZ, microseconds=1_000_000, per=LPO_HZ, rest=True
    )
    pins = Input(0, 31)
    wake_up = Input(32)
    sleeps = Output(0)  # the CPU, until the interrupt controller wakes it up
    rosc_timer = Alarm()
    rosc_ends: State[int | None] = State(None, keeps=ASLEEP)  # microseconds, while the timer runs
    levels = State(0, keeps=ALWAYS)  # of the pins, as they were last
    asleep = State(0)  # the mode
    slept_at = State(0)  # microseconds, the last time
    low_voltage_logged = State(False)

    # The world's side

    @property
    def wakes(self) -> bool:
        """Whether there is something that may end deep sleep."""
        return self.rosc_ends is not None or bool(self.GPIO_WAKEUP_EN.pins)

    @on_input(pins)
    def _pins_changed(self) -> None:
        changed, self.levels = self.levels ^ self.pins, self.pins
        self._look_at_pins(changed)

    @on_input(wake_up)
    def _woken(self) -> None:
        if self.wake_up and self.asleep == NORMAL_VOLTAGE:
            self._wake()

    @on_alarm(rosc_timer)
    def _rosc_timer_ends(self) -> None:
        self.rosc_ends = None
        self.ROSC_TIMER.int_status = 1
        if self.asleep == DEEP:
            self._wake()

    def _look_at_pins(self, changed: int) -> None:
        """Wake up from deep sleep where a pin says so, by its level, or by what has changed of it."""
        alike, edges = ~(self.pins ^ self.GPIO_WAKEUP_TYPE.pins), self.GPIO_WAKEUP_TYPE_SELECT.word
        woken = self.GPIO_WAKEUP_EN.pins & (alike & ~edges | ~alike & edges & changed)
        if woken and self.asleep == DEEP:
            self.GPIO_WAKEUP_INT_STATUS.pins |= woken
            self._wake()

    def _wake(self) -> None:
        self.asleep = 0
        self.sleeps.drive(0)
        self.stop_cpu(False)

    # The firmware's side

    def on_reset(self, kind: ResetKind) -> None:
        """Note the reset by the watchdog; stand still after that of deep sleep until something ends it."""
        if kind is ResetKind.WATCHDOG:
            self.SW_RETENTION.wdt_rst_flag = 1
        elif kind is ResetKind.DEEP_SLEEP and self.stop_cpu(True):
            self.asleep, self.slept_at = DEEP, self.clock.now
            if self.rosc_ends is not None:
                self.rosc_timer.start(max(0, self.rosc_ends - self.clock.now))
            self._look_at_pins(0)

    @on_write(SLEEP)
    def _sleep(self, _word: int) -> None:
        mode = self.SLEEP.mode
        if mode == DEEP:
            self.request_reset(ResetKind.DEEP_SLEEP)
        elif mode == NORMAL_VOLTAGE and self.stop_cpu(True):
            self.asleep, self.slept_at = mode, self.clock.now
            self.sleeps.drive(1)
        elif mode == LOW_VOLTAGE and not self.low_voltage_logged:
            self.low_voltage_logged = True
            self.log.warning("sleep at low voltage was asked for: it is not modelled, the chip stays awake")

    @on_write(ROSC_TIMER)
    def _rosc_timer_set(self, _word: int) -> None:
        if not self.ROSC_TIMER.enable:
            self.rosc_ends = None
            self.rosc_timer.stop()
        elif self.rosc_ends is None:
            counts = self.ROSC_TIMER_H.period << 16 | self.ROSC_TIMER.period
            self.rosc_timer.start(counts * 1_000_000 // LPO_HZ)
            self.rosc_ends = self.rosc_timer.deadline

    @on_read(PMU_STATUS)
    def _power_status(self) -> int:
        status = self.PMU_STATUS
        status.modem_power_down = self.PWR_MAC_MODEM.modem_pwd == MAC_OR_MODEM_PWD
        status.mac_power_down = self.PWR_MAC_MODEM.mac_pwd == MAC_OR_MODEM_PWD
        status.ble_power_down = self.USB_PWR.ble_pwd == BLE_PWD
        return status.value

    @on_write(BLOCK_EN_CFG)
    def _enable_blocks(self, word: int) -> None:
        if AlwaysOn.BLOCK_EN_CFG.word.of(word) == BLOCK_EN_WORD:
            self.BLOCK_EN_CFG.enables = word

    # Calendar: counts from the moment it is enabled, through watchdog resets

    @on_write(CAL_ENABLE)
    def _enable_calendar(self, _word: int) -> None:
        if not self.CAL_ENABLE.enable:
            self.calendar_start = None
        elif self.calendar_start is None:
            self.calendar_start = self.clock.now

    @on_read(CAL_SECOND_VALUE)
    def _calendar_seconds(self) -> int:
        return self.CAL_CONFIG.init_val + self._calendar_ticks() // LPO_HZ

    @on_read(CAL_31_25US_VALUE)
    def _calendar_fraction(self) -> int:
        return self._calendar_ticks() % LPO_HZ

    def _calendar_ticks(self) -> int:
        if self.calendar_start is None:
            return 0
        return (self.clock.now - self.calendar_start) * LPO_HZ // 1_000_000
