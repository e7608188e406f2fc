"""PWM: settings are kept, commands finish."""

from bk7238.peripherals.pwm import LegacyPwm, PwmGroup
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def test_settings_are_kept_and_commands_finish():
    block = BlockBench().make(PwmGroup)
    block.write(0x00, 0x0000_8F8F)
    assert block.read(0x00) == 0x0000_0F0F
    for offset in range(0x04, 0x24, 4):
        block.write(offset, 0x1000 + offset)
    assert [block.read(offset) for offset in range(0x04, 0x24, 4)] == list(range(0x1004, 0x1024, 4))
    block.write(0x24, 3)
    assert block.read(0x24) == block.read(0x28) == block.read(0x2C) == 0


def test_the_boot_loader_may_write_the_old_block():
    bench = BlockBench()
    block = bench.make(LegacyPwm)
    for offset in (0x00, 0x08, 0x0C):
        block.write(offset, 0x77)
    assert block.read(0x08) == 0x77 and bench.log.unclaimed_offsets == []


def test_reset():
    assert_reset_gives_fresh(PwmGroup, lambda _bench, block: block.write(0x04, 5))
    assert_reset_gives_fresh(LegacyPwm, lambda _bench, block: block.write(0x08, 5))
