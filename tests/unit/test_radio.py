"""The radio controller: never busy, shadows kept, the tuned frequency on its wires."""

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.radio import RadioController
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def test_transceiver_writes_are_done_at_once():
    block = BlockBench().make(RadioController)
    block.write(0x04, 0xFFFF_FFFF)
    assert block.read(0x04) == 0xF000_0000


def test_shadows_are_kept():
    bench = BlockBench()
    block = bench.make(RadioController)
    for offset in range(0x80, 0x1AC, 4):
        block.write(offset, offset << 16 | 1)
    assert [block.read(offset) for offset in range(0x80, 0x1AC, 4)] == [o << 16 | 1 for o in range(0x80, 0x1AC, 4)]
    assert bench.log.unclaimed_offsets == []


def test_tuned_frequency():
    block = BlockBench().make(RadioController, offset=1)
    wires = dict.fromkeys(range(8), False)
    for number in wires:
        block.outputs[number].append(lambda level, number=number: wires.update({number: level}))
    for channel in (1, 6, 13):
        block.write(0x94, 25 + 10 * (channel - 1) << 24 | 0x123456)
        assert sum(level << number for number, level in wires.items()) == 24 + 10 * (channel - 1)
    block.reset(ResetKind.WATCHDOG)
    assert not any(wires.values())


def test_reset():
    assert_reset_gives_fresh(RadioController, lambda _bench, block: block.write(0x94, 0x4B00_0000))
