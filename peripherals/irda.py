"""IRDA: the infrared receiver. The firmware only registers its interrupt handler.

Facts: docs/hardware/other-blocks.md; the SDK's driver/irda/irda.h. There is nothing to receive: no status bit is ever
set and the data register is empty.

Not modelled: reception.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, W1C, Peripheral, Register


class Irda(Peripheral):
    size = 0x80

    class CTRL(Register, at=0x00):
        nec_en = RW(0)
        polarity = RW(1)
        uart_rx_enable = RW(2)
        uart_len = RW(3, 4)
        uart_par_en = RW(5)
        uart_par_mode = RW(6)
        uart_stop_len = RW(7)
        clk_divid = RW(8, 23)

    class INT_MASK(Register, at=0x04):
        events = RW(0, 5)

    class INT(Register, at=0x08):
        events = W1C(0, 5)

    class RX_FIFO_DOUT(Register, at=0x0C):
        data = RO(0, 31)
