"""The older converter as the SDK's driver uses it: flush, start, drain by interrupt, pause."""

import pytest

from bk7238.peripherals.adc_legacy import LegacySarAdc
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

CONFIG, DATA, CTRL_CFG, SATURATION_CFG, DAT_AFTER_STA = 0x00, 0x04, 0x08, 0x0C, 0x10
CONTINUE, STEP, CHNL_EN, INT_CLR = 3, 1, 1 << 2, 1 << 8
EMPTY, FULL = 1 << 30, 1 << 31
CONVERSION = 20
RAW_1V, RAW_2V = 0x6B8, 0xD7A


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(LegacySarAdc, raw_1v=RAW_1V, raw_2v=RAW_2V, temperature=2800)


def start(block, channel, mode=CONTINUE, filter_=0):
    block.write(CONFIG, mode | CHNL_EN | channel << 3 | INT_CLR | filter_ << 22)


def test_at_rest_flushing_ends_at_once(block):
    assert block.read(CONFIG) == EMPTY and block.read(DAT_AFTER_STA) == 0
    block.write(CONFIG, INT_CLR)
    assert block.read(CONFIG) == EMPTY, "INT_CLR is read until it is clear"


def test_samples_of_the_channel_arrive_until_it_is_paused(block, bench):
    irq = levels(block)
    block.set_sample(3, 0x123)
    start(block, 3)
    bench.clock.advance(CONVERSION)
    assert irq == [True] and not block.read(CONFIG) & EMPTY
    assert block.read(DATA) == 0x123 and block.read(DAT_AFTER_STA) == 0x123 and block.read(CONFIG) & EMPTY
    block.write(CONFIG, block.read(CONFIG) | INT_CLR)
    assert irq == [True, False]
    bench.clock.advance(CONVERSION)
    assert irq == [True, False, True], "and so on"
    block.write(CONFIG, INT_CLR)
    block.read(DAT_AFTER_STA)
    bench.clock.advance(1000)
    assert block.read(CONFIG) == EMPTY and irq[-1] is False


def test_one_step_is_one_sample(block, bench):
    start(block, 1, STEP)
    bench.clock.advance(1000)
    block.read(DAT_AFTER_STA)
    assert block.read(CONFIG) & EMPTY


def test_a_full_fifo_waits_for_the_firmware(block, bench):
    start(block, 1)
    bench.clock.advance(1000)
    assert block.read(CONFIG) & FULL and block.conversion.deadline is None
    block.read(DAT_AFTER_STA)
    assert not block.read(CONFIG) & FULL and block.conversion.deadline is not None


@pytest.mark.parametrize(("sat_ctrl", "expected"), [(0, 250), (1, 500), (2, 1000), (3, 2000)])
def test_the_saturation_stage_changes_the_width(block, bench, sat_ctrl, expected):
    block.set_sample(2, 1000)
    block.write(SATURATION_CFG, 1 << 2 | sat_ctrl)
    start(block, 2)
    bench.clock.advance(CONVERSION)
    assert block.read(DAT_AFTER_STA) == expected


def test_the_filter_sums_samples(block, bench):
    block.set_sample(2, 1000)
    start(block, 2, filter_=3)
    bench.clock.advance(CONVERSION)
    assert block.read(DAT_AFTER_STA) == 4000


def test_calibration_ends_at_once(block):
    block.write(CTRL_CFG, 1 << 8)
    assert not block.read(CTRL_CFG) & 1 << 8


def test_volts_lie_on_the_chips_line(block):
    for volts, raw in ((1, RAW_1V), (2, RAW_2V)):
        block.set_volts(1, volts)
        assert block.sample(1) == raw and block.volts(1) == volts
    assert block.sample(7) == 2800 and block.volts(0) == pytest.approx(1.65, abs=0.001)


def test_reset():
    def use(bench, block):
        block.write(SATURATION_CFG, 5)
        start(block, 1)
        bench.clock.advance(CONVERSION)

    assert_reset_gives_fresh(LegacySarAdc, use)
