"""Outputs that follow registers, and feeds: what is done natively between two calls of Python is what Python does."""

from functools import cache
from pathlib import Path

import aarch64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238 import chip
from bk7238.engine import slice as slices
from bk7238.engine.repl import load
from bk7238.engine.unicorn import UnicornEngine
from bk7238.peripherals.core import RO, RW, W1C, Input, Net, Output, Pending, Peripheral, Register, on_change
from bk7238.testing import block as block_kit

GUEST = Path(__file__).with_name("programs") / "samples.bin"
BODIES = {"native": slices.functions, "python": slices.InPython, "aarch64": aarch64.functions}
STATUS, ENABLE, GATE = 0x00, 0x04, 0x08


class Source(Peripheral):
    """Raises when its STATUS and ENABLE agree; hears of what changes ENABLE's mode."""

    size = 0x40

    class STATUS(Register, at=0x00):
        done = W1C(0, 3)
        mode = RW(8, 11)

    class ENABLE(Register, at=0x04):
        done = RW(4, 7)
        mode = RW(8, 11)

    irq = Output(when=(Pending(STATUS.done, ENABLE.done), Pending(STATUS.mode, ENABLE.mode)))

    def __init__(self, services):
        super().__init__(services)
        self.heard = []

    @on_change(ENABLE)
    def _changed(self, word):
        self.heard.append(word)


class Collector(Peripheral):
    """Collects two levels, and shows those that are enabled."""

    size = 0x40

    class RAW(Register, at=0x00):
        sources = RO(4, 5)

    class ENABLE(Register, at=0x04):
        sources = RW(0, 1)

    class GATE(Register, at=0x08):
        open = RW(3)

    class SHOWN(Register, at=0x0C):
        sources = RO(8, 9)

    sources = Input(0, 1, shown=RAW.sources)
    out = Output(0, when=(Pending(RAW.sources, ENABLE.sources, gate=GATE.open, shown=SHOWN.sources),))


class Wired:
    """A source on both inputs of a collector, and another on the second; the collector drives a word of the host."""

    def __init__(self, functions):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slices, "functions", functions)
            bench = block_kit.BlockBench()
            self.one, self.other, self.collector = bench.make(Source), bench.make(Source), bench.make(Collector)
        for block in (self.one, self.other, self.collector) if functions is slices.InPython else ():
            for register in block.words.values():
                register.settle = lambda _address: False
        self.cpu = bench.make(Collector)  # whose RAW stands for the CPU's word
        self.told = []
        word = self.cpu.RAW.host_address
        nets = [
            Net(lambda level, n=n: self.collector.set_input(n, level), register=self.collector.RAW, mask=1 << 4 + n)
            for n in range(2)
        ]
        self.one.outputs[None].append(nets[0].branch())
        self.one.outputs[None].append(nets[1].branch())
        self.other.outputs[None].append(nets[1].branch())
        self.collector.outputs[0].append(Net(self._tell, address=word, mask=1 << 31).branch())

    def _tell(self, level):
        self.told.append(level)
        self.cpu.RAW.value = 1 << 31 if level else 0

    @property
    def state(self):
        blocks = self.one, self.other, self.collector
        words = [register.value for block in blocks for register in block.words.values()]
        return words, [one.heard for one in blocks[:2]], self.cpu.RAW.value, [b.snapshot()["outputs"] for b in blocks]


@cache
def functions(body):
    return BODIES[body]()


blocks = st.sampled_from(["one", "other", "collector"])
accesses = st.tuples(
    st.just("write"),
    blocks,
    st.sampled_from([STATUS, ENABLE, GATE]),
    st.sampled_from([0, 1, 2, 3, 8, 0x1F, 0x130, 0xFFF]),
)
raised = st.tuples(st.just("raise"), st.sampled_from(["one", "other"]), st.integers(0, 15))


