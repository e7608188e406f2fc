"""What a person at Renode's monitor has: the script, the description without Python, and what doctor finds."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from images import FULL, vendor

from bk7238 import chip as chips
from bk7238 import resources
from bk7238.cli import doctor, main
from bk7238.engine import renode_host
from bk7238.engine.engine import EngineError
from bk7238.engine.repl import load as load_repl
from renode.arm import COUNT, load, mov
from renode.conftest import HOST_LIMIT, PLATFORM, Make, Warnings, read_when

SCRIPT = PLATFORM.with_name("start.resc")
BUILT = resources.reference()
UART1 = 0xE2811C21  # add r1, r1, #0x2100
LOAD_BYTE = 0xE5D12009  # ldrb r2, [r1, #9]
MOV_R0_0 = b"0000a0e3"
pytestmark = pytest.mark.usefixtures("needs_renode")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def script(needs_renode: None, monkeypatch: pytest.MonkeyPatch) -> int:  # noqa: ARG001
    """Machines made after this are made by the script; its debugger's port."""
    renode, port = renode_host.renode(), free_port()
    monkeypatch.setattr(renode, "script", SCRIPT)
    monkeypatch.setattr(renode, "gdb", port)
    return port


def test_description_loads_without_models_and_blocks_read_zero() -> None:
    renode = renode_host.renode()
    renode.load(PLATFORM)
    assert int(renode.execute("sysbus ReadDoubleWord 0x800000"), 16) == 0
    renode.execute("sysbus WriteDoubleWord 0x800000 1")


