"""The infrared receiver, which nothing is sent to."""

from bk7238.peripherals.irda import Irda
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def test_settings_are_kept_and_nothing_arrives():
    block = BlockBench().make(Irda)
    block.write(0x00, 0x0012_3401)
    block.write(0x04, 0x3F)
    assert block.read(0x00) == 0x0012_3401 and block.read(0x04) == 0x3F
    assert block.read(0x08) == block.read(0x0C) == 0


def test_reset():
    assert_reset_gives_fresh(Irda, lambda _bench, block: block.write(0, 1))
