"""ICU: interrupt sources in, the CPU's two interrupt lines out, and the clock switches of the blocks.

Facts: docs/hardware/interrupts.md; the SDK's driver/icu/icu.h and driver/intc/intc.c. Status is the level of the
sources: every driver clears its interrupt in the block that raised it, and writing INT_STATUS back changes nothing.

Input n is source n. Sources 0 to 15 make the CPU's IRQ (output 0), 16 to 31 its FIQ (output 1). Outputs 32 to 63 carry
PERI_CLK_PWD: output 32 + n is high while the clock that bit n switches is off.

Not modelled: clock sources and dividers (kept, without effect), the second core's registers, wake-up from sleep.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, Input, Output, Peripheral, Register, ResetKind, on_input, on_write

IRQ_SOURCES = 0x0000_FFFF
FIQ_SOURCES = 0xFFFF_0000


class InterruptController(Peripheral):
    class PERI_CLK_MUX(Register, at=0x00):
        peripherals = RW(0, 9)
        qspi_clk_mux = RW(16, 17)
        dco_clk_div = RW(18, 19)
        pmu_clk_div = RW(20, 21)

    class PWM_CLK_MUX(Register, at=0x04):
        channels = RW(0, 5)

    class PERI_CLK_PWD(Register, at=0x08):
        blocks = RW(0, 31, doc="8 watchdog, 20 timers 0-2, 21 timers 3-5, others without effect here")

    class PERI_CLK_GATING(Register, at=0x0C):
        blocks = RW(0, 31)

    class TL410_CLK_PWD(Register, at=0x10):
        tl410_clk_pwd = RW(0)
        ble_clk_pwd = RW(1)

    class CLK26M_DIV_FACTOR(Register, at=0x14):
        factor = RW(0, 1)

    class JTAG_SELECT(Register, at=0x18):
        word = RW(0, 31)

    class INTERRUPT_ENABLE(Register, at=0x40):
        sources = RW(0, 31)

    class GLOBAL_INT_EN(Register, at=0x44):
        irq = RW(0)
        fiq = RW(1)

    class INT_RAW_STATUS(Register, at=0x48):
        sources = RO(0, 31)

    class INT_STATUS(Register, at=0x4C):
        sources = RO(0, 31)

    class ARM_WAKEUP_EN(Register, at=0x50):
        sources = RW(0, 31)

    sources = Input(0, 31)
    cpu_irq = Output(0)
    cpu_fiq = Output(1)
    clock_off = Output(32, 63)

    def on_reset(self, _kind: ResetKind) -> None:
        """Show the levels, which belong to the blocks that drive them."""
        self._sources_changed()

    @on_input(sources)
    def _sources_changed(self) -> None:
        self.INT_RAW_STATUS.value = self.sources
        self._drive_cpu()

    @on_write(INTERRUPT_ENABLE, GLOBAL_INT_EN)
    def _enables_changed(self, _word: int) -> None:
        self._drive_cpu()

    @on_write(PERI_CLK_PWD)
    def _clocks_changed(self, word: int) -> None:
        self.clock_off.drive(word)

    def _drive_cpu(self) -> None:
        pending = self.INT_STATUS.value = self.sources & self.INTERRUPT_ENABLE.value
        enabled = self.GLOBAL_INT_EN.value
        self.cpu_irq.drive(1 if pending & IRQ_SOURCES and enabled & 1 else 0)
        self.cpu_fiq.drive(1 if pending & FIQ_SOURCES and enabled & 2 else 0)
