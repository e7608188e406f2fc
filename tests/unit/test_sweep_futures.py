"""Which run has the future of which: only one that agrees with it in all that it used before it overwrote it."""

from __future__ import annotations

import ctypes
from dataclasses import fields

import pytest
from images import image

from bk7238.bench.bench import Bench
from bk7238.bench.settings import Settings
from bk7238.engine.cpu import CpuSnapshot
from bk7238.engine.slice import Slice
from bk7238.engine.storm import StormSnapshot
from bk7238.engine.unicorn import EngineSnapshot
from bk7238.engine.wiring import BoardSnapshot
from bk7238.peripherals.nor_endings import ERASE, PROGRAM, SECTOR
from bk7238.sweep.explore.futures import LEFT, LINE, SLICE, Future, Futures, Recorder, Stand
from bk7238.sweep.point import Outcome

ENDED = Outcome("7:torn", "new-app-runs", "it runs", digest="d", story=("1.000 s  on",))
WAITS = Outcome("7:torn", "device-waits", "it waits (after power-cut:torn@flash-op=7 at 1.500 s)")


def stand(decides=b"d", told=b"t", flash=(), ram=()):
    """A stand of two sectors and one page of RAM, in which these bytes are ones."""
    data, memory = bytearray(2 * SECTOR), bytearray(SECTOR)
    for at in flash:
        data[at] = 1
    for at in ram:
        memory[at] = 1
    return Stand(decides, told, (bytes(data[:SECTOR]), bytes(data[SECTOR:])), (bytes(memory),))


def future(ended=ENDED, overwritten=(), unread=(), read=()):
    return Future(
        ended,
        ("power-cut:torn@flash-op=7 at 1.500 s", "-"),
        [stand()],
        [set(overwritten)],
        {0: set(unread)},
        {0: set(read)},
        boot=stand().boot,
    )


def served(one, other):
    return one.serves(0, other)


def test_one_that_stands_alike_has_the_same_future():
    assert served(future(), stand()) is True
    assert served(future(), stand(decides=b"e")) is False
    assert future().serves(1, stand()) is False, "it has not been there"


def test_flash_may_differ_where_it_was_erased_unread():
    other = stand(flash=[LINE + 3])
    assert served(future(), other) is False
    assert served(future(overwritten=[1]), other) is True
    assert served(future(overwritten=[1]), stand(flash=[LINE + 3, SECTOR])) is False


def test_ram_may_differ_where_it_was_not_read():
    other = stand(ram=[5, 6])
    assert served(future(), other) == {5, 6}
    assert served(future(unread=[5]), other) == {5, 6}
    assert served(future(unread=[5, 6]), other) is True
    assert served(future(unread=[5], read=[6]), other) is False


def test_a_reason_may_quote_what_only_one_of_them_has():
    assert served(future(), stand(told=b"u")) is True, "that of an app that runs quotes nothing"
    assert served(future(WAITS), stand(told=b"u")) is False
    shared = future(WAITS).of("8:after", "it did", ("power-cut:after@flash-op=8 at 2.000 s", "-"))
    assert shared.reason == "it waits (after power-cut:after@flash-op=8 at 2.000 s)"
    assert (shared.id, shared.shared, shared.did) == ("8:after", "7:torn", ("it did",))
    assert (shared.digest, shared.story) == ("", ())


def test_one_that_begins_as_another_began_is_found_at_once():
    known = Futures()
    known.add(future(overwritten=[1]))
    assert known.find(0, stand()) == known.find(0, stand(flash=[LINE])) == 0
    assert known.find(0, stand(flash=[0])) is None and known.find(0, stand(ram=[5])) == {5}
    known.knows(stand(flash=[0]).boot, 0)
    assert known.find(0, stand(flash=[0])) == 0


@pytest.fixture
def machine():
    return Bench(Settings(), image()).machine


def test_a_line_is_overwritten_where_an_erase_is_its_first_use(machine):
    """A program is none: what it leaves depends on what stood there."""
    recorder, chip, controller = Recorder(machine), machine.flash, machine.board.flash
    recorder.stand(stand())
    chip.read(0x1000, 64)
    controller.operated(PROGRAM, 0x2000, b"\0" * 256)
    controller.operated(ERASE, 0x1000, SECTOR)
    recorder.stand(stand())
    chip.read(0x1020, 1)
    controller.operated(ERASE, 0x1000, SECTOR)
    first, second = ({line * LINE for line in lines} for lines in recorder.overwritten)
    assert first == {*range(0x1040, 0x2000, LINE)}
    assert second == {*range(0x1000, 0x2000, LINE)} - {0x1020}


