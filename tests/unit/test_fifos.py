"""FIFOs behind ports, and plain registers: what is served natively and what a block serves is the same."""

from functools import cache

import aarch64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.engine import slice as slices
from bk7238.peripherals.core import RO, RW, SC, W1C, WO, Fifo, Peripheral, Register, ResetKind, State, on_read, on_write
from bk7238.testing.block import BlockBench

DEPTH = 3
CONTROL, STATUS, PORT, ANSWER, FREE = 0x00, 0x04, 0x08, 0x0C, 0x20


class Ported(Peripheral):
    """A block with each kind of access, FIFOs in both directions, and what nobody claims."""

    size = 0x40

    class CONTROL(Register, at=0x00, reset=0x8000_0000):
        mode = RW(0, 7)
        go = SC(8)
        secret = WO(9)
        ready = RO(10, reset=1)

    class STATUS(Register, at=0x04):
        done = W1C(0)
        empty = RO(4, reset=1)
        full = RO(5)

    class PORT(Register, at=0x08):
        tx = WO(0, 7)
        rx = RO(8, 15)

    class ANSWER(Register, at=0x0C):
        word = RO(0, 31)

    into = Fifo(PORT.tx, DEPTH)
    out_of = Fifo(PORT.rx, DEPTH, empty=STATUS.empty, full=STATUS.full)
    plain_out = Fifo(ANSWER.word, DEPTH)
    told = State(factory=list)

    @on_write(PORT)
    def _written(self, word):
        self.told.append(("write", word))
        if word >> 31:
            self.into.clear()

    @on_read(PORT)
    def _read(self):
        self.told.append("read")
        return self.out_of.give() << 8 if self.out_of else 0


@cache
def _made(functions):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "functions", functions)
        block = BlockBench().make(Ported)
    return block, block.snapshot()


def _fresh(functions):
    block, snapshot = _made(functions)
    block.restore(snapshot)
    return block


accesses = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 0x3F), st.sampled_from([1, 2, 4])),
    st.tuples(
        st.just("write"),
        st.one_of(st.just(PORT), st.integers(0, 0x3F)),
        st.sampled_from([1, 2, 4]),
        st.one_of(st.integers(0, 0xFF), st.integers(0, 0xFFFF_FFFF)),
    ),
    st.tuples(st.just("put"), st.integers(0, 0xFF)),
    st.tuples(st.just("load"), st.lists(st.integers(0, 0xFFFF_FFFF), max_size=DEPTH)),
    st.tuples(st.just("set"), st.integers(0, 0xFFFF_FFFF)),
    st.tuples(st.just("again")),
)


def _act(block, access):
    what, *rest = access
    if what == "read":
        offset, width = rest
        return block.read(offset // width * width, width)
    if what == "write":
        offset, width, value = rest
        return block.write(offset // width * width, value & (1 << 8 * width) - 1, width)
    if what == "put":
        return len(block.out_of) < DEPTH and block.out_of.put(*rest)
    if what == "load":
        block.plain_out.items = rest[0]
    elif what == "set":
        block.STATUS.value = block.STATUS.value & ~1 | rest[0] & 1
    else:
        block.restore(block.snapshot())
    return None


@pytest.mark.parametrize("functions", [slices.functions, aarch64.functions], ids=["native", "aarch64"])
@given(st.lists(accesses, max_size=60))
def test_machine_code_and_python_serve_the_same(functions, course):
    native, python = _fresh(functions), _fresh(slices.InPython)
    for access in course:
        assert _act(native, access) == _act(python, access)
        assert native.snapshot() == python.snapshot()


def test_a_plain_write_calls_nobody_and_another_does():
    block = BlockBench().make(Ported)
    for byte in b"abcd":
        block.write(PORT, byte)
    assert block.told == [("write", ord("d"))]
    block.write(PORT, 0x8000_0000)
    assert (block.into.items, block.told[1:]) == ([], [("write", 0x8000_0000)])


def test_flags_follow_the_fifo_and_a_full_one_is_the_handlers():
    block = BlockBench().make(Ported)
    levels = []
    for byte in b"xyz":
        levels.append((block.STATUS.empty, block.STATUS.full))
        block.out_of.put(byte)
    assert levels == [(1, 0), (0, 0), (0, 0)]
    assert (block.STATUS.empty, block.STATUS.full) == (0, 1)
    assert [block.read(PORT) >> 8 for _ in range(4)] == [*b"xyz", 0]
    assert (block.STATUS.empty, block.STATUS.full) == (1, 0)
    assert block.told == ["read", "read"]  # of the full one, and of the empty one


def test_a_reset_empties_it_and_a_snapshot_has_it():
    block = BlockBench().make(Ported)
    block.out_of.put(7)
    kept = block.snapshot()
    block.reset(ResetKind.WATCHDOG)
    assert (block.out_of.items, block.STATUS.empty) == ([], 1)
    block.restore(kept)
    assert (block.out_of.items, block.STATUS.empty) == ([7], 0)
