"""The Renode engine on small ARM programs: time, stops, resets, and everything that goes wrong."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bk7238 import resources
from bk7238.engine import renode_host
from bk7238.engine.costs import measure
from bk7238.engine.engine import EngineError
from bk7238.image import flash_image, package
from bk7238.peripherals.core import ResetKind
from bk7238.sweep.point import Job
from bk7238.update.session import Settings
from renode.arm import COUNT, add, branch, load, mov, store
from renode.conftest import HOST_LIMIT, Make, Reads

INSTRUCTIONS_PER_MICROSECOND = 30
SYSTEM_CONTROL, RAM = 0x800000, 0x400000


def test_run_ends_at_the_microsecond_and_goes_on_from_there(program: Make) -> None:
    engine = program(*COUNT)
    engine.run(until=5_000)
    assert (engine.clock.now, engine.instructions) == (5_000, 5_000 * INSTRUCTIONS_PER_MICROSECOND)
    engine.run(until=7_000)
    assert (engine.clock.now, engine.instructions) == (7_000, 7_000 * INSTRUCTIONS_PER_MICROSECOND)


def test_same_program_counts_the_same_twice(program: Make) -> None:
    counts = []
    for _ in range(2):
        engine = program(*COUNT)
        engine.run(until=12_345)
        counts.append((engine.register("r0"), engine.register("pc"), engine.instructions))
    assert counts[0] == counts[1]


def test_events_happen_at_their_microsecond(program: Make) -> None:
    engine = program(*COUNT)
    seen: list[int] = []
    engine.clock.after(1_000, lambda: seen.append(engine.clock.now))
    engine.clock.after(10, lambda: seen.append(engine.clock.now))
    engine.clock.after(20, lambda: seen.append(-1)).cancel()
    engine.run(until=2_000)
    assert seen == [10, 1_000]


def test_event_asked_for_in_a_register_access_is_not_late(program: Make, reads: Reads) -> None:
    times: list[int] = []

    def read(_offset: int, _width: int) -> int:
        now = engine.clock.now
        engine.clock.after(3, lambda: times.append(engine.clock.now - now))
        return 0

    reads(read)
    engine = program(mov(1, SYSTEM_CONTROL), load(2, 1), *COUNT)
    engine.run(until=100)
    assert times == [3]


@pytest.mark.parametrize("stop_at", [1, 5])
def test_stop_in_a_register_access_executes_it_once(program: Make, reads: Reads, stop_at: int) -> None:
    seen: list[int] = []

    def read(offset: int, _width: int) -> int:
        seen.append(offset)
        if len(seen) == stop_at:
            engine.stop()
        return len(seen)

    reads(read)
    engine = program(mov(1, SYSTEM_CONTROL), mov(3, 0), add(3, 1), load(2, 1), branch(-2))
    engine.run(until=1_000)
    assert (len(seen), engine.register("r2"), engine.register("r3")) == (stop_at, stop_at, stop_at)


def test_bytes_and_halfwords_reach_the_model(program: Make, reads: Reads) -> None:
    widths: list[tuple[int, int]] = []
    reads(lambda offset, width: widths.append((offset, width)) or 0)
    load_byte, load_half = 0xE5D12001, 0xE1D120B2  # ldrb r2, [r1, #1]; ldrh r2, [r1, #2]
    engine = program(mov(1, SYSTEM_CONTROL), load_byte, load_half, *COUNT)
    engine.run(until=10)
    assert widths == [(1, 1), (2, 2)]


def test_interrupt_line_reaches_the_cpu_through_the_wires(program: Make) -> None:
    enable_and_spin = (0xE321F01F, add(0, 1), branch(-1))  # msr cpsr_c, #0x1f (system mode, nothing masked)
    handler = (mov(7, 0x77), branch(0))
    engine = program(branch(16), *(branch(0) for _ in range(5)), *handler, *(0 for _ in range(8)), *enable_and_spin)
    engine.clock.after(100, lambda: engine.board.icu.outputs[0][0](True))
    engine.run(until=200)
    assert engine.register("r7") == 0x77


def test_stores_into_the_flash_window_go_nowhere(program: Make) -> None:
    engine = program(mov(0, 0), mov(1, 0x55), store(1, 0), load(2, 0), mov(3, RAM), store(1, 3), load(4, 3), *COUNT)
    before = engine.bus.read(0, 4)
    engine.run(until=10)
    assert engine.bus.read(0, 4) == before
    assert (engine.register("r2").to_bytes(4, "little"), engine.register("r4")) == (before, 0x55)
    assert [
        record.text.startswith("write of 0x55 at 0x00000000: a store into the flash window")
        for record in engine.log.records
    ] == [True]


STORE_HALF, STORE_BYTE = 0xE1C010B4, 0xE5C01006  # strh r1, [r0, #4]; strb r1, [r0, #6]


def test_stores_into_the_flash_window_are_the_flash_controllers(program: Make) -> None:
    engine = program(mov(0, 0x10000), mov(1, 0x55), store(1, 0), STORE_HALF, STORE_BYTE, *COUNT)
    taken: list[tuple[int, int, int]] = []
    engine.bus.on_store = lambda *store: taken.append(store) or True  # type: ignore[func-returns-value]
    engine.run(until=10)
    assert taken == [(0x10000, 0x55, 4), (0x10004, 0x55, 2), (0x10006, 0x55, 1)]
    assert engine.log.records == []


def test_code_that_a_bus_master_changes_is_executed_as_changed(program: Make) -> None:
    engine = program(*COUNT)
    engine.run(until=100)
    engine.bus.write(4, (0xE2400001).to_bytes(4, "little"))  # sub r0, r0, #1
    before = engine.register("r0")
    engine.run(until=200)
    assert engine.register("r0") < before


def test_watchdog_reset_spares_ram_and_power_cycle_clears_it(program: Make) -> None:
    engine = program(mov(0, RAM), load(1, 0), add(1, 1), store(1, 0), *COUNT)
    kinds: list[ResetKind] = []
    engine.on_reset.connect(kinds.append)
    engine.clock.after(100, lambda: engine.board.wdt.request_reset(ResetKind.WATCHDOG))
    engine.run(until=200)
    assert engine.bus.read(RAM, 4) == b"\2\0\0\0"
    assert engine.clock.now == 200
    engine.power_cycle()
    engine.run(until=300)
    assert engine.bus.read(RAM, 4) == b"\1\0\0\0"
    assert kinds == [ResetKind.WATCHDOG, ResetKind.POWER_ON]
    assert engine.instructions == 300 * INSTRUCTIONS_PER_MICROSECOND


def test_registers_by_name(program: Make) -> None:
    engine = program(*COUNT)
    assert engine.register("cpsr") == 0xD3
    with pytest.raises(EngineError, match="spsr"):
        engine.register("spsr")


def test_renodes_own_commands_run_the_guest_and_its_resets(program: Make) -> None:
    engine = program(mov(0, RAM), load(1, 0), add(1, 1), store(1, 0), *COUNT)
    went_on = threading.Event()
    # The guest goes on by itself after the reset, and this much later it has come to its loop.
    engine.on_reset.connect(lambda _kind: engine.clock.after(100, went_on.set))
    engine.clock.after(100, lambda: engine.board.wdt.request_reset(ResetKind.WATCHDOG))
    renode = renode_host.renode()
    renode.execute("start")
    assert went_on.wait(HOST_LIMIT)
    renode.execute("pause")
    assert engine.bus.read(RAM, 4) == b"\2\0\0\0"
    assert engine.clock.now > 100


def test_network_face_is_a_plug_of_renodes_switch(program: Make) -> None:
    engine = program(*COUNT)
    renode = renode_host.renode()
    renode.execute('emulation CreateSwitch "switch"')
    renode.execute("connector Connect sysbus.wifi switch")
    port = engine.port("wifi")
    received: list[bytes] = []
    left: list[int] = []
    port.on_frame(received.append)
    face = renode.find("sysbus.wifi")
    face.FrameReady += lambda frame: left.append(len(frame.Bytes))
    frame = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)
    port.send(frame)
    assert left == [60]
    face.ReceiveFrame(frame_of(frame))
    assert received == [frame]


def frame_of(data: bytes) -> Any:
    network = importlib.import_module("Antmicro.Renode.Network")
    system = importlib.import_module("System")
    made, frame = network.EthernetFrame.TryCreateEthernetFrame(system.Array[system.Byte](data), False, None)
    assert made
    return frame


@pytest.mark.usefixtures("needs_renode")
def test_way_to_a_model_and_back_costs_little_more_than_in_the_embedded_engine() -> None:
    """Python's state of Renode's thread is kept and nothing is converted: with either it is over ten times as much."""
    embedded, renode = measure("unicorn"), measure("renode")
    assert 0 < renode.read < 8 * embedded.read
    assert 0 < renode.write < 8 * embedded.write
    assert 0 < renode.virtual_second < 1_000


@pytest.mark.usefixtures("needs_renode")
def test_sweep_is_refused_in_a_process_that_holds_a_renode() -> None:
    renode_host.renode()
    built = resources.reference()
    image = flash_image.read(built / "reference_1.0.0.bin")
    update = package.read(built / "reference_1.0.1_none_aes.rbl")
    with pytest.raises(ValueError, match="this process holds a Renode"):
        Job(image, update, Settings())
    with pytest.raises(ValueError, match="the engine renode runs no sweeps"):
        Job(image, update, Settings(engine="renode"))


# What goes wrong


def test_model_that_raises_in_an_access_raises_in_the_caller(program: Make, reads: Reads) -> None:
    def read(_offset: int, _width: int) -> int:
        raise RuntimeError("this model is broken")

    reads(read)
    engine = program(mov(1, SYSTEM_CONTROL), load(2, 1), *COUNT)
    with pytest.raises(RuntimeError, match="this model is broken"):
        engine.run(until=1_000)
    assert engine.clock.now < 2


def test_model_that_raises_in_an_event_raises_in_the_caller_and_the_run_goes_on(program: Make) -> None:
    engine = program(*COUNT)
    engine.clock.after(50, lambda: 1 // 0)
    later: list[int] = []
    engine.clock.after(60, lambda: later.append(engine.clock.now))
    with pytest.raises(ZeroDivisionError):
        engine.run(until=1_000)
    engine.run(until=1_000)
    assert later == [60]
    assert engine.clock.now == 1_000


def test_cpu_that_gives_up_is_reported_with_its_place(program: Make) -> None:
    engine = program(0xE3A0F205)  # mov pc, #0x50000000
    with pytest.raises(EngineError, match="0x50000000, where there is no memory"):
        engine.run(until=1_000)


def test_machine_after_one_whose_cpu_gave_up(program: Make) -> None:
    engine = program(0xE3A0F205)
    with pytest.raises(EngineError):
        engine.run(until=1_000)
    engine = program(*COUNT)
    engine.run(until=1_000)
    assert engine.instructions == 1_000 * INSTRUCTIONS_PER_MICROSECOND


def test_endless_loop_ends_at_the_host_limit(program: Make) -> None:
    engine = program(*COUNT)
    engine.host_limit = 1.0
    with pytest.raises(EngineError, match="still runs after 1 s of host time"):
        engine.run(until=1 << 50)
    engine.host_limit = 300.0
    engine.run(until=engine.clock.now + 10)  # it can go on


def test_a_new_machine_ends_the_one_before(program: Make) -> None:
    old = program(*COUNT)
    program(*COUNT)
    with pytest.raises(EngineError, match="one process runs one at a time"):
        old.run(until=10)


@pytest.mark.usefixtures("needs_renode")
def test_model_that_hangs_loses_the_renode_of_this_process_and_no_more() -> None:
    script = Path(__file__).with_name("hanging_model.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.stdout.split("\n")[:2] == [
        "Renode made no progress for 2 s of host time: a model or Renode hangs",
        "this process has lost its Renode (a run did not come back): start another process",
    ], done.stderr[-2000:]
