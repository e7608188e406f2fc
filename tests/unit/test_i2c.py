"""I2C on an empty bus: a driver learns that nobody is there, and does not hang."""

from bk7238.peripherals.i2c import I2c, I2c2
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels


def test_i2c1_start_ends_unacknowledged():
    block = BlockBench().make(I2c)
    irq = levels(block)
    block.write(0x04, 0x50 << 1)
    block.write(0x00, 1 | 1 << 1 | 1 << 4)
    config = block.read(0x00)
    assert config & 1 << 16 and not config & 1 << 17 and config & 1 << 19 and irq == [True]
    stop = config & ~2 | 4
    block.write(0x00, stop)
    block.write(0x00, stop & ~(1 << 16))
    assert not block.read(0x00) & (1 << 16 | 1 << 19) and irq == [True, False]
    block.write(0x00, 1 | 1 << 1)
    assert irq == [True, False, True], "the next start"


def test_i2c1_does_nothing_while_disabled():
    block = BlockBench().make(I2c)
    block.write(0x00, 1 << 1)
    assert not block.read(0x00) & 1 << 16


def test_i2c2_start_ends_unacknowledged():
    block = BlockBench().make(I2c2)
    irq = levels(block)
    block.write(0x00, 1 << 31)
    block.write(0x08, 0x50 << 1)
    block.write(0x04, 1 << 10 | 1 << 13)
    status = block.read(0x04)
    assert status & 1 and not status & 1 << 8 and status & 1 << 15 and irq == [True]
    block.write(0x04, (status & ~(1 << 10) | 1 << 9) & ~1)
    assert not block.read(0x04) & (1 | 1 << 9 | 1 << 15) and irq == [True, False]


def test_reset():
    assert_reset_gives_fresh(I2c, lambda bench, block: block.write(0x00, 3))

    def use(bench, block):
        block.write(0x00, 1 << 31)
        block.write(0x04, 1 << 10)

    assert_reset_gives_fresh(I2c2, use)
