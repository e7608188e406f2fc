"""Interrupt controller: levels in, two lines out."""

import pytest

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.interrupt_controller import InterruptController
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

ENABLE, GLOBAL, RAW, STATUS, CLOCKS = 0x40, 0x44, 0x48, 0x4C, 0x08
TIMER, MAC_GENERAL = 8, 22


@pytest.fixture
def block():
    return BlockBench().make(InterruptController)


def test_low_sources_make_irq_and_high_ones_fiq(block):
    irq, fiq = levels(block, 0), levels(block, 1)
    block.write(ENABLE, 1 << TIMER | 1 << MAC_GENERAL)
    block.write(GLOBAL, 3)
    block.set_input(TIMER, True)
    assert (irq, fiq) == ([True], [])
    block.set_input(MAC_GENERAL, True)
    block.set_input(TIMER, False)
    assert (irq, fiq) == ([True, False], [True])
    assert block.read(RAW) == block.read(STATUS) == 1 << MAC_GENERAL


def test_masks(block):
    irq = levels(block, 0)
    block.set_input(TIMER, True)
    assert block.read(RAW) == 1 << TIMER and block.read(STATUS) == 0
    block.write(GLOBAL, 3)
    block.write(ENABLE, 1)
    assert irq == []
    block.write(ENABLE, 1 << TIMER)
    assert irq == [True] and block.read(STATUS) == 1 << TIMER
    block.write(GLOBAL, 2)
    assert irq == [True, False]


def test_writing_status_back_clears_nothing(block):
    block.write(ENABLE, 1 << MAC_GENERAL)
    block.write(GLOBAL, 3)
    block.set_input(MAC_GENERAL, True)
    block.write(STATUS, 1 << MAC_GENERAL)
    block.write(RAW, 1 << MAC_GENERAL)
    assert block.read(STATUS) == 1 << MAC_GENERAL and block.cpu_fiq.value


def test_clock_switches_leave_as_wires(block):
    watchdog, timers = levels(block, 32 + 8), levels(block, 32 + 20)
    block.write(CLOCKS, 1 << 8)
    block.write(CLOCKS, 1 << 20)
    assert (watchdog, timers) == ([True, False], [True])


def test_reset():
    def use(_bench, block):
        block.set_input(3, True)
        for offset in (0x00, CLOCKS, ENABLE, GLOBAL, 0x50):
            block.write(offset, 0xFFFF_FFFF)

    kept = {kind: {"INT_RAW_STATUS"} for kind in ResetKind}  # the levels are the sources'
    assert_reset_gives_fresh(InterruptController, use, kept)
