"""System control: what the boot code, the SDK's drivers and the calendar find there."""

import pytest

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.efuse import Efuse
from bk7238.peripherals.system_control import SystemControl
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(SystemControl)


def test_the_chip_is_known(block):
    assert block.read(0x00) == 0x7238
    assert block.read(0x04) >> 16 in (0x2112, 0x2206), "the SDK's calibration library hangs on any other"
    block.write(0x00, 0)
    assert block.read(0x00) == 0x7238


def test_another_chip_of_the_family_says_what_it_is(bench):
    block = bench.make(SystemControl, chip_id=0x7231C, device_id=0x20521028)
    for kind in ResetKind:
        block.reset(kind)
        assert (block.read(0x00), block.read(0x04)) == (0x7231C, 0x20521028)


def test_nothing_that_firmware_polls_is_busy(block):
    block.write(0x40, 0xFFFF_FFFF)
    assert block.read(0x40) & 0x7F == 0
    block.write(0x10, 0x40)
    assert block.read(0x10) & 0x40 == 0
    block.write(0x84, 0xFFFF_FFFF)
    assert block.read(0x84) & 0x8000 == 0
    block.write(0x08, 1 << 22)
    assert block.read(0x08) & 1 << 22, "the flash pins go to SPI at once"


def test_analog_registers_read_back(block):
    for index in range(7):
        block.write(0x58 + 4 * index, 0x8110_5B57 + index)
    assert [block.read(0x58 + 4 * index) for index in range(7)] == [0x8110_5B57 + index for index in range(7)]


def test_efuse_is_read_and_burnt_byte_by_byte(block):
    block.write(0x74, 5 << 8 | 1)
    assert block.read(0x74) & 1 == 0 and block.read(0x78) == 0x100
    block.write(0x74, 0xA0 << 16 | 5 << 8 | 3)
    block.write(0x74, 0x05 << 16 | 5 << 8 | 3)
    block.write(0x74, 5 << 8 | 1)
    assert block.read(0x78) == 0x1A5, "a burnt bit stays burnt"
    block.write(0x74, 6 << 8)
    assert block.read(0x78) == 0x1A5, "without the enable bit nothing is read"


@pytest.mark.parametrize("kind", list(ResetKind))
def test_efuse_outlives_every_reset(block, kind):
    block.efuse.program(3, 0xFF)
    block.reset(kind)
    assert block.efuse == Efuse(bytearray([0, 0, 0, 0xFF] + [0] * 28))


def test_a_watchdog_reset_leaves_its_mark_and_the_retention_bits(block):
    block.write(0x150, 0x0001)
    block.reset(ResetKind.WATCHDOG)
    assert block.read(0x150) == 0x1_0001
    block.write(0x150, block.read(0x150))
    assert block.read(0x150) == 0x0001, "writing the mark back clears it"
    block.reset(ResetKind.WATCHDOG)
    block.reset(ResetKind.POWER_ON)
    assert block.read(0x150) == 0


def test_no_wake_up_is_reported(block):
    block.write(0x128, 0xFFFF_FFFF)
    assert block.read(0x128) == 0 and block.read(0x11C) & 0x100 == 0


def test_block_enables_need_their_word(block):
    block.write(0x12C, 0xA5C0_002A)
    assert block.read(0x12C) == 0x2A
    block.write(0x12C, 0x0000_0001)
    assert block.read(0x12C) == 0x2A


def test_power_status_follows_the_power_words(block):
    block.write(0x10C, 0xD802_0001)
    block.write(0x114, 0xDB1E_0000)
    assert block.read(0x118) == 0b11000
    block.write(0x10C, 0x0001_D802)
    block.write(0x114, 0)
    assert block.read(0x118) == 0b00100


def test_calendar_counts_32_khz_from_its_start(block, bench):
    bench.clock.advance(500)
    block.write(0x154, 1_000)
    block.write(0x158, 1)
    bench.clock.advance(2_500_000 + 32)
    assert (block.read(0x15C), block.read(0x160)) == (1_002, 16_001)
    bench.clock.advance(30)
    assert block.read(0x160) == 16_001, "two reads in a row agree"
    block.reset(ResetKind.WATCHDOG)
    assert block.read(0x15C) == 1_002
    block.write(0x158, 0)
    assert (block.read(0x15C), block.read(0x160)) == (1_000, 0)


def test_sleep_at_low_voltage_is_refused_aloud_and_once(block, bench):
    block.write(0x104, 0x0012_B706)
    block.write(0x104, 0x0012_B706)
    assert len(bench.log.messages) == 1 and "low voltage" in bench.log.messages[0] and not bench.stopped


def test_start_up_touches_nothing_unknown(block, bench):
    for offset in (0, 4, 8, 0xC, 0x10, 0x1C, 0x20, 0x24, 0x28, 0x30, 0x40, 0x74, 0x78, 0x84, *range(0x58, 0x74, 4)):
        block.read(offset)
    for offset in (0x100, 0x104, 0x108, 0x10C, 0x11C, 0x128, 0x12C, 0x130, 0x13C, 0x150, 0x154, 0x158):
        block.read(offset)
    assert bench.log.unclaimed_offsets == []


def test_reset():
    def use(bench, block):
        for offset in (0x08, 0x5C, 0x104, 0x12C, 0x130, 0x150, 0x154, 0x158, 0x1F0):
            block.write(offset, 0xA5C0_4F89)
        block.write(0x120, 1)
        block.set_input(3, True)
        block.write(0x74, 0xFF << 16 | 3)
        block.write(0x74, 1)
        bench.clock.advance(100)

    always = {"efuse", "always_on.levels"}
    aon = {*always, "SW_RETENTION", "CAL_CONFIG", "CAL_ENABLE", "always_on.calendar_start"}
    pins = {f"GPIO_WAKEUP_{name}" for name in ("EN", "TYPE", "INT_STATUS", "TYPE_SELECT")}
    asleep = {
        *aon,
        *pins,
        "ROSC_TIMER",
        "ROSC_TIMER_H",
        *(f"always_on.{name}" for name in ("rosc_ends", "asleep", "slept_at")),
    }
    kept = {ResetKind.POWER_ON: always, ResetKind.WATCHDOG: aon, ResetKind.DEEP_SLEEP: asleep}
    assert_reset_gives_fresh(SystemControl, use, kept)
