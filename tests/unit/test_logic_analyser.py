"""The scratch word that the boot loader leaves for the application."""

from bk7238.peripherals.logic_analyser import LogicAnalyser
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def test_the_word_is_kept():
    bench = BlockBench()
    block = bench.make(LogicAnalyser)
    block.write(0x04, 0x1234)
    block.write(0x10, 7)
    assert block.read(0x04) == 0x1234 and block.read(0x10) == 7 and bench.log.unclaimed_offsets == []


def test_reset():
    assert_reset_gives_fresh(LogicAnalyser, lambda _bench, block: block.write(0x04, 1))
