"""UART1 and UART2: a serial port behind two 128-byte FIFOs.

Facts: docs/hardware/uart.md; the SDK's driver/uart/uart.h and uart.c. Received bytes arrive one by one at the
speed that CONFIG sets (26 MHz divided, 10 bits a byte); a byte is sent in the moment it is written, so the TX FIFO
is always empty. Disabling a direction flushes its FIFO. Who listens to `sent` is told of each byte in its moment; who
listens to `text`, of bytes that may have been written one after the other, of the last of a line in its moment. A
device at the other end of the line is told of each.

Not modelled: time on the TX line, parity and stop errors, 9 to 12-bit characters, flow control, wake-up, IrDA.
"""

from __future__ import annotations

from bk7238.peripherals.core import (
    RO,
    RW,
    W1C,
    WO,
    Alarm,
    Batch,
    Carrier,
    Device,
    Output,
    Pending,
    Port,
    Register,
    ResetKind,
    State,
    UartDevice,
    on_alarm,
    on_batch,
    on_read,
    on_write,
)

FIFO_SIZE = 128
CLOCK_MHZ = 26
BITS_PER_BYTE = 10
LINE_FEED = 0x0A


class Uart(Carrier):
    takes, unit, unnumbered = UartDevice, "number", True

    class CONFIG(Register, at=0x00):
        tx_enable = RW(0)
        rx_enable = RW(1)
        irda = RW(2)
        data_len = RW(3, 4)
        par_en = RW(5)
        par_odd_mode = RW(6)
        stop_len_2 = RW(7)
        clk_divid = RW(8, 20)

    class FIFO_CONFIG(Register, at=0x04):
        tx_fifo_threshold = RW(0, 7)
        rx_fifo_threshold = RW(8, 15)
        rx_stop_detect_time = RW(16, 17)

    class FIFO_STATUS(Register, at=0x08):
        tx_fifo_count = RO(0, 7)
        rx_fifo_count = RO(8, 15)
        tx_fifo_full = RO(16)
        tx_fifo_empty = RO(17, reset=1)
        rx_fifo_full = RO(18)
        rx_fifo_empty = RO(19, reset=1)
        fifo_wr_ready = RO(20, reset=1)
        fifo_rd_ready = RO(21)

    class FIFO_PORT(Register, at=0x0C):
        tx_fifo_din = WO(0, 7)
        rx_fifo_dout = RO(8, 15)

    class INTR_ENABLE(Register, at=0x10):
        events = RW(0, 7)

    class INTR_STATUS(Register, at=0x14):
        tx_fifo_need_write = RO(0)
        rx_fifo_need_read = RO(1)
        rx_fifo_over_flow = W1C(2)
        rx_parity_err = W1C(3)
        rx_stop_err = W1C(4)
        tx_stop_end = W1C(5)
        rx_stop_end = W1C(6)
        rxd_wakeup = W1C(7)

    class FLOW_CONFIG(Register, at=0x18):
        low_cnt = RW(0, 7)
        high_cnt = RW(8, 15)
        flow_control_en = RW(16)

    class WAKE_CONFIG(Register, at=0x1C):
        wake_count = RW(0, 9)
        txd_wait_cnt = RW(10, 19)
        rxd_wake_en = RW(20)
        txd_wake_en = RW(21)
        rxd_negedge_wake_en = RW(22)

    irq = Output(when=(Pending(INTR_STATUS, INTR_ENABLE.events),))
    sent = Port()
    text = Port()
    out = Batch(
        FIFO_PORT.tx_fifo_din, FIFO_SIZE, until=LINE_FEED, sets=INTR_STATUS.tx_stop_end, enable=CONFIG.tx_enable
    )
    arrival = Alarm()
    silence = Alarm()
    fifo = State(factory=bytearray)
    line = State(factory=bytearray)
    burst_start = State(0)
    burst_bytes = State(0)

    def on_reset(self, _kind: ResetKind) -> None:
        """Hold no bytes back for who wants to be told of each in its moment."""
        self.sent.on_listeners = self._listeners_changed
        self._listeners_changed()

    def _listeners_changed(self) -> None:
        self.out.open = not self.sent.heard

    # The world's side

    def attach(self, device: Device, place: int | None) -> None:
        """Put a device at the other end of the line."""
        super().attach(device, place)
        self.sent.connect(self.devices[place].received)

    def receive(self, data: bytes) -> None:
        """`data` arrives on the RX pin, one byte after the other, behind what is still arriving."""
        self.line += data
        if self.line and self.arrival.deadline is None:
            self._begin_burst()

    def _begin_burst(self) -> None:
        self.burst_start, self.burst_bytes = self.clock.now, 0
        self._await_next_byte()

    def _await_next_byte(self) -> None:
        self.burst_bytes += 1
        end = self.burst_start + self._duration(BITS_PER_BYTE * self.burst_bytes)
        self.arrival.start(max(0, end - self.clock.now))

    def _duration(self, bits: int) -> int:
        """Microseconds, rounded up."""
        return -int(-bits * (self.CONFIG.clk_divid + 1) // CLOCK_MHZ)

    @on_alarm(arrival)
    def _byte_arrived(self) -> None:
        byte = self.line[0]
        del self.line[0]
        if self.line:
            self._await_next_byte()
        if not self.CONFIG.rx_enable:
            return
        if len(self.fifo) < FIFO_SIZE:
            self.fifo.append(byte)
        else:
            self.INTR_STATUS.rx_fifo_over_flow = 1
        self.silence.start(self._duration(32 << self.FIFO_CONFIG.rx_stop_detect_time))
        self._update()

    @on_alarm(silence)
    def _line_fell_silent(self) -> None:
        if self.fifo:
            self.INTR_STATUS.rx_stop_end = 1
            self._update()

    # The firmware's side

    @on_write(CONFIG)
    def _configured(self, _word: int) -> None:
        if not self.CONFIG.rx_enable:
            self.fifo.clear()
        if self.line:
            self._begin_burst()
        self._update()

    @on_write(FIFO_PORT)
    def _transmit(self, word: int) -> None:
        if self.CONFIG.tx_enable:
            self._send([word & 0xFF])
            self.INTR_STATUS.tx_stop_end = 1
            self.irq.update()

    @on_batch(out)
    def _send(self, items: list[int]) -> None:
        for byte in items:
            self.sent(byte)
        self.text(bytes(items))

    @on_read(FIFO_PORT)
    def _take_received(self) -> int:
        if not self.fifo:
            return 0
        byte = self.fifo[0]
        del self.fifo[0]
        self._update()
        return int(byte << 8)

    @on_write(FIFO_CONFIG)
    def _thresholds_set(self, _word: int) -> None:
        self._update()

    def _update(self) -> None:
        count = len(self.fifo)
        status = self.FIFO_STATUS
        status.rx_fifo_count = count
        status.rx_fifo_full = count == FIFO_SIZE
        status.rx_fifo_empty = count == 0
        status.fifo_rd_ready = count > 0
        self.INTR_STATUS.tx_fifo_need_write = self.FIFO_CONFIG.tx_fifo_threshold > 0
        self.INTR_STATUS.rx_fifo_need_read = count >= max(1, self.FIFO_CONFIG.rx_fifo_threshold)
        self.irq.update()
