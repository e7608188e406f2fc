"""The always-on part has its tests with system control, through whose addresses it is reached."""

from bk7238.peripherals.always_on import AlwaysOn
from bk7238.peripherals.core import ResetKind
from bk7238.testing.block import BlockBench


def test_only_a_watchdog_reset_leaves_the_flag():
    block = BlockBench().make(AlwaysOn)
    assert not block.SW_RETENTION.wdt_rst_flag
    block.reset(ResetKind.WATCHDOG)
    assert block.SW_RETENTION.wdt_rst_flag
