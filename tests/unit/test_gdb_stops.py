"""Stopping without changing the run: breakpoints, watched memory and registers, single steps, and going back."""

import random
from functools import cache

import pytest
from debugging import AGAIN, GPIO, LONG, LONG_END, RAM, STORE_WORD, machine, state

from bk7238.debug.debugger import Debugger
from bk7238.debug.timeline import Timeline
from bk7238.engine import slice as slices
from bk7238.engine.stops import Watch

UNTIL = 20_000  # microseconds: some 15 rounds over 50, exceptions and all


@pytest.fixture(params=["native", pytest.param("python", marks=pytest.mark.full)])
def device(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(slices, "functions", slices.InPython)
    return machine()


@cache
def undisturbed(until=UNTIL):
    """What a run that nothing stops gives; on which body makes no difference."""
    device = machine()
    device.run(until=until)
    return state(device)


def run(device, until=UNTIL):
    """Run on whatever stops it; the stops as (position, pc)."""
    stops = []
    while device.now < until or device.engine.stops.midway:
        device.engine.run(until)
        if device.engine.halt is not None:
            stops.append((device.engine.position, device.engine.register("pc")))
    return stops


@pytest.mark.full
def test_breakpoints_that_are_hit_leave_the_run_as_it_is(device):
    rng = random.Random(1)
    places = {AGAIN, STORE_WORD, LONG + 400, LONG_END, *(4 * rng.randrange(LONG // 4, LONG_END // 4) for _ in range(9))}
    for address in places:
        device.engine.stops.add_breakpoint(address)
    stops = run(device, UNTIL // 4)
    assert {pc for _, pc in stops} == places and len(stops) > 500
    assert all(one[0] < other[0] for one, other in zip(stops, stops[1:], strict=False))
    assert state(device) == undisturbed(UNTIL // 4)


@pytest.mark.full
def test_stepping_leaves_the_run_as_it_is(device):
    engine, seen = device.engine, []
    while engine.position < 3000:
        engine.stops.step(UNTIL)
        seen.append(engine.position)
    assert seen[:700] == list(range(seen[0], seen[0] + 700)), "each step is one instruction"
    run(device)
    assert state(device) == undisturbed()


def test_watching_stops_before_the_access_and_leaves_the_run_as_it_is(device):
    device.engine.stops.add_watch(Watch(RAM, 4, read=False, write=True))
    device.engine.run(UNTIL)
    halt = device.engine.halt
    assert halt.reason == "watch" and halt.written and device.engine.register("pc") == STORE_WORD
    assert device.engine.bus.read(RAM, 4) == bytes(4), "the store has not happened"
    assert len(run(device)) > 100
    assert state(device) == undisturbed()


def test_watching_a_register_makes_each_access_once(device):
    device.engine.stops.add_watch(Watch(GPIO, 4, read=True, write=True))
    stops = run(device)
    assert [pc for _, pc in stops[:4]] == [LONG_END, LONG_END + 4] * 2
    assert state(device) == undisturbed()


def test_what_a_block_writes_stops_too():
    device = machine()
    device.engine.stops.add_watch(Watch(RAM + 0x100, 4, read=False, write=True))
    device.clock.after(50, lambda: device.engine.bus.write(RAM + 0x100, b"DMA!"))
    device.engine.run(UNTIL)
    assert device.engine.halt.late and 50 <= device.now < 90
    assert device.engine.bus.read(RAM + 0x100, 4) == b"DMA!"


def test_breakpoints_survive_new_code_and_a_reset():
    device = machine()
    device.engine.stops.add_breakpoint(AGAIN)
    device.engine.run(UNTIL)
    before = device.engine.bus.read(AGAIN, 4)
    device.engine.bus.write(AGAIN, bytes(4))
    device.engine.bus.write(AGAIN, before)
    device.engine.run(UNTIL)
    assert device.engine.register("pc") == AGAIN
    device.power_cycle()
    device.engine.run(UNTIL)
    assert device.engine.register("pc") == AGAIN and device.resets == 1 and device.engine.register("r4") == 0


# Backwards


def walked(device, count):
    """Step `count` instructions; where each began."""
    trace = []
    device.engine.stops.settle(UNTIL)
    for _ in range(count):
        trace.append((device.engine.position, device.engine.register("pc"), device.engine.register("r5")))
        device.engine.stops.step(UNTIL)
    return trace


@pytest.mark.full
def test_every_instruction_can_be_gone_to():
    device = machine()
    timeline = Timeline(device)
    timeline.keep()
    device.engine.run(150)
    trace = walked(device, 1500)
    for position, pc, r5 in random.Random(2).sample(trace, 60):
        timeline.goto(position)
        assert (timeline.position, device.engine.register("pc"), device.engine.register("r5")) == (position, pc, r5)
    timeline.goto(trace[-1][0])
    for position, pc, _ in reversed(trace[-30:-1]):
        assert timeline.back()
        assert (timeline.position, device.engine.register("pc")) == (position, pc)
    with pytest.raises(ValueError, match="begins at instruction 0"):
        timeline.goto(-1)
    timeline.goto(0)
    assert not timeline.back()
    device.run(until=UNTIL)
    assert state(device) == undisturbed()


def test_going_back_to_the_last_stop_and_the_one_before():
    device = machine()
    timeline = Timeline(device)
    device.engine.stops.add_breakpoint(STORE_WORD)
    stops = []
    for _ in range(12):
        timeline.about_to_run()
        if len(stops) in (4, 8):
            timeline.keep()
        device.engine.run(UNTIL)
        stops.append(timeline.position)
    for position in reversed(stops[:-1]):
        assert timeline.back_to_stop().reason == "breakpoint" and timeline.position == position
    assert timeline.back_to_stop() is None and timeline.position == 0


def test_going_back_to_the_last_write_of_memory_and_of_a_register():
    for watch, value in ((Watch(RAM, 4, False, True), 3), (Watch(GPIO, 4, False, True), 3)):
        device = machine()
        debugger = Debugger(device)
        debugger.timeline.keep()
        device.engine.stops.add_breakpoint(AGAIN)
        for _ in range(value + 1):
            device.engine.run(UNTIL)
        device.engine.stops.clear()
        device.engine.stops.add_watch(watch)
        assert debugger.run_back().halt.watch == watch
        at = debugger.stops.pc - 4
        assert at == (STORE_WORD if watch.address == RAM else LONG_END), "one instruction behind the store"
        debugger.step_back()
        assert debugger.stops.pc == at and device.engine.register("r4") == value


def test_a_change_is_undone_by_going_back_behind_it():
    device = machine()
    debugger = Debugger(device)
    debugger.timeline.about_to_run()
    device.engine.stops.add_breakpoint(LONG + 400)
    device.engine.run(UNTIL)
    device.engine.stops.clear()
    here = debugger.timeline.position
    debugger.timeline.changed()
    debugger.target.set_register("r5", 0x1000)
    debugger.step()
    assert device.engine.register("r5") == 0x1001
    debugger.timeline.goto(here)
    assert device.engine.register("r5") == 0x1000, "the change belongs to this position"
    debugger.timeline.goto(here - 1)
    assert device.engine.register("r5") < 0x1000
    debugger.step()
    debugger.step()
    assert device.engine.register("r5") < 0x1000, "it is not made again"
