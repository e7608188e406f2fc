"""An update that a real HTTP server process of the host serves, through the gateway."""

import json
import socket
import subprocess
import sys

import pytest
from images import FULL, GZIP, vendor

from bk7238.cli import main
from bk7238.image import flash_image, package
from bk7238.network import gateway, host_server
from bk7238.network.events import HostUnreachable, Refused
from bk7238.update.session import Settings, Update
from ota import expected

pytestmark = pytest.mark.full


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy host may take its time: wall time stands still."""
    monkeypatch.setitem(gateway.Gateway.__init__.__kwdefaults__, "clock", lambda: 0.0)


@pytest.fixture
def server(tmp_path):
    """`python3 -m http.server` on 127.0.0.1 with the package as new.rbl: its port and its log."""
    (tmp_path / "new.rbl").write_bytes(vendor(GZIP).read_bytes())
    program = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline().split(" port ")[1].split()[0]), process
        finally:
            process.terminate()


def test_a_real_server_serves_the_update(server, tmp_path, capsys):
    port, process = server
    with socket.create_server(("127.0.0.1", 0)) as other:
        through = ["--gateway", f"127.0.0.1:{port}", "--request", "new.rbl"]
        out = tmp_path / "out"
        status = main(["ota", str(vendor(FULL)), str(vendor(GZIP)), *through, "--json", "--artifacts", str(out)])
        result = json.loads(capsys.readouterr().out)
        assert (status, result["verdict"]) == (0, "new-app-runs")
        assert result["digest"].endswith("+gateway")
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    process.terminate()
    assert '"GET /new.rbl HTTP/1.1" 200' in process.stderr.read()
    assert "HostConnected" in (out / "gateway.log").read_text()
    before = vendor(FULL).read_bytes().ljust(expected.FLASH, b"\xff")
    after = expected.after_update(before, vendor(GZIP).read_bytes())
    flash = (out / "flash.bin").read_bytes()
    app = slice(expected.APP, expected.DOWNLOAD)
    assert flash[app] == after[app] != before[app]


def test_another_port_of_the_host_is_refused(server):
    """The device is told a port that is open on the host, and is not the gateway's."""
    port, _ = server
    with socket.create_server(("127.0.0.1", 0)) as other:
        wrong = other.getsockname()[1]
        settings = Settings(
            gateway=host_server.Server("127.0.0.1", port), request=f"http://192.168.77.1:{wrong}/new.rbl", within=40
        )
        update = Update(flash_image.read(vendor(FULL)), package.read(vendor(GZIP)), settings)
        refused = []
        update.air.on_event(lambda event: refused.append(event) if isinstance(event, Refused) else None)
        update.air.on_event(lambda event: update.machine.stop() if len(refused) >= 2 else None)
        update.run()
        assert {(event.destination, event.port, event.answer) for event in refused} == {
            ("192.168.77.1", wrong, "reset")
        }
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_server_that_does_not_run_is_told():
    with socket.socket() as mute:  # its port is nobody else's, and it does not listen
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        settings = Settings(gateway=host_server.Server("127.0.0.1", port), within=20)
        update = Update(flash_image.read(vendor(FULL)), package.read(vendor(GZIP)), settings)
        failed = []
        update.air.on_event(lambda event: failed.append(event) if isinstance(event, HostUnreachable) else None)
        update.air.on_event(lambda event: update.machine.stop() if failed else None)
        update.run()
    (event,) = failed
    assert event.server == f"127.0.0.1:{port}" and "refused" in event.reason
