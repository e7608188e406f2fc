"""The Renode engine without a Renode: what is said when it is missing, and its logic against a fake one."""

from __future__ import annotations

import ctypes
import io
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import fake_renode
import forked
import pytest

from bk7238 import chip, resources
from bk7238.cli import doctor, main
from bk7238.engine import interruption, renode_host
from bk7238.engine.engine import EngineError, make
from bk7238.engine.renode import RenodeEngine
from bk7238.network.network import Network
from bk7238.network.uplink import Uplink
from bk7238.peripherals.core import ResetKind
from bk7238.robot import server

PLATFORM = chip.usual().board
RAM = 0x400000


@pytest.fixture
def no_renode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renode_host.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(renode_host, "_renode", None)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> fake_renode.Renode:
    return fake_renode.install(monkeypatch)


# Where it is missing


@pytest.mark.usefixtures("no_renode")
def test_engine_that_cannot_be_had_says_what_is_missing() -> None:
    with pytest.raises(EngineError, match=r"pyrenode3 is not installed.*bk7238 doctor"):
        make("renode", PLATFORM, 0)


@pytest.mark.usefixtures("no_renode")
def test_command_line_ends_with_status_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = SimpleNamespace(data=bytes(0x200000), name="image.bin", chip=chip.usual())
    monkeypatch.setattr("bk7238.cli.run.given.image", lambda *_arguments: image)
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
    monkeypatch.setattr(renode_host.importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(renode_host, "INSTALLED", Path("/nowhere"))
    assert renode_host.missing(environment) == lack


@pytest.mark.usefixtures("no_renode")
def test_doctor_names_both_engines_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "engine unicorn: usable" in output
    assert "engine renode: not usable: the Python package pyrenode3 is not installed" in output
    assert "PYRENODE_RUNTIME=coreclr" in output


@pytest.mark.usefixtures("no_renode")
def test_doctor_tells_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    assert '"engine": "renode", "usable": false' in capsys.readouterr().out


def test_doctor_reads_the_answer_among_other_output() -> None:
    assert doctor._answer('noise\n{"version": "1.16.1", "runtime": "mono"}\n')["version"] == "1.16.1"


def test_what_is_run_is_pinned_wherever_it_is_installed() -> None:
    root = Path(__file__).resolve().parents[2]
    for text in (doctor.INSTALL, *((root / path).read_text() for path in ("docs/renode.md", "examples/renode.yml"))):
        assert set(re.findall(r"https?://\S*renode\S*\.tar\.gz", text)) == {renode_host.DOWNLOAD}
        assert set(re.findall(r"git\+https://[^\s\"]+", text)) == {renode_host.PYRENODE3}


def test_doctor_asks_for_the_description_as_well(fake: fake_renode.Renode, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.version = renode_host.RELEASE  # type: ignore[attr-defined]
    assert renode_host.probe(PLATFORM)["version"] == renode_host.RELEASE
    monkeypatch.setattr(fake, "load", Mock(side_effect=EngineError("Renode refused a statement of board.repl: it")))
    assert renode_host.probe(PLATFORM) == {"problem": "Renode refused a statement of board.repl: it"}


# Leaving

LEAVING = """
import atexit, sys
from bk7238.engine import renode_host
class Slow:
    def __init__(self): atexit.register(print, "taken down in order")
renode_host.Renode, renode_host.missing = Slow, lambda: None
atexit.register(print, "another's atexit, early")
renode_host.renode()
atexit.register(print, "another's atexit, late")
sys.stdout.write("written, ")
"""


def python(text: str, *arguments: str, cwd: Path | None = None) -> tuple[int, str]:
    command = [sys.executable, *(arguments or ("-c", text))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=300)
    return done.returncode, done.stdout


def test_leaving_passes_over_what_renode_has_registered_and_nothing_else() -> None:
    others = "written, another's atexit, late\nanother's atexit, early\n"
    assert python(LEAVING + "renode_host.leave(7)") == (7, others)
    assert python(LEAVING) == (
        0,
        others.replace("another's atexit, early", "taken down in order\nanother's atexit, early"),
    )


def test_the_command_leaves_at_once_with_its_status() -> None:
    text = LEAVING + "from bk7238 import cli\ncli.main = lambda: 3\ncli.command()"
    status, output = python(text)
    assert status == 3
    assert "taken down" not in output


@pytest.mark.full
@pytest.mark.parametrize(("outcome", "status"), [("True", 0), ("False", 1)])
def test_pytest_leaves_at_once_with_its_status(tmp_path: Path, outcome: str, status: int) -> None:
    (tmp_path / "test_it.py").write_text(f"def test():\n    exec({LEAVING!r}, {{}})\n    assert {outcome}\n")
    without = (f"-pno:{name}" for name in ("anyio", "hypothesispytest", "xdist"))  # which take long to import
    found, output = python("", "-m", "pytest", *without, "-q", "--tb=no", "--junitxml=it.xml", cwd=tmp_path)
    assert found == status
    assert "another's atexit, early" in output
    assert "taken down" not in output
    assert (tmp_path / "it.xml").is_file()


# The monitor


def test_what_a_command_raises_is_printed() -> None:
    host = SimpleNamespace(monitor=SimpleNamespace(execute=Mock(side_effect=RuntimeError("bad\nat Antmicro..."))))
    assert renode_host.Renode.answer(host, "anything") == "RuntimeError: bad\n"  # type: ignore[arg-type]


BUILT = resources.reference()
IMAGE, PACKAGE = str(BUILT / "reference_1.0.0.bin"), str(BUILT / "reference_1.0.1_none_aes.rbl")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name the IMAGE"),
        ([IMAGE, "--psk", "secret123"], "--psk needs an access point: --ssid SSID"),
        ([IMAGE, "--serve", IMAGE], "--serve needs an access point"),
        ([IMAGE, "--fault", "ap-gone"], "--fault needs an access point"),
        ([IMAGE, PACKAGE, "--bare"], "with --bare nobody serves files"),
        ([IMAGE, PACKAGE, "--fault", "ap-gon"], "is it ap-gone"),
        ([IMAGE, "--ssid", "Bench", "--fault", "ap-gon"], "is it ap-gone"),
        ([IMAGE, IMAGE], "reference_1.0.0.bin"),
        ([IMAGE, PACKAGE, "--serve", "none.bin"], "none.bin: No such file"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_monitor_says_what_it_cannot_do(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(["monitor", *arguments]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert said in output.err


@pytest.mark.parametrize("package", [[], [PACKAGE]])
@pytest.mark.usefixtures("fake")
def test_monitor_has_a_network_with_files_and_faults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], package: list[str]
) -> None:
    made: list[Network] = []
    plug = Uplink.__init__
    monkeypatch.setattr(Uplink, "__init__", lambda self, port, inner: made.append(inner) or plug(self, port, inner))
    monkeypatch.setattr("sys.stdin", io.StringIO("pause\n"))
    options = ["--ssid", "Bench", "--serve", __file__, "--fault", "http-status:404@30s", "-e", "start"]
    assert main(["monitor", IMAGE, *package, *options]) == 0
    output = capsys.readouterr().out
    assert "answer to start" in output and "answer to pause" in output
    assert ("power on: reference_1.0.0.bin" in output) == bool(package)
    served = {Path(name).name for name in made[0].http.files}
    assert served == {Path(__file__).name, *(Path(one).name for one in package)}


@pytest.mark.parametrize("gdb", [None, 3333])
def test_gdb_server_is_opened_where_it_is_asked_for(
    fake: fake_renode.Renode, monkeypatch: pytest.MonkeyPatch, gdb: int | None
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["monitor", IMAGE, *([] if gdb is None else ["--gdb", str(gdb)])]) == 0
    assert fake.host.debugger == gdb


@pytest.mark.usefixtures("fake")
def test_gdb_server_on_a_port_that_is_taken_is_an_error_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", IMAGE, "--gdb", str(fake_renode.TAKEN[0])]) == 2
    assert capsys.readouterr().err == "bk7238: Renode opens no GDB server on port 1: port 1 is taken\n"


def begin() -> None:
    """In a process that is to have the fake one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server.RenodeKeywords = lambda: None  # type: ignore
    fake_renode.install(pytest.MonkeyPatch())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("words", "begins"), [(("monitor", IMAGE), "(bk7238) "), (("monitor", "--robot", "0"), "keywords")]
)
def test_signals_end_the_monitor(number: int, status: int, words: tuple[str, ...], begins: str) -> None:
    pipe = subprocess.PIPE
    with forked.popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=begin) as process:
        assert process.stdout is not None
        assert process.stdout.read(len(begins)) == begins
        process.send_signal(number)
        _, complained = process.communicate()
    assert (process.returncode, complained) == (status, f"bk7238: interrupted by {signal.Signals(number).name}\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_the_wait_for_a_command_of_renode(number: int, status: int) -> None:
    """One such as `emulation RunFor "1:00:00"`, in which Python's handlers do not run."""

    def waiting() -> None:
        begin()
        fake_renode.Renode.answer = lambda *_: print("begun", flush=True) or threading.Event().wait()  # type: ignore

    words, pipe = ("monitor", IMAGE, "-e", "emulation RunFor"), subprocess.PIPE
    with forked.popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=waiting) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        try:
            _, complained = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, complained) == (status, f"bk7238: interrupted by {signal.Signals(number).name}\n")


def test_signals_are_python_s_again_once_renode_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """.NET puts handlers of its own into the process, of which Python does not know."""

    def load() -> str:
        ctypes.CDLL(None).signal(int(signal.SIGINT), ctypes.c_void_p(int(signal.SIG_IGN)))
        return "Renode"

    monkeypatch.setattr(renode_host, "missing", lambda: None)
    monkeypatch.setattr(renode_host, "_renode", None)
    monkeypatch.setattr(renode_host, "_apart_from_others", False)
    monkeypatch.setattr(renode_host, "Renode", load)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    @interruption.heard()
    def command() -> None:
        renode_host.renode()
        os.kill(os.getpid(), signal.SIGINT)

    try:
        with pytest.raises(interruption.Interrupted):
            command()
    finally:
        signal.signal(signal.SIGINT, before)


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


@pytest.mark.usefixtures("fake")
def test_events_happen_in_order_and_at_their_time() -> None:
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


def test_stores_into_the_flash_window_are_the_flash_controllers(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    taken: list[tuple[int, int, int]] = []
    stores = fake.host.stores
    stores.Write(0x10000, 0x1234, 2)
    engine.bus.on_store = lambda *store: taken.append(store) or True
    stores.Write(0x10004, 0x5678, 4)
    assert (taken, stores.Read(0x10000, 4)) == ([(0x10004, 0x5678, 4)], 0)
    assert ["goes nowhere" in str(record) for record in engine.log.records] == [True]


def test_what_an_access_raises_is_raised_by_run(fake: fake_renode.Renode, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_offset: int, _width: int = 4) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr("bk7238.peripherals.watchdog.Watchdog.read", lambda _self, *a: broken(*a))
    engine = RenodeEngine(PLATFORM)
    answers: list[int] = []
    fake.host.script = [(10_000, lambda: answers.append(fake.faces["wdt"].Read(0, 4)))]
    with pytest.raises(RuntimeError, match="broken"):
        engine.run(until=1_000)
    assert answers == [0]


@pytest.mark.usefixtures("fake")
def test_what_an_event_raises_is_raised_by_run() -> None:
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


@pytest.mark.usefixtures("fake")
def test_newer_machine_takes_the_place() -> None:
    old = RenodeEngine(PLATFORM)
    RenodeEngine(PLATFORM)
    with pytest.raises(EngineError, match="one process runs one at a time"):
        old.run(until=1)


@pytest.mark.parametrize(("kind", "kept"), [(ResetKind.WATCHDOG, b"data"), (ResetKind.POWER_ON, bytes(4))])
def test_reset_by_kind(fake: fake_renode.Renode, kind: ResetKind, kept: bytes) -> None:
    engine = RenodeEngine(PLATFORM)
    kinds: list[ResetKind] = []
    engine.on_reset.connect(kinds.append)
    engine.bus.write(RAM, b"data")
    fake.host.script = [(40_000, lambda: engine.board.wdt.request_reset(kind))]
    engine.run(until=100)
    assert (kinds, fake.host.resets) == ([kind], 1)
    assert engine.bus.read(RAM, 4) == kept
    assert engine.clock.now == 100


@pytest.mark.usefixtures("fake")
def test_bus_refuses_what_is_no_memory() -> None:
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


def test_log_is_told_the_names_of_registers(fake: fake_renode.Renode) -> None:
    engine = RenodeEngine(PLATFORM)
    engine.name_registers()
    assert fake.host.named
    assert {"8 FIFO_STATUS", "12 FIFO_PORT"} <= set(fake.host.names["uart1"])
    arrays = [line for line in fake.host.names["gpio"] if line.endswith("[1]")]
    assert arrays, "registers of an array have their index"


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
