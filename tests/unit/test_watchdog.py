"""The watchdog: fed, gated, expired."""

import pytest

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.watchdog import Watchdog
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(Watchdog)


def set_period(block, period):
    block.write(0, 0x5A << 16 | period)
    block.write(0, 0xA5 << 16 | period)


def test_it_resets_the_chip_after_its_period(block, bench):
    set_period(block, 5)
    assert block.read(0) == 5
    bench.clock.advance(4_999)
    assert bench.resets == []
    bench.clock.advance(1)
    assert bench.resets == [ResetKind.WATCHDOG]
    bench.clock.advance(100_000)
    assert bench.resets == [ResetKind.WATCHDOG]


def test_feeding_starts_over(block, bench):
    set_period(block, 10)
    for _ in range(10):
        bench.clock.advance(9_999)
        set_period(block, block.read(0))
    assert bench.resets == []


def test_period_zero_stands_still(block, bench):
    set_period(block, block.read(0))
    bench.clock.advance(100_000_000)
    set_period(block, 10)
    set_period(block, 0)
    bench.clock.advance(100_000_000)
    assert bench.resets == []


def test_both_keys_in_order_are_needed(block, bench):
    block.write(0, 0xA5 << 16 | 5)
    block.write(0, 0x5A << 16 | 5)
    block.write(0, 5)
    block.write(0, 0xA5 << 16 | 5)
    bench.clock.advance(100_000)
    assert block.read(0) == 0 and bench.resets == []


def test_without_clock_it_stands_still(block, bench):
    set_period(block, 10)
    bench.clock.advance(4_000)
    block.set_input(0, True)
    bench.clock.advance(1_000_000)
    block.set_input(0, False)
    bench.clock.advance(5_999)
    assert bench.resets == []
    bench.clock.advance(1)
    assert bench.resets == [ResetKind.WATCHDOG]


def test_the_reboot_of_the_sdk(block, bench):
    set_period(block, 10_000)
    block.set_input(0, True)
    bench.clock.advance(100_000)
    set_period(block, 5)
    bench.clock.advance(100_000)
    assert bench.resets == []
    block.set_input(0, False)
    bench.clock.advance(5_000)
    assert bench.resets == [ResetKind.WATCHDOG]


def test_reset():
    def use(bench, block):
        set_period(block, 50)
        block.write(0, 0x5A << 16)
        bench.clock.advance(10)

    assert_reset_gives_fresh(Watchdog, use)
