"""The JPEG encoder's table, in which older chips keep why they restart."""

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.jpeg import JpegEncoder
from bk7238.testing.block import BlockBench


def test_the_start_type_outlives_the_watchdog_and_no_power_cut():
    block = BlockBench().make(JpegEncoder)
    block.write(0x80, 0xBEDEAD03)
    block.reset(ResetKind.WATCHDOG)
    assert block.read(0x80) == 0xBEDEAD03
    block.reset(ResetKind.POWER_ON)
    assert block.read(0x80) == 0
