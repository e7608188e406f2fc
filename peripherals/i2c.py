"""I2C1 and I2C2: two different masters, both after the SMBus block of the 8051s that their bits are named like.

Facts: docs/hardware/i2c.md; the SDK's driver/i2c/i2c1.c and i2c2.c. A start condition takes the address with it. Each
step ends with the interrupt flag; the next begins when the firmware clears that, and what it is, the firmware has
written before: a stop, a repeated start, or the next byte. An address that nobody has is not acknowledged.

Not modelled: bus time, slave mode, other masters, addresses of ten bits, time-outs of the clock line.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, W1C, Carrier, I2cDevice, Output, Register, State, on_read, on_write

FIFO_SIZE = 16
RX_LEVELS = (12, 8, 4, 1)


class _Master(Carrier):
    """The bus: `addressed` is the device that a transfer is with, by its address, `held` whether the master has still
    to acknowledge the last byte that came in."""

    takes, places, unit = I2cDevice, range(0x08, 0x78), "address"

    transfers = State(False)
    addressed: State[int | None] = State(None)
    reading = State(False)
    held = State(False)

    def _start(self, byte: int) -> bool:
        """A start condition and the byte behind it. Answers whether it was acknowledged."""
        address, self.reading = byte >> 1, bool(byte & 1)
        self.transfers, self.held = True, False
        acknowledged = address in self.devices and self.devices[address].start(self.reading)
        if self.addressed not in (None, address):
            self.devices[self.addressed].stop()
        self.addressed = address if acknowledged else None
        return acknowledged

    def _send(self, byte: int) -> bool:
        """A byte to the device. Answers whether it was acknowledged."""
        return self.addressed is not None and self.devices[self.addressed].write_byte(byte)

    def _receive(self) -> int:
        """A byte from the device; the line is high where there is none."""
        self.held = True
        return 0xFF if self.addressed is None else self.devices[self.addressed].read_byte() & 0xFF

    def _stop(self) -> None:
        """A stop condition, where something was started."""
        if self.addressed is not None:
            self.devices[self.addressed].stop()
        self.addressed = None
        self.transfers = self.held = False


class I2c(_Master):
    """I2C1: everything in one register. The firmware says whether a byte goes out."""

    class CONFIG(Register, at=0x00):
        ensmb = RW(0)
        sta = RW(1)
        sto = RW(2)
        ack_tx = RW(3)
        tx_mode = RW(4)
        freq_div = RW(6, 15)
        si = RO(16, doc="cleared by writing it as zero")
        ack_rx = RO(17)
        ack_req = RO(18)
        busy = RO(19)

    class DAT(Register, at=0x04):
        data = RW(0, 7)

    irq = Output()

    # The firmware's side

    @on_write(CONFIG)
    def _commanded(self, word: int) -> None:
        config = self.CONFIG
        goes_on = bool(config.si and not I2c.CONFIG.si.of(word))
        if goes_on or not config.ensmb:
            config.si = 0
        if not config.ensmb or (config.sto and not config.si):
            self._stop()
            config.sto = config.busy = config.ack_req = 0
        elif not config.si:
            self._step(goes_on)
        self.irq.drive(config.si)

    def _step(self, goes_on: bool) -> None:
        config = self.CONFIG
        if config.sta:
            config.ack_rx = self._start(self.DAT.data)
            config.ack_req = 0
        elif not (goes_on and self.transfers) or (self.held and not config.tx_mode and not config.ack_tx):
            return
        elif config.tx_mode:
            config.ack_rx = self._send(self.DAT.data)
        else:
            self.DAT.data = self._receive()
            config.ack_req = 1
        config.si = config.busy = 1


class I2c2(_Master):
    """I2C2: configuration and status apart, and a FIFO each way, as on the older chips of the family. The address says
    whether bytes go out; as many come in as `int_mode` says before the master has to acknowledge the last of them."""

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
        smbus_si = RO(0, doc="cleared by writing it as zero")
        scl_timeout = W1C(1)
        arb_lost = W1C(3)
        rxfifo_empty = RO(4, reset=1)
        txfifo_full = RO(5)
        int_mode = RW(6, 7)
        smbus_ack = RW(8, doc="received behind a byte that went out; to be sent behind one that came in")
        smbus_stop = RW(9)
        smbus_sta = RW(10)
        addr_match = RO(11)
        ack_req = RO(12)
        tx_mode = RO(13)
        master = RO(14)
        busy = RO(15)

    class DAT(Register, at=0x08):
        data = RW(0, 7)

    irq = Output()
    tx_fifo = State(factory=bytearray)
    rx_fifo = State(factory=bytearray)

    # The firmware's side

    @on_write(DAT)
    def _put(self, word: int) -> None:
        if len(self.tx_fifo) < FIFO_SIZE:
            self.tx_fifo.append(word & 0xFF)
        self._update()

    @on_read(DAT)
    def _take(self) -> int:
        byte = self.rx_fifo.pop(0) if self.rx_fifo else self.DAT.data
        self._update()
        return byte

    @on_write(CONFIG)
    def _configured(self, _word: int) -> None:
        self._act(False)

    @on_write(STA)
    def _commanded(self, word: int) -> None:
        status = self.STA
        goes_on = bool(status.smbus_si and not I2c2.STA.smbus_si.of(word))
        if goes_on:
            status.smbus_si = 0
        self._act(goes_on)

    def _act(self, goes_on: bool) -> None:
        status, enabled = self.STA, self.CONFIG.ensmb
        if not enabled or (status.smbus_stop and not status.smbus_si):
            self._stop()
            self.tx_fifo.clear()
            status.smbus_stop = status.master = status.busy = status.tx_mode = status.ack_req = 0
            status.smbus_si &= enabled
        elif not status.smbus_si:
            self._step(goes_on)
        self._update()

    def _step(self, goes_on: bool) -> None:
        status = self.STA
        if status.smbus_sta:
            address = self.tx_fifo.pop(0) if self.tx_fifo else self.DAT.data
            status.smbus_ack = self._start(address)
            status.tx_mode = not self.reading
        elif not (goes_on and self.transfers) or (self.held and not status.smbus_ack):
            return
        elif self.reading:
            self.rx_fifo += bytes(self._receive() for _ in range(RX_LEVELS[status.int_mode]))
        else:
            while self.tx_fifo and status.smbus_ack:
                status.smbus_ack = self._send(self.tx_fifo.pop(0))
        status.ack_req = self.held
        status.smbus_si = status.master = status.busy = 1

    def _update(self) -> None:
        status = self.STA
        status.rxfifo_empty = not self.rx_fifo
        status.txfifo_full = len(self.tx_fifo) == FIFO_SIZE
        self.irq.drive(status.smbus_si)
