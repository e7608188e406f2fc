"""The always-on part of system control: power, wake-up, what survives a watchdog reset, and the calendar.

Facts: docs/hardware/system-control.md; the SDK's driver/sys_ctrl/sys_ctrl.h and driver/calendar/calendar.h. Software's
16 retention bits and the calendar survive a watchdog reset, which itself leaves WDT_RST_FLAG behind; the application
clears that by writing the word back as it read it.

Not modelled: sleep modes (a write that asks for one is logged), power domains, ROSC timer, GPIO wake-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bk7238.peripherals.core import RO, RW, W1C, WO, BlockPart, Register, ResetKind, State, on_read, on_write

if TYPE_CHECKING:
    from bk7238.peripherals.system_control import SystemControl

SLEEP_MODES = {0x4F89: "normal voltage", 0xB706: "low voltage", 0xADC1: "deep"}
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

    class ROSC_TIMER(Register, at=0x11C):
        enable = RW(0)
        int_status = W1C(8, doc="woken from deep sleep by the timer")
        period = RW(16, 31)

    class GPIO_WAKEUP_EN(Register, at=0x120):
        pins = RW(0, 31)

    class GPIO_WAKEUP_TYPE(Register, at=0x124):
        pins = RW(0, 31)

    class GPIO_WAKEUP_INT_STATUS(Register, at=0x128):
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

    class GPIO_WAKEUP_TYPE_SELECT(Register, at=0x138):
        word = RW(0, 31)

    class BLOCK_EN_MUX(Register, at=0x13C):
        word = RW(0, 31)

    class ROSC_TIMER_H(Register, at=0x140):
        period = RW(0, 15)

    class SW_RETENTION(Register, at=0x150, keeps=(ResetKind.WATCHDOG,)):
        sw_retention = RW(0, 15)
        wdt_rst_flag = W1C(16)
        unused = RO(17, 31)

    class CAL_CONFIG(Register, at=0x154, keeps=(ResetKind.WATCHDOG,)):
        init_val = RW(0, 31)

    class CAL_ENABLE(Register, at=0x158, keeps=(ResetKind.WATCHDOG,)):
        enable = RW(0)

    class CAL_SECOND_VALUE(Register, at=0x15C):
        seconds = RO(0, 31)

    class CAL_31_25US_VALUE(Register, at=0x160):
        ticks = RO(0, 15)

    calendar_start: State[int | None] = State(None, keeps=(ResetKind.WATCHDOG,))
    sleep_modes_logged = State(())

    def on_reset(self, kind: ResetKind) -> None:
        """Note the reset by the watchdog."""
        if kind is ResetKind.WATCHDOG:
            self.SW_RETENTION.wdt_rst_flag = 1

    @on_write(SLEEP)
    def _sleep(self, _word: int) -> None:
        mode = SLEEP_MODES.get(self.SLEEP.mode)
        if mode is not None and mode not in self.sleep_modes_logged:
            self.sleep_modes_logged += (mode,)
            self.log.warning(f"{mode} sleep was asked for: sleep modes are not modelled, the chip stays awake")

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
