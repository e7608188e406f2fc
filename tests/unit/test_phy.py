"""The modem's registers: plain storage."""

from bk7238.peripherals.phy import Phy
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def test_words_are_kept():
    bench = BlockBench()
    block = bench.make(Phy)
    assert block.read(0xA000) == 0
    block.write(0xA000, 0xCAFE_F00D)
    assert block.read(0xA000) == 0xCAFE_F00D and bench.log.unclaimed_offsets == []


def test_reset():
    assert_reset_gives_fresh(Phy, lambda _bench, block: block.write(0x2000, 1))
