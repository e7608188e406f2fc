"""Bluetooth: what start-up waits for."""

import pytest

from bk7238.peripherals.ble import BleCore, BleCore42, BleCore51, BleRadio
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def test_resets_are_done_at_once():
    block = BlockBench().make(BleCore)
    block.write(0x00, 0xF000_0040)
    assert block.read(0x00) == 0x40
    assert block.read(0x04) >> 24 == 0x0B


@pytest.mark.parametrize(
    ("core", "clock", "sampled"),
    [(BleCore, 0x100, (3200, 624 - 200)), (BleCore51, 0xF8, (3200, 624 - 200)), (BleCore42, 0x1C, (1600, 624 - 100))],
)
def test_slot_clock(core, clock, sampled):
    bench = BlockBench()
    block = bench.make(core)
    bench.clock.advance(1_000_100)
    assert block.read(clock) == 0, "not sampled yet"
    block.write(clock, 1 << 31)
    assert (block.read(clock), block.read(clock + 4)) == sampled
    bench.clock.advance(1000)
    assert block.read(clock) == sampled[0], "sampled"


def test_the_resets_of_the_older_core_are_done_at_once():
    block = BlockBench().make(BleCore42)
    block.write(0x00, 0xF000_0140)
    assert block.read(0x00) == 0x140


def test_encryption_ends():
    block = BlockBench().make(BleCore)
    block.write(0xB0, 1)
    assert block.read(0xB0) == 0


def test_the_radio_keeps_what_it_is_told():
    bench = BlockBench()
    block = bench.make(BleRadio)
    block.write(0x24, 5)
    assert block.read(0x24) == 5 and bench.log.unclaimed_offsets == []


def test_reset():
    def use(bench, block):
        block.write(0x18, 0xFF)
        bench.clock.advance(5000)
        block.write(0x100, 1 << 31)

    assert_reset_gives_fresh(BleCore, use)
    assert_reset_gives_fresh(BleRadio, lambda _bench, block: block.write(0x24, 5))
