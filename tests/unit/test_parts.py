"""Parts: what a block is composed of, and what is refused when it is composed."""

from __future__ import annotations

import pytest

from bk7238.peripherals.core import (
    RO,
    RW,
    Alarm,
    BlockPart,
    Input,
    Output,
    Part,
    Peripheral,
    Register,
    ResetKind,
    State,
    on_alarm,
    on_input,
    on_read,
    on_write,
)
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh, levels


class Counter(BlockPart):
    block: Sample

    class COUNT(Register, at=0x10):
        ticks = RO(0, 15)

    class LIMIT(Register, at=0x14, count=2, keeps=(ResetKind.WATCHDOG,)):
        limit = RW(0, 15)

    gate = Input(3)
    full = Output(1)
    tick = Alarm()
    log_of_ticks = State(factory=list)
    resets = State(0, keeps=tuple(ResetKind))

    def on_reset(self, _kind):
        self.resets += 1

    @on_write(LIMIT)
    def _limited(self, word, _index):
        self.tick.start(word)

    @on_alarm(tick)
    def _ticked(self):
        self.log_of_ticks.append(self.clock.now)
        self.COUNT.ticks += 1
        self.full.drive(1)
        self.block.status.seen(self)

    @on_input(gate)
    def _gated(self):
        self.tick.stop()


class Status(BlockPart):
    block: Sample

    class STATUS(Register, at=0x20):
        told = RO(0)

    teller = State(None)

    def seen(self, _by):
        self.STATUS.told = 1

    @on_read(STATUS)
    def _status(self):
        return self.STATUS.value | self.block.counter.COUNT.ticks << 8


class Sample(Peripheral):
    class CONTROL(Register, at=0x00):
        enable = RW(0)

    counter = Part(Counter)
    status = Part(Status)
    tick = Alarm()

    @on_alarm(tick)
    def _own(self):
        self.CONTROL.enable = 1


@pytest.fixture
def bench():
    return BlockBench()


@pytest.fixture
def block(bench):
    return bench.make(Sample)


def test_a_part_acts_through_the_block(block, bench):
    full = levels(block, 1)
    block.write(0x18, 50)
    assert block.read(0x14) == 0 and block.read(0x18) == 50
    bench.clock.advance(50)
    assert block.read(0x10) == 1 and block.read(0x20) == 0x101 and full == [True]
    assert block.read(0x21, 1) == 1, "bytes of a part's register"


def test_a_wire_into_a_part(block, bench):
    block.write(0x14, 50)
    block.set_input(3, True)
    bench.clock.advance(100)
    assert block.read(0x10) == 0 and block.counter.gate == 1 and block.input_levels == {"counter.gate": 1}


def test_registers_have_their_own_names(block):
    assert list(block.registers) == ["CONTROL", "COUNT", "LIMIT", "STATUS"]
    assert block.peek(0x20) is None and block.peek(0x10) == 0


def test_a_reset_reaches_parts():
    def use(bench, block):
        block.write(0x14, 10)
        bench.clock.advance(10)
        block.write(0x18, 1_000)

    kept = {"counter.resets"}
    assert_reset_gives_fresh(
        Sample, use, {kind: kept | ({"LIMIT"} if kind is ResetKind.WATCHDOG else set()) for kind in ResetKind}
    )


def test_a_snapshot_holds_parts(bench):
    block, other = bench.make(Sample), bench.make(Sample)
    block.write(0x14, 10)
    bench.clock.advance(10)
    block.write(0x18, 20)
    block.tick.start(30)
    snapshot = block.snapshot()
    assert set(snapshot["alarms"]) == {"counter.tick", "tick"} and "counter.log_of_ticks" in snapshot["states"]
    other.restore(snapshot)
    assert [alarm.deadline for alarm in other.alarms] == [30, 40]
    assert other.snapshot() == snapshot and other.counter.log_of_ticks is not block.counter.log_of_ticks
    bench.clock.advance(30)
    assert other.counter.log_of_ticks == [10, 30] and other.CONTROL.enable


def test_blocks_do_not_share_parts(bench):
    one, two = bench.make(Sample), bench.make(Sample)
    one.write(0x14, 9)
    assert two.read(0x14) == 0 and one.counter.block is one and two.counter.block is two


def part(**declared):
    return Part(type("Piece", (BlockPart,), declared))


def register(at, **more):
    return type("REGISTER", (Register,), {}, at=at, **more)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"a": part(A=register(4)), "b": part(B=register(0, count=2))}, r"b\.B and a\.A claim 0x4"),
        ({"a": part(A=register(4)), "B": register(4)}, "B and a.A claim 0x4"),
        ({"a": part(A=register(4)), "b": part(A=register(8))}, "b.A and a.A claim the name A"),
        ({"a": part(wire=Output(0, 2)), "b": part(wire=Output(2))}, "claim output 2"),
        ({"a": part(gate=Input(1)), "gate": Input(1)}, "claim input 1"),
        ({"clock": part()}, "another name"),
    ],
)
def test_mistakes_are_refused_when_the_class_is_made(declared, message):
    with pytest.raises(TypeError, match=message):
        type("Block", (Peripheral,), declared)


def test_a_part_has_the_names_of_its_block_to_itself():
    with pytest.raises(TypeError, match="another name"):
        part(bus=State(0))
    with pytest.raises(TypeError, match="another name"):
        part(block=State(0))
