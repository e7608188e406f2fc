"""ICU: interrupt sources in, the CPU's two interrupt lines out, and the clock switches of the blocks.

Facts: docs/hardware/interrupts.md; the SDK's driver/icu/icu.h and driver/intc/intc.c. Status is the level of the
sources: every driver clears its interrupt in the block that raised it, and writing INT_STATUS back changes nothing.

Input n is source n. Sources 0 to 15 make the CPU's IRQ (output 0), 16 to 31 its FIQ (output 1). Outputs 32 to 63 carry
PERI_CLK_PWD: output 32 + n is high while the clock that bit n switches is off. Output 2 is
high while a source is that ends sleep (ARM_WAKEUP_EN), masked or not, and input 32, by which system control says that
the CPU sleeps.

Not modelled: clock sources and dividers (kept, without effect), the second core's registers.
"""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, RO, RW, Input, Output, Pending, Peripheral, Register, on_write


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
        irq = RW(0, 15)
        fiq = RW(16, 31)

    class GLOBAL_INT_EN(Register, at=0x44):
        irq = RW(0)
        fiq = RW(1)

    class INT_RAW_STATUS(Register, at=0x48, keeps=ALWAYS):
        irq = RO(0, 15)
        fiq = RO(16, 31)

    class INT_STATUS(Register, at=0x4C):
        irq = RO(0, 15)
        fiq = RO(16, 31)

    class ARM_WAKEUP_EN(Register, at=0x50):
        sources = RW(0, 31)

    class WIRES(Register, at=0x100, bus=False):
        asleep = RO(0)

    asleep = Input(32, shown=WIRES.asleep)
    irq_sources = Input(0, 15, shown=INT_RAW_STATUS.irq)
    fiq_sources = Input(16, 31, shown=INT_RAW_STATUS.fiq)
    cpu_irq = Output(
        0,
        when=(Pending(INT_RAW_STATUS.irq, INTERRUPT_ENABLE.irq, gate=GLOBAL_INT_EN.irq, shown=INT_STATUS.irq),),
    )
    cpu_fiq = Output(
        1,
        when=(Pending(INT_RAW_STATUS.fiq, INTERRUPT_ENABLE.fiq, gate=GLOBAL_INT_EN.fiq, shown=INT_STATUS.fiq),),
    )
    wake_up = Output(2, when=(Pending(INT_RAW_STATUS, ARM_WAKEUP_EN.sources, gate=WIRES.asleep),))
    clock_off = Output(32, 63)

    @on_write(PERI_CLK_PWD)
    def _clocks_changed(self, word: int) -> None:
        self.clock_off.drive(word)