def test_two_machines_that_began_alike_stand_alike(machine):
    other = Bench(Settings(), image()).machine
    assert Stand.of(machine) == Stand.of(other)
    machine.run(until=100_000)
    other.run(until=100_000)
    assert Stand.of(machine) == Stand.of(other)
    other.board.uart1.CONFIG.tx_enable ^= 1
    assert Stand.of(machine).decides != Stand.of(other).decides


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (EngineSnapshot, "cpu window memories board clock log storm aborted_at stand state"),
        (CpuSnapshot, "context slice"),
        (BoardSnapshot, "blocks inputs nets"),
        (StormSnapshot, "raging places progress counts"),
    ],
)
def test_of_what_is_in_a_snapshot_it_is_known_what_decides(kind, known):
    """What is new there has to be decided upon, in `futures._digests`, and is then named here."""
    assert " ".join(one.name for one in fields(kind)) == known


def test_of_each_field_of_a_slice_it_is_said_whether_it_decides():
    said = [*SLICE, *(name for names in LEFT.values() for name in names)]
    assert sorted(said) == sorted(name for name, _ in Slice._fields_)


def changed(machine, name):
    """Where a machine stands with other bytes in a field of its slice."""
    field = getattr(Slice, name)
    at = ctypes.addressof(machine.engine.cpu.slice) + field.offset
    was = ctypes.string_at(at, field.size)
    ctypes.memmove(at, bytes([was[0] ^ 1]) + was[1:], field.size)
    stand = Stand.of(machine)
    ctypes.memmove(at, was, field.size)
    return stand


def test_what_decides_makes_another_stand_and_what_is_left_does_not(machine):
    machine.run(until=100_000)
    here = Stand.of(machine)
    for name in SLICE:
        assert changed(machine, name).decides != here.decides, name
    for name in LEFT["left of the slice before"] | LEFT["a debugger's"]:
        assert changed(machine, name) == here, name
    assert Stand.of(machine) == here


def test_ticks_within_a_microsecond_tell_runs_apart_and_numbers_of_what_is_to_come_do_not(machine):
    machine.run(until=100_000)
    here, s = Stand.of(machine), machine.engine.cpu.slice
    s.target, s.budget = s.target + 1, s.budget + 1
    assert Stand.of(machine) == here, "it is the same time"
    s.budget -= 1
    now = machine.now
    assert Stand.of(machine).decides != here.decides and now == machine.now
    s.target, s.budget = s.target - 1, s.budget
    machine.clock.after(1_000_000, machine.stop).cancel()
    assert Stand.of(machine).decides == here.decides


def test_what_was_printed_since_the_last_reset_is_told(machine):
    """Boots that print the same are a dead end."""
    here = Stand.of(machine)
    machine.uart1.output += b"b\x00\n"
    assert Stand.of(machine).told != here.told


def begun(differs=None):
    """A machine at its power-on, a byte of whose flash differs."""
    machine = Bench(Settings(), image()).machine
    if differs is not None:
        machine.flash.data[differs] ^= 0x01
        machine.board.flash.refresh(differs, 1)
    return machine


@pytest.fixture
def led():
    """A run of 100 ms, as a future."""
    machine = begun()
    recorder = Recorder(machine)
    for until in (0, 50_000, 100_000):
        machine.run(until)
        recorder.stand(Stand.of(machine))
    return Future(ENDED, (), recorder.stands, recorder.overwritten, ways=recorder.ways)


def test_a_run_that_differs_in_what_was_not_used_goes_on_from_there(led):
    """And then it is the run that went all the way by itself, with its own flash."""
    unused = 0x1F0000
    one, other = begun(unused), begun(unused)
    assert led.leads(Stand.of(one)) == 2
    led.go(one, 2)
    assert one.now == 100_000 and one.flash.data == other.flash.data
    for until in (100_000, 200_000):
        one.run(until)
        other.run(until)
        assert Stand.of(one) == Stand.of(other)
    assert bytes(one.engine.bus.window.bytes) == bytes(other.engine.bus.window.bytes)


def test_what_the_cpu_fetched_or_read_was_used(led):
    """Through the window: the controller was never asked."""
    first = begun().chip.codec.physical(0)
    assert not led.ways[0].used and first // LINE in led.ways[1].used
    assert led.leads(Stand.of(begun(first))) == 0


def test_the_window_is_seen_by_page(machine):
    cpu, window = machine.engine.cpu, machine.board.flash.window
    assert cpu.seen() == []
    machine.run(1_000)
    assert window in cpu.seen()
    assert window in cpu.seen(), "code that was fetched once is translated"
