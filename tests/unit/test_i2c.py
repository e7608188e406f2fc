"""I2C as the SDK's interrupt handlers drive it: an empty bus, and a device that notes what it is told."""

import pytest

from bk7238.peripherals.core import I2cDevice
from bk7238.peripherals.i2c import I2c, I2c2
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

ON, START, STOP, ACK, SENDING, FLAG, ACKNOWLEDGED, BUSY = (1 << bit for bit in (0, 1, 2, 3, 4, 16, 17, 19))


class Slave(I2cDevice):
    """Acknowledges `limit` bytes, and sends numbers from 10 on."""

    def __init__(self, services):
        super().__init__(services)
        self.told, self.limit, self.next = [], 99, 10

    def start(self, reading):
        self.told.append("read" if reading else "write")
        return True

    def write_byte(self, byte):
        self.told.append(byte)
        self.limit -= 1
        return self.limit >= 0

    def read_byte(self):
        self.next += 1
        return self.next - 1

    def stop(self):
        self.told.append("stop")


def on_a_bus(kind):
    bench = BlockBench()
    block, slave = bench.make(kind), bench.make(Slave, "slave")
    block.attach(slave, 0x50)
    return block, slave


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


def test_i2c1_waits_until_the_flag_is_written_as_zero():
    block, slave = on_a_bus(I2c)
    block.write(0x04, 0xA0)
    block.write(0x00, ON | START | SENDING)
    block.write(0x04, 1)
    for _ in range(2):  # handlers write the flag back as they read it, while they are not done
        block.write(0x00, block.read(0x00) & ~START)
    assert slave.told == ["write"]
    block.write(0x00, block.read(0x00) & ~FLAG)
    assert slave.told == ["write", 1] and block.read(0x00) & FLAG


def test_i2c1_writes_an_inner_address_and_reads_behind_a_repeated_start():
    """As the SDK's i2c1_isr goes through a read of three bytes."""
    block, slave = on_a_bus(I2c)
    irq = levels(block)
    block.write(0x04, 0xA0)
    block.write(0x00, ON | SENDING)
    block.write(0x00, ON | SENDING | START)
    assert block.read(0x00) & ACKNOWLEDGED
    block.write(0x04, 0x12)
    block.write(0x00, block.read(0x00) & ~(START | STOP | FLAG))
    block.write(0x04, 0xA1)
    block.write(0x00, (block.read(0x00) | START) & ~FLAG)
    assert block.read(0x00) & ACKNOWLEDGED and slave.told == ["write", 0x12, "read"]
    block.write(0x00, (block.read(0x00) | ACK) & ~(START | SENDING | FLAG))
    got = [block.read(0x04)]
    block.write(0x00, (block.read(0x00) | ACK) & ~FLAG)
    got.append(block.read(0x04))
    block.write(0x00, (block.read(0x00) | ACK) & ~FLAG)
    got.append(block.read(0x04))
    block.write(0x00, (block.read(0x00) | STOP) & ~(ACK | FLAG))
    assert got == [10, 11, 12] and slave.told[-1] == "stop" and irq == [True, False]
    assert not block.read(0x00) & (BUSY | STOP)


def test_i2c1_says_which_byte_was_not_acknowledged():
    block, slave = on_a_bus(I2c)
    slave.limit = 1
    block.write(0x04, 0xA0)
    block.write(0x00, ON | SENDING | START)
    seen = []
    for byte in (1, 2):
        block.write(0x04, byte)
        block.write(0x00, ON | SENDING)
        seen.append(bool(block.read(0x00) & ACKNOWLEDGED))
    assert seen == [True, False]


def test_i2c1_reads_no_further_than_it_acknowledges():
    block, slave = on_a_bus(I2c)
    block.write(0x04, 0xA1)
    block.write(0x00, ON | SENDING | START)
    block.write(0x00, ON)
    block.write(0x00, ON)
    assert slave.next == 11 and not block.read(0x00) & FLAG
    block.write(0x00, 0)
    assert slave.told == ["read", "stop"], "switching it off lets go of the bus"


SI, ACK2, STOP2, START2 = 1 << 0, 1 << 8, 1 << 9, 1 << 10


def test_i2c2_sends_what_its_fifo_holds():
    block, slave = on_a_bus(I2c2)
    block.write(0x00, 1 << 31)
    block.write(0x08, 0xA0)
    block.write(0x04, START2)
    status = block.read(0x04)
    assert status & SI and status & ACK2 and status & 1 << 13
    for byte in range(17):
        block.write(0x08, byte)
    assert block.read(0x04) & 1 << 5, "full"
    block.write(0x04, status & ~(SI | START2))
    assert slave.told == ["write", *range(16)]
    block.write(0x04, (block.read(0x04) | STOP2) & ~SI)
    assert slave.told[-1] == "stop" and not block.read(0x04) & (SI | STOP2 | 1 << 13 | 1 << 15)


@pytest.mark.parametrize(("mode", "count"), [(0, 12), (1, 8), (2, 4), (3, 1)])
def test_i2c2_receives_as_many_as_its_mode_says(mode, count):
    block, slave = on_a_bus(I2c2)
    block.write(0x00, 1 << 31)
    block.write(0x08, 0xA1)
    block.write(0x04, START2 | mode << 6)
    assert slave.next == 10 and block.read(0x04) & 1 << 4
    block.write(0x04, (block.read(0x04) | ACK2) & ~(SI | START2))
    assert slave.next == 10 + count and not block.read(0x04) & 1 << 4
    assert [block.read(0x08) for _ in range(count)] == [*range(10, 10 + count)] and block.read(0x04) & 1 << 4
    block.write(0x04, (block.read(0x04) | STOP2) & ~(SI | ACK2))
    assert slave.next == 10 + count and slave.told == ["read", "stop"]


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
    assert_reset_gives_fresh(I2c, lambda _bench, block: block.write(0x00, 3))

    def use(_bench, block):
        block.write(0x00, 1 << 31)
        block.write(0x04, 1 << 10)

    assert_reset_gives_fresh(I2c2, use)
