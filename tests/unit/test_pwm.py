"""PWM: settings are kept, commands finish."""

from bk7238.peripherals.pwm import LegacyPwm, PwmGroup
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

RUN, INTERRUPT = 1 | 1 << 3, 1 << 4


def test_settings_are_kept_and_commands_finish():
    block = BlockBench().make(PwmGroup)
    block.write(0x00, 0x0000_8F8F)
    assert block.read(0x00) == 0x0000_0F0F
    for offset in range(0x04, 0x24, 4):
        block.write(offset, 0x1000 + offset)
    assert [block.read(offset) for offset in range(0x04, 0x24, 4)] == list(range(0x1004, 0x1024, 4))
    block.write(0x24, 3)
    assert block.read(0x24) == block.read(0x28) == block.read(0x2C) == 0


def test_the_end_of_each_period_while_its_interrupt_is_enabled():
    bench = BlockBench()
    block = bench.make(PwmGroup)
    seen, ends = levels(block), []
    block.write(0x20, 26_000)  # T4 of channel 1: a millisecond
    bench.clock.advance(300)
    block.write(0x00, RUN << 8)
    bench.clock.advance(5_500)
    assert not seen, "nobody wants to know"
    block.write(0x00, (RUN | INTERRUPT) << 8)
    for _ in range(3):
        while not block.read(0x00) >> 31:
            bench.clock.advance(1)
        ends.append(bench.clock.now)
        block.write(0x00, (RUN | INTERRUPT) << 8 | 1 << 31)
    assert ends == [6_300, 7_300, 8_300] and seen == [True, False] * 3
    block.write(0x00, RUN << 8)
    bench.clock.advance(5_000)
    assert block.read(0x00) >> 30 == 0 and len(seen) == 6


def test_the_boot_loader_may_write_the_old_block():
    bench = BlockBench()
    block = bench.make(LegacyPwm)
    for offset in (0x00, 0x08, 0x0C):
        block.write(offset, 0x77)
    assert block.read(0x08) == 0x77 and bench.log.unclaimed_offsets == []


def test_reset():
    assert_reset_gives_fresh(PwmGroup, lambda _bench, block: block.write(0x04, 5))
    assert_reset_gives_fresh(PwmGroup, lambda _bench, block: (block.write(0x10, 5), block.write(0x00, RUN | INTERRUPT)))
    assert_reset_gives_fresh(LegacyPwm, lambda _bench, block: block.write(0x08, 5))
