"""Snapshots: run to A, take one, run to B, go back, run to B again: the same run, to the instruction."""

import pytest
from debugging import machine, state
from hypothesis import given
from hypothesis import strategies as st
from images import FULL, GZIP, vendor
from long_run import examples
from test_engine import PLATFORM, PROGRAMS

from bk7238 import resources
from bk7238.engine import slice as slices
from bk7238.engine.repl import load
from bk7238.engine.unicorn import UnicornEngine
from bk7238.image import flash_image, package
from bk7238.machine.snapshot import Snapshots
from bk7238.peripherals.core import Actor, Alarm, Calls, on_alarm
from bk7238.update.session import Settings, Update


@pytest.mark.parametrize("body", ["native", pytest.param("python", marks=pytest.mark.full)])
@pytest.mark.parametrize("program", ["exceptions", "idle", "rewrite"])
def test_small_programs_go_on_alike(program, body, tmp_path, monkeypatch):
    if body == "python":
        monkeypatch.setattr(slices, "functions", slices.InPython)
    description = tmp_path / "probe.repl"
    description.write_text(PLATFORM)
    engine = UnicornEngine(load(description))
    engine.bus.write(0, (PROGRAMS / f"{program}.bin").read_bytes())

    def seen():
        registers = [engine.register(f"r{number}") for number in range(16)]
        memories = [bytes(memory.bytes) for memory in engine.bus.memories]
        return registers, memories, engine.position, engine.clock.now, engine.board.probe.snapshot()

    for begin, end in ((0, 3), (17, 400), (2_345, 6_789)):
        engine.run(begin)
        snapshot = engine.snapshot()
        ends = []
        for _ in range(3):
            engine.run(end)
            ends.append(seen())
            engine.restore(snapshot)
        assert ends[0] == ends[1] == ends[2]
        assert engine.clock.now <= ends[0][3]


def test_alarms_of_the_same_tick_keep_their_order():
    device = machine()
    order = []

    class Two(Actor):
        first, second = Alarm(), Calls()

        @on_alarm(first)
        def _first(self):
            order.append("first")

        @on_alarm(second)
        def _second(self, data):
            order.append(data)

    device.actors["two"] = two = Two()
    two.clock = device.clock
    snapshots = Snapshots(device)
    two.second.after(10, "second")
    two.first.start(10)
    two.second.after(10, "third")
    snapshot = snapshots.take()
    for _ in range(2):
        two.second.after(10, "undone")
        snapshots.restore(snapshot)
        device.run(until=device.now + 20)
        assert order == ["second", "first", "third"]
        order.clear()
        snapshots.restore(snapshot)


def test_a_function_that_waits_in_the_clock_cannot_be_saved():
    device = machine()
    device.clock.after(10, lambda: None)
    with pytest.raises(TypeError, match=r"lambda.* waits in the clock: only alarms"):
        Snapshots(device).take()


@examples(30)
@given(st.integers(0, 300), st.integers(1, 300))
def test_a_snapshot_may_be_taken_anywhere(begin, length):
    device = machine()
    snapshots = Snapshots(device)
    device.engine.run(10_000, instructions=begin)
    snapshot = snapshots.take()
    device.run(until=device.now + length)
    end = state(device)
    snapshots.restore(snapshot)
    device.run(until=end[3])
    assert state(device) == end


def test_what_did_not_change_is_shared():
    device = machine()
    snapshots = Snapshots(device)
    one = snapshots.take()
    device.flash.load(b"\0", 0x1234)
    two = snapshots.take()
    assert [a is b for a, b in zip(one.flash, two.flash, strict=True)].count(False) == 1
    assert all(a is b for a, b in zip(one.engine.window, two.engine.window, strict=True))
    snapshots.restore(one)
    assert device.flash.data[0x1234] != 0 and snapshots.take().flash == one.flash


# From download over the reset into the installation; the last pair begins in the new app
POINTS = {
    "reference": ((0.005, 0.015), (0.2, 0.6), (0.95, 1.05), (1.1, 1.2), (1.25, 1.35), (1.6, 2.3)),
    "vendor": ((0.3, 0.6), (6.5, 7.5), (12.0, 13.0), (28.5, 29.8), (30.5, 31.5), (38.5, 39.5)),
}


@pytest.mark.parametrize(
    "firmware", ["reference", pytest.param("vendor", marks=[pytest.mark.full, pytest.mark.nightly])]
)
def test_a_real_update_goes_on_alike(firmware):
    if firmware == "vendor":
        files = vendor(FULL), vendor(GZIP)
    else:
        files = tuple(resources.reference() / name for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"))
    points = POINTS[firmware]
    update = Update(flash_image.read(files[0]), package.read(files[1]), Settings())
    device, snapshots = update.machine, Snapshots(update.machine)
    resets = []
    for begin, end in points:
        device.run(until=round(begin * 1e6))
        snapshot = snapshots.take()
        device.run(until=round(end * 1e6))
        first = state(device)
        snapshots.restore(snapshot)
        assert device.now == snapshot.time
        device.run(until=round(end * 1e6))
        assert state(device) == first, f"from {begin} to {end} s"
        resets.append(device.resets)
    assert resets[0] == 0 and resets[-1] == 1 and device.flash_operations
    other = Update(flash_image.read(files[0]), package.read(files[1]), Settings())
    other.machine.run(until=round(points[-1][1] * 1e6))
    assert state(other.machine) == first, "going back leaves a trace"
