"""System control: chip identity, clocks, resets, analog registers, eFuse port; with the always-on part behind it.

Facts: docs/hardware/system-control.md; the SDK's driver/sys_ctrl/sys_ctrl.h. Clock settings and analog registers are
kept and read back but change nothing: virtual time comes from the platform.

Not modelled: clock speeds, the analog blocks and their calibration loops, what the block resets do to the blocks.
"""

from __future__ import annotations

from bk7238.peripherals.always_on import AlwaysOn
from bk7238.peripherals.core import RO, RW, SC, Part, Peripheral, Register, ResetKind, Services, State, on_write
from bk7238.peripherals.efuse import Efuse


class SystemControl(Peripheral):
    size = 0x200

    always_on = Part(AlwaysOn)

    class CHIP_ID(Register, at=0x000):
        id = RO(0, 31)

    class DEVICE_ID(Register, at=0x004):
        id = RO(0, 31, doc="production revision; the SDK hangs unless it knows the upper half")

    class CONTROL(Register, at=0x008):
        mclk_mux = RW(0, 1)
        mclk_div = RW(4, 7)
        flash_26m_mux = RW(8)
        hclk_div2_en = RW(9)
        modem_clk480m_pwd = RW(10)
        mac_clk480m_pwd = RW(11)
        mpif_clk_invert = RW(12)
        sdio_clk_invert = RW(13)
        dpll_clkdiv_reset = RW(14)
        ble_rf_en = RW(15)
        flash_sck_iocap = RW(18, 19)
        pwd_ahbclk_in_sleep = RW(20)
        pwd_armclk_in_wfi = RW(21)
        flash_spi_mux = RW(22)
        efuse_vdd25_en = RW(23)
        ble_rf_pta_en = RW(24)

    class CLK_GATING(Register, at=0x00C):
        mac_clocks = RW(0, 8)

    class RESET(Register, at=0x010):
        modem_subchip_reset = RW(0)
        mac_subsys_reset = RW(2)
        modem_core_reset = SC(6)
        mac_wakeup_arm = RW(7)
        ble_subsys_reset = RW(8)
        boot_mode = RW(9)

    class FLASH_DELAY(Register, at=0x01C):
        cycle = RW(0, 11)

    class SUBSYS_RESET_REQ(Register, at=0x020, count=4):
        """Modem, MAC, USB and DSP."""

        word = RW(0, 31)

    class MODEM_CORE_RESET_PHY_HCLK(Register, at=0x030):
        phy_hclk_en = RW(0)
        mac_hclk_en = RW(1)
        modem_core_reset = RW(16, 31)

    class ANALOG_SPI(Register, at=0x040):
        state = RO(0, 6, doc="a serial write to the analog registers is under way; here it never is")
        freq_div = RW(26, 31)

    class ANALOG_CTRL(Register, at=0x058, count=7):
        word = RW(0, 31)

    class EFUSE_CTRL(Register, at=0x074):
        oper_en = SC(0)
        oper_dir = RW(1)
        oper_addr = RW(8, 12)
        oper_wr_data = RW(16, 23)

    class EFUSE_OPTR(Register, at=0x078):
        oper_rd_data = RO(0, 7)
        oper_rd_data_valid = RO(8)

    class DMA_PRIO_VAL(Register, at=0x07C):
        word = RW(0, 31)

    class BLE_SUBSYS_RESET_REQ(Register, at=0x080):
        word = RW(0, 31)

    class ANALOG_STATE(Register, at=0x084):
        state = RO(0, 7)
        dpll_unlock = RO(15)
        other = RO(16, 31)

    efuse = State(factory=Efuse, keeps=tuple(ResetKind))

    def __init__(self, services: Services, chip_id: int = 0x7238, device_id: int = 0x2206_8000) -> None:
        self._identity = chip_id, device_id
        super().__init__(services)

    def on_reset(self, _kind: ResetKind) -> None:
        """What it is called is wired."""
        self.CHIP_ID.id, self.DEVICE_ID.id = self._identity

    @on_write(EFUSE_CTRL)
    def _efuse_operation(self, word: int) -> None:
        control = self.EFUSE_CTRL
        if not SystemControl.EFUSE_CTRL.oper_en.of(word):
            return
        if control.oper_dir:
            self.efuse.program(control.oper_addr, control.oper_wr_data)
        else:
            self.EFUSE_OPTR.oper_rd_data = self.efuse.read(control.oper_addr)
            self.EFUSE_OPTR.oper_rd_data_valid = 1
