"""The always-on part has its tests with system control, through whose addresses it is reached."""

import pytest

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.system_control import SystemControl
from bk7238.testing.block import BlockBench, levels


def test_only_a_watchdog_reset_leaves_the_flag():
    block = BlockBench().make(SystemControl)
    assert not block.always_on.SW_RETENTION.wdt_rst_flag
    block.reset(ResetKind.WATCHDOG)
    assert block.always_on.SW_RETENTION.wdt_rst_flag


SLEEP, ROSC_TIMER, GPIO_EN, GPIO_TYPE, GPIO_STATUS, TYPE_SELECT, TIMER_HIGH = (
    0x104,
    0x11C,
    0x120,
    0x124,
    0x128,
    0x138,
    0x140,
)
WAKE_UP = 32


def deeply_asleep(*writes, pins=()):
    bench = BlockBench()
    block = bench.make(SystemControl)
    for pin in pins:
        block.set_input(pin, True)
    for offset, word in (*writes, (SLEEP, 0xADC1)):
        block.write(offset, word)
    assert bench.resets == [ResetKind.DEEP_SLEEP]
    block.reset(ResetKind.DEEP_SLEEP)
    return bench, block


def test_asleep_the_cpu_waits_for_what_ends_sleep():
    bench = BlockBench()
    block = bench.make(SystemControl)
    heard = levels(block, 0)
    block.write(SLEEP, 0x4F89)
    assert bench.stopped
    block.set_input(WAKE_UP, True)
    assert not bench.stopped and heard == [True, False]


def test_the_timer_ends_deep_sleep():
    bench, block = deeply_asleep((TIMER_HIGH, 1), (ROSC_TIMER, 0x8000_0001))
    assert bench.stopped and block.always_on.wakes
    bench.clock.advance(3_072_000 - 1)
    assert bench.stopped
    bench.clock.advance(1)
    assert not bench.stopped and block.read(ROSC_TIMER) & 0x100


@pytest.mark.parametrize(
    ("kind", "edge", "before", "wakes"),
    [(0, 0, 1, 0), (1, 0, 0, 1), (0, 1, 0, 1), (1, 1, 1, 0)],
    ids=["low", "high", "rising", "falling"],
)
def test_a_pin_ends_deep_sleep(kind, edge, before, wakes):
    bench, block = deeply_asleep(
        (GPIO_TYPE, kind << 5), (TYPE_SELECT, edge << 5), (GPIO_EN, 1 << 5), pins=[5] if before else []
    )
    assert bench.stopped
    block.set_input(6, True)
    assert bench.stopped, "that pin is not enabled"
    block.set_input(5, bool(wakes))
    assert not bench.stopped and block.read(GPIO_STATUS) == 1 << 5


def test_a_level_that_is_there_lets_nobody_sleep():
    assert not deeply_asleep((GPIO_TYPE, 1), (GPIO_EN, 1), pins=[0])[0].stopped
    assert deeply_asleep((GPIO_TYPE, 1), (TYPE_SELECT, 1), (GPIO_EN, 1), pins=[0])[0].stopped


def test_what_nothing_can_wake():
    bench, block = deeply_asleep()
    assert bench.stopped and not block.always_on.wakes
    block.reset(ResetKind.POWER_ON)
    assert not block.always_on.asleep
