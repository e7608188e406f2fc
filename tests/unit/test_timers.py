"""Timers: the operating system's tick, its drift check, and the delays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.peripherals.timers import TimerGroup
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

CTL, READ_CTL, READ_VALUE = 0x0C, 0x10, 0x14
FLAGS = 7 << 7


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def slow(bench):
    return bench.make(TimerGroup, "slow", frequency=32_000)


def flags(block):
    return block.read(CTL) >> 7 & 7


def latch(block, index):
    block.write(READ_CTL, index << 2 | 1)
    assert block.read(READ_CTL) & 1 == 0
    return block.read(READ_VALUE)


def test_the_tick_is_exactly_two_milliseconds(bench, slow):
    irq = levels(slow)
    slow.write(0x00, 64)
    slow.write(CTL, 1)
    for tick in range(1, 501):
        bench.clock.advance(1999)
        assert flags(slow) == 0
        bench.clock.advance(1)
        assert flags(slow) == 1 and bench.clock.now == 2000 * tick
        slow.write(CTL, slow.read(CTL))
        assert flags(slow) == 0, "clearing is immediate"
    assert irq == [True, False] * 500


def test_expiries_do_not_drift(bench):
    block = bench.make(TimerGroup, frequency=26_000_000)
    block.write(0x08, 1000)
    block.write(CTL, 4)
    times = []
    while bench.clock.now < 5000:
        bench.clock.advance(1)
        if flags(block):
            times.append(bench.clock.now)
            block.write(CTL, block.read(CTL))
    assert times == [-(-n * 1000 // 26) for n in range(1, 131)]


def test_the_drift_check_of_the_sdk_lasts_15_seconds(bench):
    block = bench.make(TimerGroup, frequency=26_000_000)
    block.write(0x08, 390_000_000)
    block.write(CTL, 4)
    bench.clock.advance(14_999_999)
    assert flags(block) == 0
    bench.clock.advance(1)
    assert flags(block) == 4


def test_one_interrupt_for_all_flags(bench, slow):
    irq = levels(slow)
    for index, period in enumerate((32, 64, 96)):
        slow.write(4 * index, period)
    slow.write(CTL, 7)
    bench.clock.advance(2000)
    assert flags(slow) == 0b011
    slow.write(CTL, 7 | 1 << 7)
    assert flags(slow) == 0b010 and irq == [True]
    slow.write(CTL, 7 | 1 << 8)
    assert irq == [True, False]


def test_prescale(bench, slow):
    slow.write(0x00, 64)
    slow.write(CTL, 3 << 3 | 1)
    bench.clock.advance(7999)
    assert flags(slow) == 0
    bench.clock.advance(1)
    assert flags(slow) == 1


def test_setting_up_one_timer_leaves_the_others_alone(bench, slow):
    slow.write(0x00, 64)
    slow.write(CTL, 1)
    bench.clock.advance(1500)
    slow.write(0x04, 6400)
    slow.write(CTL, slow.read(CTL) | 2)
    bench.clock.advance(500)
    assert flags(slow) == 1


def test_counting_up_and_latching(bench, slow):
    slow.write(0x04, 100)
    slow.write(CTL, 2)
    bench.clock.advance(1000)
    assert latch(slow, 1) == 32
    bench.clock.advance(1)
    assert slow.read(READ_VALUE) == 32, "latched"
    bench.clock.advance(2999)
    assert latch(slow, 1) == 28
    assert latch(slow, 0) == 0


def test_disabled_and_enabled_again_it_starts_over(bench, slow):
    slow.write(0x00, 64)
    slow.write(CTL, 1)
    bench.clock.advance(1900)
    slow.write(CTL, 0)
    assert latch(slow, 0) == 60
    bench.clock.advance(5000)
    assert flags(slow) == 0
    slow.write(CTL, 1)
    bench.clock.advance(1999)
    assert flags(slow) == 0
    bench.clock.advance(1)
    assert flags(slow) == 1


def test_a_new_period_starts_over(bench, slow):
    slow.write(0x00, 64)
    slow.write(CTL, 1)
    bench.clock.advance(1900)
    slow.write(0x00, 32)
    bench.clock.advance(999)
    assert flags(slow) == 0
    bench.clock.advance(1)
    assert flags(slow) == 1


def test_without_a_period_nothing_happens(bench, slow):
    slow.write(CTL, 7)
    bench.clock.advance(1_000_000)
    assert flags(slow) == 0


def test_a_switched_off_clock_stops_it_where_it_is(bench, slow):
    slow.write(0x00, 64)
    slow.write(CTL, 1)
    bench.clock.advance(1000)
    slow.set_input(0, True)
    bench.clock.advance(10_000)
    assert flags(slow) == 0 and latch(slow, 0) == 32
    slow.set_input(0, False)
    bench.clock.advance(999)
    assert flags(slow) == 0
    bench.clock.advance(1)
    assert flags(slow) == 1


def test_a_timer_set_up_while_its_clock_is_off_waits(bench, slow):
    slow.set_input(0, True)
    slow.write(0x00, 32)
    slow.write(CTL, 1)
    bench.clock.advance(5000)
    slow.set_input(0, False)
    bench.clock.advance(1000)
    assert flags(slow) == 1


def test_a_period_shorter_than_a_microsecond_does_not_hang(bench):
    block = bench.make(TimerGroup, frequency=26_000_000)
    block.write(0x00, 1)
    block.write(CTL, 1)
    bench.clock.advance(100)
    assert flags(block) == 1


@given(st.integers(26, 100_000), st.integers(1, 50), st.integers(0, 7))
def test_the_nth_expiry_is_exact(period, count, clkdiv):
    bench = BlockBench()
    block = bench.make(TimerGroup, frequency=26_000_000)
    block.write(0x00, period)
    block.write(CTL, clkdiv << 3 | 1)
    bench.clock.advance(-(-count * period * (clkdiv + 1) // 26) - 1)
    block.write(CTL, block.read(CTL))
    assert flags(block) == 0
    bench.clock.advance(1)
    assert flags(block) == 1 and latch(block, 0) < 26


def test_reset():
    def use(bench, block):
        block.write(0x00, 64)
        block.write(0x04, 65)
        block.write(CTL, 2 << 3 | 3)
        bench.clock.advance(6500)
        block.write(READ_CTL, 1)

    assert_reset_gives_fresh(TimerGroup, use, frequency=32_000)
