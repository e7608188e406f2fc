"""The always-on part has its tests with system control, through whose addresses it is reached."""

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.system_control import SystemControl
from bk7238.testing.block import BlockBench


def test_only_a_watchdog_reset_leaves_the_flag():
    block = BlockBench().make(SystemControl)
    assert not block.always_on.SW_RETENTION.wdt_rst_flag
    block.reset(ResetKind.WATCHDOG)
    assert block.always_on.SW_RETENTION.wdt_rst_flag
