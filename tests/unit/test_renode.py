"""The Renode engine without a Renode: what is said when it is missing, and its logic against a fake one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import fake_renode
import pytest

from bk7238 import chip
from bk7238.cli import doctor, main
from bk7238.engine import renode_host
from bk7238.engine.engine import EngineError, make
from bk7238.engine.renode import RenodeEngine
from bk7238.network.network import Network
from bk7238.network.uplink import Uplink
from peripherals.core import ResetKind

PLATFORM = chip.load().board
RAM = 0x400000


@pytest.fixture
def no_renode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renode_host.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(renode_host, "_renode", None)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> fake_renode.Renode:
    return fake_renode.install(monkeypatch)


# Where it is missing


def test_engine_that_cannot_be_had_says_what_is_missing(no_renode: None) -> None:
    with pytest.raises(EngineError, match=r"pyrenode3 is not installed.*bk7238 doctor"):
        make("renode", PLATFORM, 0)


def test_command_line_ends_with_status_2_and_one_line(
    no_renode: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = SimpleNamespace(data=bytes(0x200000), name="image.bin")
    monkeypatch.setattr("bk7238.cli.run.given.image", lambda arguments: image)
    artifacts = tmp_path / "artifacts"
    status = main(["run", "image.bin", "--engine", "renode", "--artifacts", str(artifacts)])
    output = capsys.readouterr()
    assert (status, output.out, output.err.count("\n")) == (2, "", 1)
    assert "Renode cannot be used" in output.err
    assert not artifacts.exists()


@pytest.mark.parametrize(
    ("environment", "lack"),
    [
        ({}, "none of PYRENODE_BIN, PYRENODE_PKG, PYRENODE_BUILD_DIR names a Renode"),
        ({"PYRENODE_BIN": "/nowhere/renode"}, "PYRENODE_BIN names /nowhere/renode, which does not exist"),
        ({"PYRENODE_BIN": "/", "PYRENODE_PKG": "/"}, "PYRENODE_BIN and PYRENODE_PKG are both set"),
        ({"PYRENODE_BIN": "/"}, "PYRENODE_BIN is a .NET build and needs PYRENODE_RUNTIME=coreclr"),
        ({"PYRENODE_BIN": "/", "PYRENODE_RUNTIME": "coreclr"}, None),
        ({"PYRENODE_BUILD_DIR": "/"}, None),
    ],
)
def test_what_is_missing(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], lack: str | None) -> None:
    monkeypatch.setattr(renode_host.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(renode_host, "INSTALLED", Path("/nowhere"))
    assert renode_host.missing(environment) == lack


def test_doctor_names_both_engines_and_the_remedy(no_renode: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "engine unicorn: usable" in output
    assert "engine renode: not usable: the Python package pyrenode3 is not installed" in output
    assert "PYRENODE_RUNTIME=coreclr" in output


def test_doctor_tells_machines(no_renode: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    assert '"engine": "renode", "usable": false' in capsys.readouterr().out


def test_doctor_reads_the_answer_among_other_output() -> None:
    assert doctor._answer('noise\n{"version": "1.16.1", "runtime": "mono"}\n')["version"] == "1.16.1"


# The engine


def test_every_block_gets_its_model(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    assert set(fake.faces) == set(engine.board.names)
    storage = fake.faces["phy"]
    storage.Write(0x10, 0x1234_5678, 4)
    assert (storage.Read(0x10, 4), storage.Read(0x12, 2)) == (0x1234_5678, 0x1234)


def test_run_ends_at_the_microsecond(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    engine.run(until=1_234_567)
    assert engine.clock.now == 1_234_567
    assert fake.host.protected == 0x3C4000


def test_events_happen_in_order_and_at_their_time(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    seen: list[int] = []
    for delay in (300, 100, 200):
        engine.clock.after(delay, lambda: seen.append(engine.clock.now))
    engine.run(until=250)
    assert seen == [100, 200]
    engine.run(until=1_000)
    assert seen == [100, 200, 300]


def test_stop_from_an_access(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    fake.host.script = [(50_000, engine.stop)]
    engine.run(until=1_000)
    assert engine.clock.now == 50


def test_what_an_access_raises_is_raised_by_run(fake: fake_renode.Renode, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(offset: int, width: int = 4) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr("peripherals.watchdog.Watchdog.read", lambda self, *a: broken(*a))
    engine = RenodeEngine(PLATFORM)
    answers: list[int] = []
    fake.host.script = [(10_000, lambda: answers.append(fake.faces["wdt"].Read(0, 4)))]
    with pytest.raises(RuntimeError, match="broken"):
        engine.run(until=1_000)
    assert answers == [0]


def test_what_an_event_raises_is_raised_by_run(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    engine.clock.after(10, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        engine.run(until=1_000)


def test_cpu_abort_is_an_error_with_its_place(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    fake.host.aborts_at = 20_000
    with pytest.raises(EngineError, match="0x50000000, where there is no memory"):
        engine.run(until=1_000)


def test_renode_that_hangs_is_given_up(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    engine.patience = 0.1
    fake.host.hangs = True
    with pytest.raises(EngineError, match="no progress"):
        engine.run(until=1_000)
    with pytest.raises(EngineError, match="start another process"):
        engine.run(until=1_000)


def test_newer_machine_takes_the_place(fake: fake_renode.Renode) -> None:
    old = RenodeEngine(PLATFORM)
    RenodeEngine(PLATFORM)
    with pytest.raises(EngineError, match="one process runs one at a time"):
        old.run(until=1)


@pytest.mark.parametrize(("kind", "kept"), [(ResetKind.WATCHDOG, b"data"), (ResetKind.POWER_ON, bytes(4))])
def test_reset_by_kind(fake: fake_renode.Renode, kind: ResetKind, kept: bytes) -> None:
    engine = RenodeEngine(PLATFORM)
    kinds: list[ResetKind] = []
    engine.on_reset.append(kinds.append)
    engine.bus.write(RAM, b"data")
    fake.host.script = [(40_000, lambda: engine.board.wdt.request_reset(kind))]
    engine.run(until=100)
    assert (kinds, fake.host.resets) == ([kind], 1)
    assert engine.bus.read(RAM, 4) == kept
    assert engine.clock.now == 100


def test_bus_refuses_what_is_no_memory(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    for access in (lambda: engine.bus.read(0x800000, 4), lambda: engine.bus.write(RAM - 2, b"data")):
        with pytest.raises(ValueError, match="no memory holds"):
            access()


def test_outputs_drive_renodes_wires(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    for listener in engine.board.uart1.outputs[None]:
        listener(True)
    assert fake.faces["uart1"].driven == [(-1, True)]


def test_uart_bytes_go_both_ways(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    engine.board.uart1.sent(0x41)
    assert fake.faces["uart1"].sent == b"A"
    received: list[bytes] = []
    engine.board.uart1.receive = received.append
    fake.faces["uart1"].Receive(0x42)
    assert received == [b"B"]


def test_renodes_monitor_can_run_the_guest_by_itself(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    seen: list[int] = []
    engine.clock.after(100, lambda: (seen.append(engine.clock.now), fake.host.RequestPause()))
    fake.host.Start()
    assert fake.host.Settle(5_000)
    assert seen == [100]


def test_what_goes_wrong_under_renodes_monitor_is_logged(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    engine.clock.after(100, lambda: 1 // 0)
    fake.host.Start()
    assert fake.host.Settle(5_000)
    assert [record.level for record in engine.log.records] == ["error"]


# The network face


class Switch:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def on_frame(self, listener: Callable[[bytes], None]) -> None:
        self.deliver = listener


ARP = bytes.fromhex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0a84d32 000000000000 c0a84d01")


def test_switch_sees_what_the_device_sends_and_what_it_is_answered() -> None:
    switch = Switch()
    uplink = Uplink(switch, Network(random.Random(1)))
    answers = uplink.receive(ARP, 0)
    assert len(answers) == 1
    assert [frame[:42] for frame in switch.sent] == [ARP, answers[0][:42]]
    assert all(len(frame) >= 60 for frame in switch.sent)


def test_frames_of_the_switch_reach_the_device_with_the_next_poll() -> None:
    switch = Switch()
    uplink = Uplink(switch, None)
    switch.deliver(b"frame")
    assert uplink.deadline == 0
    assert uplink.poll(0) == [b"frame"]
    assert uplink.deadline == 1_000
    assert uplink.receive(ARP, 5) == []
