"""The declarative layer that every block stands on."""

import pytest

from bk7238.peripherals.core import (
    RO,
    RW,
    SC,
    W1C,
    WO,
    Alarm,
    Input,
    Output,
    Peripheral,
    Port,
    Register,
    ResetKind,
    State,
    on_alarm,
    on_input,
    on_read,
    on_write,
    word,
)
from bk7238.testing.block import BlockBench, levels


class Sample(Peripheral):
    class CONTROL(Register, at=0x00, reset=0x8000_0000):
        enable = RW(0)
        speed = RW(4, 7, reset=5)
        start = SC(8)
        key = WO(16, 23)

    class STATUS(Register, at=0x04):
        ready = RO(0, reset=1)
        done = W1C(1)

    class LEVEL(Register, at=0x10, count=3):
        value_us = RW(0, 15)

    class KEPT(Register, at=0x20, keeps=(ResetKind.WATCHDOG,)):
        value_ = RW(0, 31)

    PLAIN = word(0x30, reset=7, count=2)

    irq = Output()
    number = Output(0, 2)
    gate = Input(0)
    lines = Input(4, 6)
    sent = Port()
    later = Alarm()
    many = Alarm(count=2)
    fifo = State(factory=bytearray)
    seen = State(0)
    boots = State(0, keeps=(ResetKind.WATCHDOG,))

    @on_write(CONTROL)
    def _control(self, word):
        if self.CONTROL.start or Sample.CONTROL.start.of(word):
            self.later.start(10)
            self.sent(Sample.CONTROL.key.of(word))

    @on_alarm(later)
    def _done(self):
        self.STATUS.done = 1
        self.irq.drive(1)

    @on_alarm(many)
    def _many(self, index):
        self.fifo.append(index)

    @on_write(STATUS)
    def _acknowledged(self, _word):
        self.irq.drive(self.STATUS.done)

    @on_read(LEVEL)
    def _level(self, index):
        return 0x100 + index if index == 1 else None

    @on_input(gate, lines)
    def _changed(self):
        self.seen += 1


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(Sample)


def test_reset_values_come_from_fields_and_register(block):
    assert block.read(0x00) == 0x8000_0050
    assert block.read(0x04) == 1


def test_access_kinds(block, bench):
    block.write(0x00, 0x00FF_0101)
    assert block.read(0x00) == 0x0000_0001, "WO and SC read zero, RW and unnamed bits are kept"
    block.write(0x04, 0xFFFF_FFFD)
    assert block.read(0x04) & 3 == 1, "a read-only bit cannot be cleared"
    bench.clock.advance(10)
    assert block.read(0x04) & 2
    block.write(0x04, 0)
    assert block.read(0x04) & 2, "writing zero clears nothing"
    block.write(0x04, 2)
    assert not block.read(0x04) & 2


def test_wires_ports_and_alarms(block, bench):
    irq, bytes_sent = levels(block), []
    block.sent.connect(bytes_sent.append)
    block.write(0x00, 0x0042_0100)
    assert bytes_sent == [0x42] and irq == []
    bench.clock.advance(9)
    assert irq == []
    bench.clock.advance(1)
    assert irq == [True]
    block.write(0x04, 2)
    assert irq == [True, False]


def test_alarm_lists_and_restart(block, bench):
    block.many[0].start(5)
    block.many[1].start(3)
    block.many[0].start(7)
    bench.clock.advance(20)
    assert block.fifo == b"\x01\x00"


def test_register_arrays(block):
    block.write(0x14, 7)
    block.write(0x18, 9)
    assert [block.read(0x10 + 4 * i) for i in range(3)] == [0, 0x101, 9]


def test_words_without_fields(block):
    block.write(0x30, 0xFFFF_FFFF)
    assert block.read(0x30) == 0xFFFF_FFFF and block.read(0x34) == 7 and len(block.registers["PLAIN"]) == 2


def test_buses_and_inputs(block):
    second = levels(block, 2)
    block.number.drive(0b100)
    block.number.drive(0b011)
    assert second == [True, False]
    block.set_input(5, True)
    block.set_input(5, True)
    block.set_input(0, True)
    assert block.lines == 0b010 and block.gate == 1 and block.seen == 2


def test_narrow_accesses(block):
    block.write(0x21, 0xAB, 1)
    block.write(0x22, 0x1234, 2)
    assert block.read(0x20) == 0x1234_AB00
    assert block.read(0x21, 1) == 0xAB and block.read(0x22, 2) == 0x1234


def test_a_narrow_write_acknowledges_nothing_beside_itself(block, bench):
    block.write(0x00, 0x100)
    bench.clock.advance(10)
    block.write(0x05, 0, 1)
    assert block.STATUS.done


def test_unclaimed_offsets_are_storage_and_reported_once(block, bench):
    assert block.read(0x80) == 0
    block.write(0x80, 5)
    assert block.read(0x80) == 5
    assert bench.log.unclaimed_offsets == [0x80]


@pytest.mark.parametrize("kind", list(ResetKind))
def test_reset_gives_a_fresh_block(bench, kind):
    block, fresh = bench.make(Sample), bench.make(Sample)
    block.write(0x00, 0x101)
    block.write(0x20, 77)
    block.write(0x80, 1)
    block.fifo.append(1)
    block.boots = 3
    block.number.drive(5)
    block.reset(kind)
    kept = kind is ResetKind.WATCHDOG
    assert block.KEPT.value == (77 if kept else 0) and block.boots == (3 if kept else 0)
    block.KEPT.value = block.boots = 0
    assert block.snapshot() == fresh.snapshot()
    bench.clock.advance(100)
    assert not block.STATUS.done, "an alarm survived the reset"


def test_snapshot_and_restore(bench):
    block, other = bench.make(Sample), bench.make(Sample)
    block.write(0x00, 0x101)
    block.fifo.append(9)
    snapshot = block.snapshot()
    block.fifo.append(1)
    other.restore(snapshot)
    assert other.snapshot() == snapshot
    bench.clock.advance(10)
    assert other.STATUS.done and other.fifo == b"\x09"


def test_mistakes_are_refused_when_the_class_is_made():
    with pytest.raises(TypeError, match="overlaps"):
        type("R", (Register,), {"a": RW(0, 4), "b": RO(4)}, at=0)
    with pytest.raises(TypeError, match="of that name"):
        type("R", (Register,), {"value": RW(0)}, at=0)
    with pytest.raises(TypeError, match="of that name"):
        type("R", (Register,), {"count": RW(0)}, at=0)
    with pytest.raises(TypeError, match="32-bit"):
        RW(30, 32)
    with pytest.raises(TypeError, match="does not fit"):
        RW(0, 1, reset=4)
    with pytest.raises(TypeError, match="aligned"):
        type("R", (Register,), {}, at=2)
    one, two = type("A", (Register,), {}, at=4), type("B", (Register,), {}, at=0, count=2)
    with pytest.raises(TypeError, match="claim"):
        type("P", (Peripheral,), {"A": one, "B": two})
    with pytest.raises(TypeError, match="another name"):
        type("P", (Peripheral,), {"_states": 1})