@pytest.mark.parametrize("body", ["native", "aarch64"])
@given(steps=st.lists(st.one_of(accesses, raised), max_size=30))
def test_lines_follow_alike(body, steps):
    native, python = Wired(lambda: functions(body)), Wired(slices.InPython)
    for kind, block, *what in steps:
        for wired in (native, python):
            if kind == "write":
                getattr(wired, block).write(*what)
            else:
                getattr(wired, block).STATUS.done = what[0]
                getattr(wired, block).irq.update()
        assert native.state == python.state, (kind, block, what)


def test_python_is_not_asked_for_what_words_decide():
    wired = Wired(slices.functions)
    if not slices.functions().on_write:
        pytest.skip("nothing is native on this host")
    for block in (wired.one, wired.collector):
        block.write(ENABLE, 0xFFF)
    wired.collector.write(GATE, 8)
    wired.one.STATUS.done = 1
    wired.one.irq.update()
    assert wired.cpu.RAW.value == 1 << 31 and wired.one.heard == [0xFFF]
    told = list(wired.told)
    wired.one.write(ENABLE, 0xFFF)
    wired.one.write(STATUS, 1)
    assert wired.cpu.RAW.value == wired.collector.RAW.value == wired.collector.SHOWN.value == 0
    assert wired.told == told and wired.one.heard == [0xFFF], "all of it natively"


def test_who_listens_in_python_is_told_in_any_case():
    wired = Wired(slices.functions)
    heard = block_kit.levels(wired.collector, 0)
    for block in (wired.one, wired.collector):
        block.write(ENABLE, 0xFFF)
    wired.collector.write(GATE, 8)
    wired.one.write(STATUS, 0x100)
    wired.one.write(STATUS, 0)
    assert heard == [True, False]


@pytest.fixture(params=["native", "python", pytest.param("aarch64", marks=pytest.mark.full)])
def body(request, monkeypatch):
    monkeypatch.setattr(slices, "functions", BODIES[request.param])
    return request.param


def sampled():
    engine = UnicornEngine(load(chip.usual().board))
    engine.bus.write(0, GUEST.read_bytes())
    engine.board.saradc.set_sample(3, 0x123)
    return engine


def result(engine):
    adc, icu = engine.board.saradc.snapshot(), engine.board.icu.snapshot()
    total, interrupts, source = (int.from_bytes(engine.bus.read(0x400000 + at, 4), "little") for at in (0, 4, 8))
    registers = [engine.register(f"r{number}") for number in range(10)]
    for block in (adc, icu):
        del block["random"]
    return total, interrupts, source, registers, adc, icu, engine.instructions, engine.clock.snapshot()


def test_samples_arrive_alike(body, monkeypatch):
    engine = sampled()
    engine.run(2_000)
    assert engine.stepping == body or body == "native"
    total, interrupts, source, *_ = found = result(engine)
    assert source == 1 << 11 and 60 < interrupts < 100
    assert total % 0x123 == 0 and 80 < total / 0x123 <= 100, "one each 20 microseconds, but where the FIFO was full"
    monkeypatch.setattr(slices, "functions", slices.InPython)
    other = sampled()
    for until in (1, 999, 1_000, 1_345, 2_000):
        other.run(until)
    assert result(other) == found


def test_samples_enter_python_only_where_something_new_begins():
    engine = sampled()
    if not slices.functions().on_read:
        pytest.skip("nothing is native on this host")
    engine.run(50_000)
    asked = sum(sum(counts) for (block, _), counts in engine.entered.items() if block in ("saradc", "icu"))
    assert asked < 200, "of ten thousand accesses"
    before = result(engine)[0]
    engine.board.saradc.set_sample(3, 0)
    engine.run(60_000)
    assert result(engine)[0] - before <= 8 * 0x123, "what was set counts from the next conversion on"


def test_a_run_goes_on_from_a_snapshot_alike():
    engine = sampled()
    engine.run(20_000)
    snapshot = engine.snapshot()
    engine.run(40_000)
    found = result(engine)
    engine.restore(snapshot)
    engine.run(40_000)
    assert result(engine) == found


