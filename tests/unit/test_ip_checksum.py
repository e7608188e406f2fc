"""IP checksum of the BK7252N: what lwIP counts itself, whatever the address and the length."""

from hypothesis import given
from hypothesis import strategies as st

from bk7238.peripherals.ip_checksum import IpChecksum
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

BASE, LENGTH, START, VALID, DATA, INT = range(0, 0x18, 4)


def lwip(data):
    """The sum of 16-bit words, the first byte the lower, with its carries added again."""
    total = sum(data[::2]) + (sum(data[1::2]) << 8)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(st.binary(max_size=200), st.integers(0, 3))
def test_it_counts_as_lwip_does(data, offset):
    bench = BlockBench()
    block = bench.make(IpChecksum)
    irq = levels(block)
    bench.bus.write(0x400000 + offset, data)
    block.write(BASE, 0x400000 + offset)
    block.write(LENGTH, len(data))
    assert block.read(VALID) == 0
    block.write(START, 1)
    assert (block.read(VALID), block.read(DATA)) == (1, lwip(data)) and irq == [True]
    block.write(INT, 1)
    assert irq == [True, False]


def test_reset():
    def use(_bench, block):
        block.write(LENGTH, 4)
        block.write(START, 1)

    assert_reset_gives_fresh(IpChecksum, use)