@pytest.mark.parametrize("chip", chips.known(), ids=lambda chip: chip.word)
def test_script_of_each_chip_makes_its_machine_without_a_warning(
    chip: chips.Chip, monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    renode = renode_host.renode()
    monkeypatch.setattr(renode, "script", chip.board.with_name("start.resc"))
    machine = renode.load(chip.board)
    assert (
        renode.find("sysbus.saradc").Model
        == next(one for one in load_repl(chip.board).blocks if one.name == "saradc").model
    )
    assert machine is renode.machine
    assert warnings() == []


GAPS = (0x3C4000, 0x3EFFFC, 0x3F4000, 0x3FFFFC, 0x440000, 0x700010, 0x7FFFFC)


@pytest.mark.usefixtures("script")
def test_script_loads_without_a_warning_and_the_gaps_of_the_tcm_are_silent(warnings: Warnings) -> None:
    renode = renode_host.renode()
    renode.load(PLATFORM)
    for address in GAPS:
        renode.execute(f"sysbus WriteDoubleWord {address:#x} 0x12345678")
        assert int(renode.execute(f"sysbus ReadDoubleWord {address:#x}"), 16) == 0
    assert warnings() == []
    renode.execute("sysbus ReadDoubleWord 0x880000")
    assert len(warnings()) == 1, "an access to nothing warns"


@pytest.mark.usefixtures("needs_renode")
def test_description_with_a_statement_that_renode_refuses_is_refused(tmp_path: Path) -> None:
    description = tmp_path / PLATFORM.name
    description.write_text(PLATFORM.read_text().replace("<0x003C4000, 0x003EFFFF>", "<0x003C4000, +0x0002C000>"))
    with pytest.raises(EngineError, match=r"refused a statement of board\.repl: Could not tokenize here: sysbus"):
        renode_host.renode().load(description)
    assert "refused a statement" in renode_host.probe(description)["problem"], "doctor sees it"
    assert renode_host.probe(PLATFORM)["version"] == renode_host.RELEASE


def test_script_makes_a_machine_with_a_debugger_and_a_switch(script: int, program: Make) -> None:
    engine = program(*COUNT)
    engine.run(until=1_000)
    assert engine.register("r0") > 1_000
    assert said(script, b"$m0,4#fd", until=MOV_R0_0)
    renode_host.renode().execute("connector Disconnect sysbus.wifi switch")  # refused where it was not connected


def said(port: int, asked: bytes, until: bytes) -> bytes:
    """What a debugger that asks this reads until that, or until the server hangs up."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=HOST_LIMIT) as debugger:
        debugger.sendall(asked)
        while until not in answer:
            try:
                more = debugger.recv(1000)
            except ConnectionResetError:
                break
            if not more:
                break
            answer += more
    return answer


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_debuggers_server_is_reached_from_this_machine_alone_and_not_by_web_pages(script: int, program: Make) -> None:
    program(*COUNT)
    ends = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [
        bytes.fromhex(address)[::-1] for address, port in (end.split(":") for end in ends) if int(port, 16) == script
    ]
    assert listening == [socket.inet_aton("127.0.0.1")]
    assert said(script, b"POST / HTTP/1.1\r\n\r\n$m0,4#fd", until=MOV_R0_0) == b""
    assert renode_host.renode().execute("emulation IsStarted").strip() == "False"
    assert said(script, b"$m0,4#fd", until=MOV_R0_0), "the next one is a debugger"
    renode_host.renode().execute(f"machine StopGdbServer {script}")
    with pytest.raises(ConnectionRefusedError):
        said(script, b"", until=b"$")


def test_port_of_the_debugger_that_is_taken(script: int, program: Make) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", script))
        other.listen()
        with pytest.raises(EngineError, match=f"no GDB server on port {script}: .*in use"):
            program(*COUNT)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "words",
    [("monitor", "-e", 'emulation RunFor "1:00:00"'), ("run", "--engine", "renode", "--within", "3600")],
    ids=["a command of Renode", "a run"],
)
def test_signals_end_what_runs_in_renode(words: tuple[str, ...], number: int, status: int) -> None:
    verb, *options = words
    command = [sys.executable, "-m", "bk7238.cli", verb, str(BUILT / "reference_1.0.0.bin"), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        seen = ""
        while "reference app" not in seen:
            line = process.stdout.readline()
            assert line, f"it ended before it ran: {seen}"
            seen += line
        process.send_signal(number)
        try:
            rest, _ = process.communicate(timeout=HOST_LIMIT)
        finally:
            process.kill()
    assert (process.returncode, rest.splitlines()[-1]) == (
        status,
        f"bk7238: interrupted by {signal.Signals(number).name}",
    )


def test_monitor_command_carries_out_what_is_typed(
    script: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sysbus.cpu PC\nno such command\nquit\n"))
    assert (
        main(["monitor", str(vendor(FULL)), "--gdb", str(script), "--ssid", "Bench", "-e", "sysbus.uart1 Model"]) == 0
    )
    output = capsys.readouterr().out
    assert "uart:Uart" in output
    assert "0x0" in output
    assert "No such command" in output


@pytest.mark.usefixtures("script")
def test_monitor_goes_on_after_a_command_that_raises_and_resets_without_a_warning(
    warnings: Warnings, program: Make
) -> None:
    program(*COUNT).run(until=100)
    renode = renode_host.renode()
    assert "UInt32" in renode.answer("sysbus.cpu PC 0xFFFFFFFFFFFFFFFF")
    assert renode.answer("sysbus.cpu PC").strip() != "0x0"
    renode.execute("machine Reset")
    assert renode.answer("sysbus.cpu PC").strip() == "0x0"
    assert warnings() == []


@pytest.mark.usefixtures("script")
def test_log_of_accesses_names_registers(program: Make, tmp_path: Path) -> None:
    engine = program(mov(1, 0x800000), UART1, load(2, 1, 8), LOAD_BYTE, *COUNT)
    engine.name_registers()
    renode, log = renode_host.renode(), tmp_path / "accesses.log"
    renode.execute(f"logFile @{log} true")
    renode.execute("logLevel 1")
    renode.execute("sysbus LogPeripheralAccess sysbus.uart1")
    engine.run(until=100)
    renode.execute(f"logLevel {renode_host.LOG_LEVEL}")
    text = read_when(log, "ReadByte")
    assert "from 0x8 (FIFO_STATUS), returned" in text
    assert "from 0x9 (FIFO_STATUS+0x1), returned" in text


@pytest.mark.usefixtures("script")
def test_machine_without_models_says_whom_to_ask(warnings: Warnings, program: Make) -> None:
    program(*COUNT)
    renode = renode_host.renode()
    renode.answer("Clear")
    renode.answer(f"include @{SCRIPT}")
    assert int(renode.answer("sysbus ReadDoubleWord 0x802100"), 16) == 0
    assert any("only the machine that `bk7238` made has them" in line for line in warnings())


def test_monitor_updates_a_device_and_says_where_it_ends(
    script: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("quit\n"))
    files = [str(BUILT / "reference_1.0.0.bin"), str(BUILT / "reference_1.0.1_gzip_aes.rbl")]
    options = ["--gdb", str(script), "--fault", "http-status:status=404", "-e", 'emulation RunFor "1.5"']
    assert main(["monitor", *files, *options]) == 0
    output = capsys.readouterr().out
    assert "power on: reference_1.0.0.bin" in output
    assert "the network as" in output
    assert "404" in output


@pytest.mark.skipif(importlib.util.find_spec("robot") is None, reason="needs Robot Framework (extra `test`)")
def test_robot_suite_of_the_examples(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    variables = {
        "IMAGE": BUILT / "reference_1.0.0.bin",
        "PACKAGE": BUILT / "reference_1.0.1_gzip_aes.rbl",
        "BK7238_PORT": free_port(),
    }
    command = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), "--pythonpath", str(root)]
    for name, value in variables.items():
        command += ["--variable", f"{name}:{value}"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*command, str(root / "examples" / "robot" / "update.robot")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=4 * HOST_LIMIT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "3 tests, 3 passed, 0 failed" in done.stdout


def test_process_that_holds_renode_leaves_at_once_with_its_status() -> None:
    text = (
        "import atexit\n"
        "from bk7238.engine import renode_host\n"
        "renode_host.renode()\n"
        "import pyrenode3.inits\n"
        "pyrenode3.inits.Cleaner().add(-1, lambda: print('taken down in order'))\n"
        "atexit.register(print, 'left')\n"
        "renode_host.leave(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=HOST_LIMIT)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (7, "left"), done.stderr[-2000:]


def test_doctor_finds_it() -> None:
    finding = doctor.renode()
    assert finding.usable, finding.problem
    assert finding.what.startswith("Renode ")


def test_the_script_lies_beside_the_description_and_the_bridge_above() -> None:
    assert SCRIPT.is_file()
    assert (resources.platform() / renode_host.BRIDGE).is_file()