def writes(data, *, enabled=True):
    """Code that writes these bytes to the port of UART1, and then loops."""
    code = [0, 0xE3A00001 if enabled else 0xE3A00000, 0xE5810000]  # mov r0, #1; str r0, [r1]
    for byte in data:
        code += [0xE3A00000 | byte, 0xE581000C]
    code[0] = 0xE59F1000 | 4 * (len(code) + 1 - 2)  # ldr r1, the word behind
    code += [0xEAFFFFFE, 0x802100]
    return b"".join(word.to_bytes(4, "little") for word in code)


def printing(data, **arguments):
    engine = UnicornEngine(load(chip.usual().board))
    engine.bus.write(0, writes(data, **arguments))
    return engine


@pytest.mark.parametrize("listens", ["text", "sent"])
def test_bytes_come_in_their_order_and_the_end_of_a_line_in_its_moment(body, listens):
    engine, got = printing(b"ab\ncd"), []
    getattr(engine.board.uart1, listens).connect(lambda what: got.append((what, engine.instructions)))
    engine.run(1_000)
    assert engine.board.uart1.INTR_STATUS.tx_stop_end and not engine.board.uart1.out.items
    if listens == "sent":
        assert [byte for byte, _ in got] == [*b"ab\ncd"]
    else:
        assert b"".join(data for data, _ in got) == b"ab\ncd"
    moments = {what: at for what, at in got if what in (b"\n", 0x0A)}
    assert [*moments.values()] == [14], "a block of code, counted when it was entered"
    counted = engine.entered.get(("uart1", "FIFO_PORT"), (0, 0))
    assert body == "python" or counted == (0, 1 if listens == "text" else 5)


def test_bytes_that_are_held_back_come_before_anything_else_happens(body):  # noqa: ARG001
    engine = printing(b"abc")
    seen, uart = [], engine.board.uart1
    uart.text.connect(seen.append)
    engine.clock.after(100, lambda: seen.append("event"))
    engine.run(1_000)
    assert b"".join(seen[:-1]) == b"abc" and seen[-1] == "event"


def test_a_uart_that_is_off_sends_nothing(body):  # noqa: ARG001
    engine, seen = printing(b"abc", enabled=False), []
    engine.board.uart1.text.connect(seen.append)
    engine.run(1_000)
    assert not seen and not engine.board.uart1.INTR_STATUS.tx_stop_end


def ticking():
    engine = UnicornEngine(load(chip.usual().board))
    engine.bus.write(0, GUEST.with_name("ticks.bin").read_bytes())
    return engine


def ticked(engine):
    counts = [int.from_bytes(engine.bus.read(0x400000 + at, 4), "little") for at in (0, 4)]
    blocks = [engine.board[name].snapshot() for name in ("timers_a", "timers_b", "icu")]
    for block in blocks:
        del block["random"]
    return counts, blocks, engine.instructions, engine.skipped, engine.register("pc"), engine.clock.snapshot()


def test_ticks_and_sleep_are_alike(body, monkeypatch):
    engine = ticking()
    engine.run(30_500)
    (fast, slow), *_ = found = ticked(engine)
    assert engine.stepping == body or body == "native"
    assert (fast, slow) == (30, 15) and engine.instructions < 40_000
    monkeypatch.setattr(slices, "functions", slices.InPython)
    other = ticking()
    for until in (1, 1_000, 1_001, 12_345, 20_000, 30_500):
        other.run(until)
    assert ticked(other) == found


def test_ticks_enter_python_only_where_something_else_happens(monkeypatch):
    engine, slices_run = ticking(), []
    if not slices.functions().on_read:
        pytest.skip("nothing is native on this host")
    run = engine.cpu.run
    monkeypatch.setattr(engine.cpu, "run", lambda: slices_run.append(engine.clock.now) or run())
    engine.run(1_000_500)
    assert ticked(engine)[0] == [1_000, 500] and len(slices_run) < 20, "slices end for the host's signals alone"


def test_ticks_go_on_from_a_snapshot_alike():
    engine = ticking()
    engine.run(12_300)
    snapshot = engine.snapshot()
    engine.run(25_000)
    found = ticked(engine)
    engine.restore(snapshot)
    engine.run(25_000)
    assert ticked(engine) == found
