"""A crash storm is an end, and so is a device that does nothing but reset (tests/unit/programs/crashes.s)."""

import json

import pytest
from debugging import PROGRAMS, attached

from bk7238.cli import main
from bk7238.engine import slice as slices
from bk7238.formats import crc_framing, partitions
from bk7238.machine import Machine
from bk7238.machine.snapshot import Snapshots

PUSHES, PRINTS, WATCHDOG, BOOT_PRINTS = 1, 2, 4, 8
FLAGS = 0x20
FEW = 2_000_000  # instructions: a tenth of a virtual second is 3,000,000
BLANK, CALLS, ZEROS = b"\xff" * 64, 0xEF00_0000.to_bytes(4, "little") * 16, bytes(0x100)


@pytest.fixture(params=["native", pytest.param("python", marks=pytest.mark.full)])
def body(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(slices, "functions", slices.InPython)


def crashing(flags: int) -> Machine:
    return Machine(full_image(flags))


def full_image(flags: int) -> bytes:
    """With a partition table, so that it can be given as an image."""
    code = bytearray((PROGRAMS / "crashes.bin").read_bytes())
    code[FLAGS] = flags
    table = partitions.Partition("app", "beken_onchip_crc", 0x10000, 0x1000).pack()
    return crc_framing.frame(bytes(code).ljust(0x8000, b"\xff") + table.ljust(0x9000, b"\xff"))


def run(device: Machine, until: int = 100_000) -> list[str]:
    """Run to a dead end; why, each time it was told."""
    told: list[str] = []

    def end(why: str) -> None:
        told.append(why)
        device.stop()

    device.dead_end.on_end.connect(end)
    device.run(until)
    return told


@pytest.mark.usefixtures("body")
@pytest.mark.parametrize("flags", [0, PUSHES, BOOT_PRINTS])
def test_exceptions_that_lead_nowhere_are_an_end(flags):
    device = crashing(flags)
    (why,) = run(device)
    assert device.dead_end.why == why and device.instructions < FEW
    for said in ("data abort at 0x00000070", "lr 0x", "sp 0x", "cpsr 0x400000d3", "spsr 0x"):
        assert said in why


@pytest.mark.parametrize(
    ("code", "what"),
    [(BLANK, "undefined instruction"), (CALLS, "software interrupt"), (ZEROS, "undefined instruction")],
)
def test_so_are_those_of_a_flash_without_code(code, what):
    device = Machine(crc_framing.frame(code))
    (why,) = run(device, 60_000_000)
    assert f"{what} at 0x" in why and device.now < 5_000_000


@pytest.mark.full
def test_a_dump_without_end_is_one_too():
    device = crashing(PRINTS)
    (why,) = run(device)
    assert device.instructions < FEW and len(device.uart1.output) > 50_000, why


def test_the_same_run_ends_at_the_same_instruction():
    ends = []
    for stops in ([100_000], [400, 700, 1_000, 100_000]):
        device = crashing(PUSHES)
        device.dead_end.on_end.connect(lambda _why, device=device: device.stop())
        for until in stops:
            device.run(until)
        ends.append((device.instructions, device.now, device.digest()))
    assert ends[0] == ends[1]


def test_a_snapshot_takes_the_count_along():
    device = crashing(0)
    snapshots = Snapshots(device)
    device.run(700)
    snapshot = snapshots.take()
    (why,) = run(device)
    end = device.instructions, device.digest()
    snapshots.restore(snapshot)
    assert not device.dead_end.why
    device.run(100_000)
    assert (device.instructions, device.digest(), device.dead_end.why) == (*end, why)


def test_a_running_watchdog_resets_it_and_that_in_silence_is_the_end():
    device = crashing(WATCHDOG)
    (why,) = run(device, 10_000_000)
    assert "does nothing but reset (watchdog), 10 times" in why
    assert 200_000 <= device.now < 201_000 and device.instructions < FEW, "the time until the watchdog bites is skipped"


@pytest.mark.full
def test_a_watchdog_loop_that_prints_goes_on():
    device = crashing(WATCHDOG | BOOT_PRINTS)
    assert run(device, 250_000) == []
    assert device.resets == 12 and device.uart1.output == b"*" * 13
    assert "nothing but reset, 12 times in a row" in device.dead_end.resets


def test_time_goes_on_for_a_device_that_has_crashed_and_a_power_cycle_begins_anew():
    device = crashing(0)
    events: list[int] = []
    for at in range(1, 11):
        device.clock.after(at * 100_000, lambda: events.append(device.now))
    device.run(until=2_000_000)
    assert device.now == 2_000_000 and len(events) == 10 and device.instructions < FEW
    device.power_cycle()
    device.run(until=2_000_100)
    assert not device.dead_end.why


def test_gdb_is_stopped_and_told_why_where_it_does_not_catch_crashes():
    with attached(crashing(PUSHES)) as gdb:
        gdb.monitor("catch off")
        gdb.text = ""
        assert gdb.ask("c").startswith("T0a"), "SIGBUS"
        assert "crashes over and over: data abort at 0x00000070" in gdb.text


@pytest.mark.full
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (0, "crashes over and over: data abort at 0x00000070"),
        (WATCHDOG, "does nothing but reset (watchdog), 10 times in a row"),
        (WATCHDOG | BOOT_PRINTS, "did nothing but reset, 12 times in a row with the same output"),
    ],
)
def test_run_ends_with_status_1(flags, said, tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(full_image(flags))
    status = main(["run", str(tmp_path / "image.bin"), "--within", "0.25", "--json"])
    out, err = capsys.readouterr()
    assert status == 1 and said in err.splitlines()[-1] and said in json.loads(out)["end"]


def test_run_that_waits_for_a_text_knows_why_it_does_not_come(tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(full_image(0))
    assert main(["run", str(tmp_path / "image.bin"), "--until", "ready"]) == 1
    err = capsys.readouterr().err
    assert "crashes over and over" in err and "'ready' was not printed" in err


@pytest.mark.fault("flash-area:area=other,how=blank,at=0")
def test_an_update_of_a_device_without_vectors_ends_at_once(dut):
    result = dut.expect_verdict("bootloader-hangs")
    assert result.instructions < FEW
    assert "crashes over and over: undefined instruction at 0x00000004; lr 0x00000008" in result.reason
    assert result.faults[0]["fired"] == 1 and result.flash[:0x1000] == b"\xff" * 0x1000
