"""I2C1 and I2C2: two different masters on a bus with nothing on it.

Facts: docs/hardware/other-blocks.md; the SDK's driver/i2c/i2c1.h and i2c2.h. A start condition ends at once with the
interrupt and without an acknowledge, as from an empty bus; the driver then stops and reports the error.

Not modelled: devices on the bus (every address goes unanswered), slave mode, bus time, the FIFOs of I2C2.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, W1C, Output, Peripheral, Register, State, on_write


class I2c(Peripheral):
    """I2C1: everything in one register."""

    class CONFIG(Register, at=0x00):
        ensmb = RW(0)
        sta = RW(1)
        sto = RW(2)
        ack_tx = RW(3)
        tx_mode = RW(4)
        freq_div = RW(6, 15)
        si = W1C(16)
        ack_rx = RO(17)
        ack_req = RO(18)
        busy = RO(19)

    class DAT(Register, at=0x04):
        data = RW(0, 7)

    irq = Output()
    started = State(False)

    @on_write(CONFIG)
    def _commanded(self, word: int) -> None:
        config = self.CONFIG
        start = bool(config.ensmb and config.sta)
        if start and not self.started:
            config.si = config.busy = 1
        if config.sto or not config.ensmb:
            config.busy = 0
        self.started = start
        self.irq.drive(config.si)


class I2c2(Peripheral):
    """I2C2: configuration and status apart, as on the older chips of the family."""

    class CONFIG(Register, at=0x00):
        idle_cr = RW(0, 2)
        scl_cr = RW(3, 5)
        freq_div = RW(6, 15)
        slv_addr = RW(16, 25)
        smb_cs = RW(26, 27)
        smb_toe = RW(28)
        smb_fte = RW(29)
        inh = RW(30)
        ensmb = RW(31)

    class STA(Register, at=0x04):
        smbus_si = RW(0, doc="cleared by writing it as zero")
        scl_timeout = W1C(1)
        arb_lost = W1C(3)
        rxfifo_empty = RO(4, reset=1)
        txfifo_full = RO(5)
        int_mode = RW(6, 7)
        smbus_ack = RO(8)
        smbus_stop = RW(9)
        smbus_sta = RW(10)
        addr_match = RO(11)
        ack_req = RO(12)
        tx_mode = RW(13)
        master = RO(14)
        busy = RO(15)

    class DAT(Register, at=0x08):
        data = RW(0, 7)

    irq = Output()
    started = State(False)

    @on_write(CONFIG, STA)
    def _commanded(self, word: int) -> None:
        status = self.STA
        start = bool(self.CONFIG.ensmb and status.smbus_sta)
        if start and not self.started:
            status.smbus_si = status.master = status.busy = 1
        if status.smbus_stop or not self.CONFIG.ensmb:
            status.smbus_stop = status.master = status.busy = 0
        self.started = start
        self.irq.drive(status.smbus_si)
