"""SPI: a master or slave with two 64-byte FIFOs.

Facts: docs/hardware/spi.md; the SDK's driver/spi/spi_bk7231n.h and spi_master_bk7231n.c. As a master it exchanges
bytes in the moment it can: what the FIFO holds goes out, and for each byte one comes in, 0xFF where nobody answers. A
device is selected by the block's own chip select, from the first byte on until sending and receiving are off, or by the
pin whose number it hangs at, from a falling edge to a rising one: firmware that drives a chip select of its own.

Not modelled: time on the bus, slave output, 16-bit words, the order of bits, reaching the flash chip over its pins.
"""

from __future__ import annotations

from bk7238.peripherals.core import (
    ALWAYS,
    RO,
    RW,
    SC,
    W1C,
    Carrier,
    Input,
    Output,
    Port,
    Register,
    SpiDevice,
    State,
    on_input,
    on_read,
    on_write,
)

FIFO_SIZE = 64
INT_LEVELS = (1, 16, 32, 48)


class Spi(Carrier):
    takes, places, unnumbered = SpiDevice, range(32), True

    class CTRL(Register, at=0x00):
        txint_mode = RW(0, 1)
        rxint_mode = RW(2, 3)
        txovr_en = RW(4)
        rxovr_en = RW(5)
        txint_en = RW(6)
        rxint_en = RW(7)
        ckr = RW(8, 15)
        s_cs_up_int_en = RW(16)
        nssmd = RW(17)
        bit_wdth = RW(18)
        lsb_first = RW(19)
        ckpol = RW(20)
        ckpha = RW(21)
        msten = RW(22)
        spien = RW(23)
        byte_interval = RW(24, 29)

    class CONFIG(Register, at=0x04):
        tx_en = RW(0)
        rx_en = RW(1)
        tx_finish_en = RW(2)
        rx_finish_en = RW(3)
        tx_trahs_len = RW(8, 19)
        rx_trahs_len = RW(20, 31)

    class STAT(Register, at=0x08):
        txfifo_wr_read = RO(1, reset=1)
        rxfifo_rd_read = RO(2)
        txint = RO(8)
        rxint = RO(9)
        s_cs_up_int = W1C(10)
        txovr = W1C(11)
        rxovr = W1C(12)
        tx_finish_int = W1C(13)
        rx_finish_int = W1C(14)
        txfifo_clr_en = SC(16)
        rxfifo_clr_en = SC(17)

    class DAT(Register, at=0x0C):
        data = RW(0, 15)

    irq = Output()
    pins = Input(0, 31)
    sent = Port()
    tx_fifo = State(factory=bytearray)
    rx_fifo = State(factory=bytearray)
    answers = State(factory=bytearray)
    exchanged = State(0)
    seen_pins = State(0, keeps=ALWAYS)

    # The world's side

    def answer(self, data: bytes) -> None:
        """As a master: what the device on the bus will answer, a byte for each byte of the coming exchanges."""
        self.answers += data

    def receive(self, data: bytes) -> None:
        """As a slave: a master on the bus sends `data`."""
        for byte in data:
            self._store(byte)
        self.STAT.s_cs_up_int = 1
        self._update()

    @on_input(pins)
    def _pins_changed(self) -> None:
        changed, self.seen_pins = self.pins ^ self.seen_pins, self.pins
        for pin, device in self.devices.items():
            if pin is not None and changed >> pin & 1:
                device.chip_select(not self.pins >> pin & 1)

    # The firmware's side

    @on_write(CTRL)
    def _controlled(self, _word: int) -> None:
        self._exchange()

    @on_write(CONFIG)
    def _configured(self, _word: int) -> None:
        if not (self.CONFIG.tx_en or self.CONFIG.rx_en):
            self.exchanged = 0
        self._exchange()

    @on_write(STAT)
    def _acknowledged(self, word: int) -> None:
        if Spi.STAT.txfifo_clr_en.of(word):
            self.tx_fifo.clear()
        if Spi.STAT.rxfifo_clr_en.of(word):
            self.rx_fifo.clear()
        self._exchange()

    @on_write(DAT)
    def _put(self, word: int) -> None:
        if len(self.tx_fifo) < FIFO_SIZE:
            self.tx_fifo.append(word & 0xFF)
        else:
            self.STAT.txovr = 1
        self._exchange()

    @on_read(DAT)
    def _take(self) -> int:
        if not self.rx_fifo:
            return 0
        byte = self.rx_fifo.pop(0)
        self._exchange()
        return byte

    def _exchange(self) -> None:
        """As a master: clock bytes while there are some to send, or while only receiving and there is room."""
        config = self.CONFIG
        length = config.tx_trahs_len if config.tx_en else config.rx_trahs_len
        while self.CTRL.spien and self.CTRL.msten and not (length and self.exchanged >= length):
            if config.tx_en and self.tx_fifo:
                out = self.tx_fifo.pop(0)
            elif config.rx_en and not config.tx_en and length and len(self.rx_fifo) < FIFO_SIZE:
                out = 0xFF
            else:
                break
            self._select(True)
            byte = self._byte_for(out)
            if config.rx_en:
                self._store(byte)
            self.exchanged += 1
            if config.tx_en and self.exchanged == config.tx_trahs_len:
                self.STAT.tx_finish_int = 1
            if config.rx_en and self.exchanged == config.rx_trahs_len:
                self.STAT.rx_finish_int = 1
        if not (self.CTRL.spien and self.CTRL.msten and (config.tx_en or config.rx_en)):
            self._select(False)
        self._update()

    def _select(self, selected: bool) -> None:
        """Drive the block's own chip select."""
        if None in self.devices:
            self.devices[None].chip_select(selected)

    def _byte_for(self, out: int) -> int:
        """What comes in while `out` goes out: the line is high where nobody pulls it low."""
        self.sent(out)
        byte = self.answers.pop(0) if self.answers else 0xFF
        for device in self.devices.values():
            if device.selected:
                byte &= device.exchange(out)
        return byte

    def _store(self, byte: int) -> None:
        if len(self.rx_fifo) < FIFO_SIZE:
            self.rx_fifo.append(byte)
        else:
            self.STAT.rxovr = 1

    def _update(self) -> None:
        control, status = self.CTRL, self.STAT
        status.txfifo_wr_read = len(self.tx_fifo) < FIFO_SIZE
        status.rxfifo_rd_read = len(self.rx_fifo) > 0
        status.txint = control.spien and len(self.tx_fifo) < INT_LEVELS[control.txint_mode]
        status.rxint = len(self.rx_fifo) >= INT_LEVELS[control.rxint_mode]
        self.irq.drive(
            1
            if status.txint & control.txint_en
            or status.rxint & control.rxint_en
            or status.s_cs_up_int & control.s_cs_up_int_en
            or status.txovr & control.txovr_en
            or status.rxovr & control.rxovr_en
            or status.tx_finish_int & self.CONFIG.tx_finish_en
            or status.rx_finish_int & self.CONFIG.rx_finish_en
            else 0
        )
