"""SPI as the SDK's master and slave drivers use it."""

import pytest

from bk7238.peripherals.core import SpiDevice
from bk7238.peripherals.spi import Spi
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

CTRL, CONFIG, STAT, DAT = 0x00, 0x04, 0x08, 0x0C
MASTER = 3 << 22
TX_WRITABLE, RX_READABLE, TXINT, RXINT, TX_FINISH, RX_FINISH = 1 << 1, 1 << 2, 1 << 8, 1 << 9, 1 << 13, 1 << 14


@pytest.fixture
def block():
    return BlockBench().make(Spi)


def drain(block):
    data = bytearray()
    while block.read(STAT) & RX_READABLE:
        data.append(block.read(DAT))
    return bytes(data)


def test_a_master_exchanges_what_it_was_given_when_enabled(block):
    sent, irq = [], levels(block)
    block.sent.connect(sent.append)
    block.answer(b"\x00\xc8\x40")
    block.write(CTRL, MASTER)
    for byte in (0x9F, 0xFF, 0xFF, 0xFF):
        block.write(DAT, byte)
    assert sent == []
    block.write(CONFIG, 4 << 20 | 4 << 8 | 0b0111)
    assert sent == [0x9F, 0xFF, 0xFF, 0xFF] and irq == [True]
    assert block.read(STAT) & (TX_FINISH | RX_FINISH) == TX_FINISH | RX_FINISH
    block.write(STAT, block.read(STAT))
    assert irq == [True, False] and drain(block) == b"\x00\xc8\x40\xff", "0xFF where nobody answers"


def test_a_long_transfer_is_fed_by_interrupts(block):
    sent = []
    block.sent.connect(sent.append)
    block.write(CTRL, MASTER | 3)
    message = bytes(range(100))
    for byte in message[:64]:
        assert block.read(STAT) & TX_WRITABLE
        block.write(DAT, byte)
    assert not block.read(STAT) & TX_WRITABLE
    block.write(CONFIG, 100 << 8 | 0b0101)
    assert len(sent) == 64 and block.read(STAT) & TXINT and not block.read(STAT) & TX_FINISH
    for byte in message[64:]:
        block.write(DAT, byte)
    assert bytes(sent) == message and block.read(STAT) & TX_FINISH


def test_the_next_transfer_counts_from_zero(block):
    block.write(CTRL, MASTER)
    for _ in range(2):
        block.write(CONFIG, 1 << 8 | 0b0101)
        block.write(DAT, 1)
        assert block.read(STAT) & TX_FINISH
        block.write(CONFIG, 0)
        block.write(STAT, TX_FINISH)


def test_only_receiving_as_a_master(block):
    block.answer(bytes(range(100)))
    block.write(CTRL, MASTER)
    block.write(CONFIG, 100 << 20 | 0b1010)
    assert drain(block) == bytes(range(100))
    assert block.read(STAT) & RX_FINISH


class Echo(SpiDevice):
    """Sends the byte before, and notes when it is selected."""

    def __init__(self, services):
        super().__init__(services)
        self.last, self.seen = 0x55, []

    def select(self, selected):
        self.seen.append(selected)

    def exchange(self, byte):
        self.last, last = byte, self.last
        return last


def test_a_device_is_selected_for_as_long_as_a_transfer_lasts(block):
    echo = BlockBench().make(Echo, "echo")
    block.attach(echo, None)
    block.write(CTRL, MASTER)
    for byte in (1, 2):
        block.write(DAT, byte)
    block.write(CONFIG, 3 << 20 | 3 << 8 | 0b11)
    assert echo.seen == [True] and drain(block) == b"\x55\x01"
    block.write(DAT, 3)
    assert echo.seen == [True] and drain(block) == b"\x02"
    block.write(CONFIG, 0)
    assert echo.seen == [True, False]
    block.write(CONFIG, 1 << 8 | 0b01)
    block.write(DAT, 4)
    block.write(CTRL, 0)
    assert echo.seen == [True, False, True, False], "and not while the block is off"


def test_a_pin_selects_the_device_that_hangs_at_its_number(block):
    near, far = BlockBench().make(Echo, "near"), BlockBench().make(Echo, "far")
    block.attach(near, 15)
    block.attach(far, 20)
    for pin in (15, 20):
        block.set_input(pin, True)
    block.set_input(20, False)
    block.write(CTRL, MASTER)
    block.write(DAT, 9)
    block.write(CONFIG, 1 << 20 | 1 << 8 | 0b11)
    assert drain(block) == b"\x55" and (near.last, far.last) == (0x55, 9)
    block.set_input(20, True)
    assert (near.seen, far.seen) == ([], [True, False])


def test_a_slave_receives(block):
    irq = levels(block)
    block.write(CTRL, 1 << 23 | 1 << 16)
    block.receive(b"hi")
    assert irq == [True] and drain(block) == b"hi"
    block.write(STAT, 1 << 10)
    assert irq == [True, False]


def test_overflows_are_flagged(block):
    irq = levels(block)
    block.write(CTRL, 1 << 23 | 1 << 4 | 1 << 5)
    block.receive(bytes(65))
    assert block.read(STAT) & 1 << 12 and len(drain(block)) == 64
    for _ in range(65):
        block.write(DAT, 0)
    assert block.read(STAT) & 1 << 11
    block.write(STAT, 3 << 11 | 3 << 16)
    assert block.read(STAT) & TX_WRITABLE and irq == [True, False]


def test_reset():
    def use(_bench, block):
        block.answer(b"1234")
        block.write(CTRL, MASTER | 0xF0)
        block.write(CONFIG, 9 << 8 | 0b0111)
        block.write(DAT, 1)
        block.receive(b"x")

    assert_reset_gives_fresh(Spi, use)
