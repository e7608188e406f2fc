"""What a person at Renode's monitor has: the script, the description without Python, and what doctor finds."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
from images import FULL, vendor

from bk7238.cli import doctor, main
from bk7238.engine import renode_host
from bk7238.engine.engine import EngineError
from renode.arm import COUNT
from renode.conftest import PLATFORM, Make, Warnings

SCRIPT = PLATFORM.with_suffix(".resc")
MOV_R0_0 = b"0000a0e3"
pytestmark = pytest.mark.usefixtures("needs_renode")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> int:
    """Machines made after this are made by the script; its debugger's port."""
    renode, port = renode_host.renode(), free_port()
    monkeypatch.setattr(renode, "script", SCRIPT)
    monkeypatch.setattr(renode, "variables", {"gdb": port})
    return port


def test_description_loads_without_models_and_blocks_read_zero() -> None:
    renode = renode_host.renode()
    renode.load(PLATFORM)
    assert int(renode.execute("sysbus ReadDoubleWord 0x800000"), 16) == 0
    renode.execute("sysbus WriteDoubleWord 0x800000 1")


GAPS = (0x3C4000, 0x3EFFFC, 0x3F4000, 0x3FFFFC, 0x440000, 0x700010, 0x7FFFFC)


def test_script_loads_without_a_warning_and_the_gaps_of_the_tcm_are_silent(script: int, warnings: Warnings) -> None:
    renode = renode_host.renode()
    renode.load(PLATFORM)
    for address in GAPS:
        renode.execute(f"sysbus WriteDoubleWord {address:#x} 0x12345678")
        assert int(renode.execute(f"sysbus ReadDoubleWord {address:#x}"), 16) == 0
    assert warnings() == []
    renode.execute("sysbus ReadDoubleWord 0x880000")
    assert len(warnings()) == 1, "an access to nothing warns"


def test_description_with_a_statement_that_renode_refuses_is_refused(needs_renode: None, tmp_path: Path) -> None:
    for name in (renode_host.BRIDGE, SCRIPT.name):
        (tmp_path / name).write_bytes((PLATFORM.parent / name).read_bytes())
    description = tmp_path / PLATFORM.name
    description.write_text(PLATFORM.read_text().replace("<0x003C4000, 0x003EFFFF>", "<0x003C4000, +0x0002C000>"))
    with pytest.raises(EngineError, match=r"refused a statement of bk7238\.repl: Could not tokenize here: sysbus"):
        renode_host.renode().load(description)


def test_script_makes_a_machine_with_a_debugger_and_a_switch(script: int, program: Make) -> None:
    engine = program(*COUNT)
    engine.run(until=1_000)
    assert engine.register("r0") > 1_000
    with socket.create_connection(("127.0.0.1", script), timeout=10) as debugger:
        debugger.sendall(b"$m0,4#fd")
        answer = b""
        while MOV_R0_0 not in answer:
            answer += debugger.recv(1000)
    renode_host.renode().execute("connector Disconnect sysbus.wifi switch")  # refused where it was not connected


def test_monitor_command_carries_out_what_is_typed(
    script: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sysbus.cpu PC\nno such command\nquit\n"))
    assert (
        main(["monitor", str(vendor(FULL)), "--gdb", str(script), "--ssid", "Bench", "-e", "sysbus.uart1 Model"]) == 0
    )
    output = capsys.readouterr().out
    assert "peripherals.uart:Uart" in output
    assert "0x0" in output
    assert "No such command" in output


def test_doctor_finds_it() -> None:
    finding = doctor.renode()
    assert finding.usable, finding.problem
    assert finding.what.startswith("Renode ")


def test_bridge_and_script_lie_beside_the_description() -> None:
    assert Path(SCRIPT).is_file()
    assert (PLATFORM.parent / renode_host.BRIDGE).is_file()
