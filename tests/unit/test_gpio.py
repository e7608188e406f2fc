"""GPIO: levels that the firmware reads, pins that the world drives, interrupts."""

import pytest

from bk7238.peripherals.core import PinDevice, ResetKind
from bk7238.peripherals.gpio import Gpio
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

INTEN, INTLV0, INTLV1, INTSTA = 0x84, 0x88, 0x8C, 0x90
INPUT, PULL_UP, PULL_DOWN, OUTPUT_LOW, OUTPUT_HIGH = 0x0C, 0x3C, 0x2C, 0x00, 0x02


@pytest.fixture
def block():
    return BlockBench().make(Gpio)


@pytest.mark.parametrize(
    ("config", "level"),
    [(PULL_UP, 1), (PULL_DOWN, 0), (INPUT, 0), (OUTPUT_LOW, 0), (OUTPUT_HIGH, 1), (0x48, 0), (0x78, 1), (0x08, 0)],
)
def test_an_undriven_pin_follows_its_configuration(block, config, level):
    block.write(11 * 4, config)
    assert block.read(11 * 4) == config | level


def test_the_world_wins_over_pulls_and_can_let_go(block):
    block.write(0, PULL_UP)
    block.set_pin(0, False)
    assert block.read(0) & 1 == 0
    block.set_pin(0, None)
    assert block.read(0) & 1 == 1


def test_the_world_sees_changes(block):
    seen = []
    block.changed.connect(lambda pin, level: seen.append((pin, level)))
    block.write(26 * 4, OUTPUT_HIGH)
    block.write(26 * 4, OUTPUT_HIGH)
    block.write(26 * 4, OUTPUT_LOW)
    block.write(26 * 4, OUTPUT_HIGH)
    block.reset(ResetKind.WATCHDOG)
    assert seen == [(26, 1), (26, 0), (26, 1), (26, 0)]


class Probe(PinDevice):
    """Notes the levels of its pin."""

    def __init__(self, services):
        super().__init__(services)
        self.seen = []

    def level_changed(self, level):
        self.seen.append(level)


def test_a_device_sees_its_pin_and_drives_it(block):
    probe, wire = BlockBench().make(Probe, "probe"), levels(block, 26)
    probe.drive(True)  # it hangs nowhere yet
    block.attach(probe, 26)
    assert probe.level == 0
    block.write(26 * 4, OUTPUT_HIGH)
    block.write(25 * 4, OUTPUT_HIGH)
    probe.drive(False)
    assert block.read(26 * 4) & 1 == 0 and probe.level == 0
    probe.drive(None)
    assert probe.seen == wire == [True, False, True]


def test_what_the_world_drives_stays_through_a_reset(block):
    block.set_pin(8, True)
    block.reset(ResetKind.POWER_ON)
    assert block.read(8 * 4) & 1 and block.level(8) == 1


@pytest.mark.parametrize(("mode", "before", "after"), [(2, False, True), (3, True, False)])
def test_edges(block, mode, before, after):
    irq = levels(block)
    block.set_pin(20, before)
    block.write(INTLV1, mode << 8)
    block.write(INTEN, 1 << 20)
    block.set_pin(20, before)
    assert irq == []
    block.set_pin(20, after)
    assert irq == [True] and block.read(INTSTA) == 1 << 20
    block.write(INTSTA, 1 << 20)
    assert irq == [True, False]
    block.set_pin(20, before)
    assert irq == [True, False], "the other edge"


@pytest.mark.parametrize(("mode", "active"), [(0, False), (1, True)])
def test_levels_come_back_while_they_last(block, mode, active):
    irq = levels(block)
    block.set_pin(7, not active)
    block.write(INTLV0, mode << 14)
    block.write(INTEN, 1 << 7)
    assert irq == []
    block.set_pin(7, active)
    block.write(INTSTA, 1 << 7)
    assert irq == [True] and block.read(INTSTA) == 1 << 7
    block.set_pin(7, not active)
    block.write(INTSTA, 1 << 7)
    assert irq == [True, False] and block.read(INTSTA) == 0


def test_a_disabled_pin_interrupts_nobody(block):
    irq = levels(block)
    block.write(INTLV0, 2)
    block.set_pin(0, True)
    assert irq == [] and block.read(INTSTA) == 0


def test_reset():
    def use(_bench, block):
        for pin in range(32):
            block.write(pin * 4, OUTPUT_HIGH)
        block.write(INTLV0, 0x5555_5555)
        block.write(INTEN, 0xFF)

    assert_reset_gives_fresh(Gpio, use, {ResetKind.DEEP_SLEEP: {"CONFIG", "levels", "outputs"}})


def test_levels_after_a_reset_are_those_of_a_fresh_block(block):
    block.write(4, OUTPUT_HIGH)
    block.reset(ResetKind.POWER_ON)
    assert block.levels == BlockBench().make(Gpio).levels
