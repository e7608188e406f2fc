"""UART: what the boot loader, the SDK's driver and a terminal see."""

import pytest

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.uart import Uart
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

CONFIG, FIFO_CONFIG, FIFO_STATUS, PORT, INT_ENABLE, INT_STATUS = range(0, 0x18, 4)
NEED_READ, OVERFLOW, TX_STOP_END, RX_STOP_END = 1 << 1, 1 << 2, 1 << 5, 1 << 6
BAUD_115200 = 224 << 8 | 0x1B
ONE_BYTE = 87  # microseconds, rounded up from 86.5
STOP_DETECT = 277  # 32 bits, rounded up from 276.9


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    block = bench.make(Uart)
    block.write(CONFIG, BAUD_115200)
    block.write(FIFO_CONFIG, 0x1040)
    block.write(INT_ENABLE, NEED_READ | RX_STOP_END)
    return block


def drain(block):
    data = bytearray()
    while block.read(FIFO_STATUS) & 1 << 21:
        data.append(block.read(PORT) >> 8)
    return bytes(data)


def test_sent_bytes_leave_one_by_one(block):
    sent = []
    block.sent.connect(sent.append)
    for byte in b"ok":
        assert block.read(FIFO_STATUS) & 1 << 20, "write ready"
        block.write(PORT, byte)
    assert bytes(sent) == b"ok"
    assert block.read(FIFO_STATUS) & 1 << 17, "TX FIFO empty"
    assert block.read(INT_STATUS) & TX_STOP_END


def test_nothing_leaves_a_disabled_transmitter(block):
    sent = []
    block.sent.connect(sent.append)
    block.write(CONFIG, BAUD_115200 & ~1)
    block.write(PORT, 0x41)
    assert sent == []


def test_a_byte_takes_ten_bits_to_arrive(block, bench):
    irq = levels(block)
    block.receive(b"a")
    bench.clock.advance(ONE_BYTE - 1)
    assert block.read(FIFO_STATUS) >> 8 & 0xFF == 0 and block.read(FIFO_STATUS) & 1 << 19
    bench.clock.advance(1)
    assert block.read(FIFO_STATUS) >> 8 & 0xFF == 1 and irq == []
    bench.clock.advance(STOP_DETECT - 1)
    assert irq == []
    bench.clock.advance(1)
    assert irq == [True] and block.read(INT_STATUS) & 0xFE == RX_STOP_END
    block.write(INT_STATUS, RX_STOP_END)
    assert irq == [True, False] and drain(block) == b"a"


def test_bytes_of_a_burst_do_not_drift(block, bench):
    block.receive(b"x" * 60)
    block.receive(b"y" * 40)
    bench.clock.advance(8654)
    assert block.read(FIFO_STATUS) >> 8 & 0xFF == 100, "100 bytes take 8653.8 us"
    assert drain(block) == b"x" * 60 + b"y" * 40


def test_threshold_interrupt_is_a_level(block, bench):
    irq = levels(block)
    block.receive(bytes(16))
    bench.clock.advance(15 * ONE_BYTE)
    assert irq == []
    bench.clock.advance(ONE_BYTE)
    assert irq == [True]
    block.write(INT_STATUS, NEED_READ)
    assert block.read(INT_STATUS) & NEED_READ
    block.read(PORT)
    assert irq == [True, False]


def test_no_stop_detection_for_an_empty_fifo(block, bench):
    block.receive(b"a")
    bench.clock.advance(ONE_BYTE)
    drain(block)
    bench.clock.advance(10_000)
    assert not block.read(INT_STATUS) & RX_STOP_END


def test_overflow_drops_the_newest_bytes(block, bench):
    block.receive(bytes(range(130)))
    bench.clock.advance(130 * ONE_BYTE)
    status = block.read(FIFO_STATUS)
    assert status >> 8 & 0xFF == 128 and status & 1 << 18
    assert block.read(INT_STATUS) & OVERFLOW
    assert drain(block) == bytes(range(128))
    block.write(INT_STATUS, OVERFLOW)
    assert not block.read(INT_STATUS) & OVERFLOW


def test_a_disabled_receiver_hears_nothing_and_forgets(block, bench):
    block.receive(b"abc")
    bench.clock.advance(2 * ONE_BYTE)
    block.write(CONFIG, BAUD_115200 & ~2)
    bench.clock.advance(10 * ONE_BYTE)
    block.write(CONFIG, BAUD_115200)
    assert drain(block) == b"" and not block.read(INT_STATUS) & (OVERFLOW | RX_STOP_END)


def test_reading_an_empty_fifo(block):
    assert block.read(PORT) == 0


@pytest.mark.parametrize(("config", "detect_us"), [(0x0_1040, 277), (0x3_1040, 2216)])
def test_stop_detection_time(block, bench, config, detect_us):
    block.write(FIFO_CONFIG, config)
    block.receive(b"a")
    bench.clock.advance(ONE_BYTE + detect_us - 1)
    assert not block.read(INT_STATUS) & RX_STOP_END
    bench.clock.advance(1)
    assert block.read(INT_STATUS) & RX_STOP_END


def test_what_is_on_the_line_is_lost_in_a_reset(block, bench):
    block.receive(b"abc")
    block.reset(ResetKind.WATCHDOG)
    block.write(CONFIG, BAUD_115200)
    bench.clock.advance(1000)
    assert drain(block) == b""


def test_reset():
    def use(bench, block):
        block.write(CONFIG, BAUD_115200)
        block.write(FIFO_CONFIG, 0x1040)
        block.write(INT_ENABLE, 0xFF)
        block.receive(bytes(40))
        bench.clock.advance(20 * ONE_BYTE)

    assert_reset_gives_fresh(Uart, use)
