"""GDMA: the copy that the Wi-Fi driver waits for, and the ways round it."""

import pytest

from bk7238.peripherals.gdma import Gdma, Gdma12
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels

CONF, DST, SRC, DST_LOOP_END, DST_LOOP, SRC_LOOP_END, SRC_LOOP, REQUESTS = range(0, 0x20, 4)
STATUS, COUNTS = 0xE0, 0xC0
ENABLE, FIN_INT, BOTH_INCREMENT = 1, 2, 3 << 8


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(Gdma)


def start(block, source, target, length, conf=BOTH_INCREMENT, channel=0):
    at = 0x20 * channel
    block.write(at + DST, target)
    block.write(at + SRC, source)
    block.write(at + CONF, length - 1 << 16 | conf)
    block.write(at + CONF, length - 1 << 16 | conf | ENABLE)


@pytest.mark.parametrize("length", [1, 3, 64, 1514, 65536])
def test_memory_copies_are_done_at_once(block, bench, length):
    data = bytes(i % 251 for i in range(length))
    bench.bus.write(0x400001, data)
    start(block, 0x400001, 0x420003, length)
    assert block.read(CONF) & ENABLE == 0
    assert bench.bus.read(0x420003, length) == data
    assert bench.bus.read(0x420003 + length, 1) == b"\0"


def test_nothing_is_copied_before_the_channel_is_enabled(block, bench):
    bench.bus.write(0x400000, b"abcd")
    block.write(DST, 0x420000)
    block.write(SRC, 0x400000)
    block.write(CONF, 3 << 16 | BOTH_INCREMENT)
    assert bench.bus.read(0x420000, 4) == bytes(4)


def test_the_interrupt_if_enabled(block):
    irq = levels(block)
    start(block, 0x400000, 0x420000, 4, channel=5)
    assert irq == [] and block.read(STATUS) == 0
    start(block, 0x400000, 0x420000, 4, BOTH_INCREMENT | FIN_INT, channel=5)
    start(block, 0x400000, 0x420000, 4, BOTH_INCREMENT | FIN_INT, channel=1)
    assert irq == [True] and block.read(STATUS) == 1 << 5 | 1 << 1
    block.write(STATUS, 1 << 5)
    block.write(STATUS, 1 << 1)
    assert irq == [True, False]
    assert block.read(COUNTS + 4 * 5) >> 24 & 0xF == 2 and block.read(COUNTS) == 0


def test_a_fixed_source_fills(block, bench):
    bench.bus.write(0x400000, b"abcd")
    start(block, 0x400000, 0x420000, 10, 2 << 4 | 1 << 9)
    assert bench.bus.read(0x420000, 10) == b"abcdabcdab"


def test_a_fixed_target_keeps_the_last(block, bench):
    bench.bus.write(0x400000, b"abcdefgh")
    start(block, 0x400000, 0x420000, 8, 2 << 6 | 1 << 8)
    assert bench.bus.read(0x420000, 5) == b"efgh\0"


def test_loops(block, bench):
    bench.bus.write(0x400000, b"abcdef")
    block.write(SRC_LOOP, 0x400000)
    block.write(SRC_LOOP_END, 0x400006)
    start(block, 0x400004, 0x420000, 10, BOTH_INCREMENT | 1 << 10)
    assert bench.bus.read(0x420000, 10) == b"efabcdefab"
    block.write(DST_LOOP, 0x420000)
    block.write(DST_LOOP_END, 0x420004)
    start(block, 0x400000, 0x420002, 4, BOTH_INCREMENT | 1 << 11)
    assert bench.bus.read(0x420000, 4) == b"cdab"


def test_requests_of_peripherals_are_reported(block, bench):
    irq = levels(block)
    block.write(REQUESTS, 4 << 4)
    start(block, 0x400000, 0x802100, 4, BOTH_INCREMENT | FIN_INT)
    assert "not modelled" in bench.log.messages[0] and irq == []


def test_an_address_outside_of_memory_is_reported(block, bench):
    start(block, 0x900000, 0x420000, 4)
    assert bench.log.messages == ["channel 0: no memory holds 0x4 bytes at 0x00900000"]
    assert block.read(CONF) & ENABLE == 0


def test_reset():
    def use(_bench, block):
        block.write(0xDC, 1)
        start(block, 0x400000, 0x420000, 4, BOTH_INCREMENT | FIN_INT | 4)

    assert_reset_gives_fresh(Gdma, use)


@pytest.mark.parametrize("channel", [0, 11])
def test_the_twelve_channels_of_the_bk7252n(bench, channel):
    block = bench.make(Gdma12)
    irq, at, status = levels(block), 0x40 + 0x40 * channel, 0x70 + 0x40 * channel
    bench.bus.write(0x400000, b"abcd")
    block.write(at + DST, 0x420000)
    block.write(at + SRC, 0x400000)
    block.write(at + CONF, 3 << 16 | BOTH_INCREMENT | FIN_INT | ENABLE)
    assert bench.bus.read(0x420000, 4) == b"abcd" and block.read(at + CONF) & ENABLE == 0
    assert irq == [True] and block.read(0x18) == 1 << channel and block.read(status) >> 24 == 0x11
    block.write(status, 1 << 18)
    assert irq == [True, False] and block.read(0x18) == 0
    block.write(at + 0x1C, 3)
    block.write(at + CONF, 3 << 16 | BOTH_INCREMENT | FIN_INT | ENABLE)
    assert irq == [True, False] and "requests 3 to 0 are not modelled" in bench.log.messages[-1]
