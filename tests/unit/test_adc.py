"""The converter as the SDK's driver uses it: start, drain by interrupt, pause."""

import pytest

from bk7238.peripherals.adc import SarAdc
from bk7238.peripherals.core import ResetKind
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

CONFIG0, CONFIG2, STATE, DATA = 0x00, 0x08, 0x0C, 0x10
ENABLES, FLAGS = 1 << 3 | 1 << 14 | 1 << 16, 1 << 4 | 1 << 15 | 1 << 17
EMPTY, FULL = 1 << 30, 1 << 31
CONVERSION = 20


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(SarAdc)


def test_idle_the_fifo_is_empty_and_no_flag_stands(block):
    assert block.read(STATE) == EMPTY and block.read(DATA) == 0


def test_samples_of_the_chosen_channel_arrive(block, bench):
    irq = levels(block)
    block.set_sample(3, 0x123)
    block.write(CONFIG2, 3)
    block.write(CONFIG0, 1)
    bench.clock.advance(1000)
    assert irq == [], "not before an interrupt is enabled"
    block.write(STATE, block.read(STATE) | ENABLES)
    bench.clock.advance(CONVERSION)
    assert irq == [True] and not block.read(STATE) & EMPTY
    assert block.read(DATA) == 0x123 and block.read(STATE) & EMPTY
    block.write(STATE, block.read(STATE) | FLAGS)
    assert not block.read(STATE) & FLAGS and irq == [True, False]
    bench.clock.advance(CONVERSION)
    assert irq == [True, False, True], "and so on"


def test_a_paused_converter_stays_empty(block, bench):
    block.write(CONFIG0, 1)
    block.write(STATE, ENABLES)
    bench.clock.advance(3 * CONVERSION)
    block.write(STATE, FLAGS)
    while not block.read(STATE) & EMPTY:
        block.read(DATA)
    bench.clock.advance(1000)
    assert block.read(STATE) == EMPTY


def test_a_full_fifo_waits_for_the_firmware(block, bench):
    block.write(CONFIG0, 1)
    block.write(STATE, ENABLES)
    bench.clock.advance(1_000_000)
    assert block.read(STATE) & FULL
    block.read(DATA)
    bench.clock.advance(CONVERSION - 1)
    assert not block.read(STATE) & FULL
    bench.clock.advance(1)
    assert block.read(STATE) & FULL


def test_the_worlds_values_stay_through_a_reset(block, bench):
    block.set_sample(0, 99)
    block.reset(ResetKind.POWER_ON)
    block.write(CONFIG0, 1)
    block.write(STATE, ENABLES)
    bench.clock.advance(CONVERSION)
    assert block.read(DATA) == 99


def test_reset():
    def use(bench, block):
        block.write(CONFIG0, 1)
        block.write(STATE, ENABLES)
        bench.clock.advance(3 * CONVERSION)

    assert_reset_gives_fresh(SarAdc, use)
