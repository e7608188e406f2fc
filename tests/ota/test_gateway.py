"""An update that a real HTTP server process of the host serves, through the gateway."""

import json
import socket
import subprocess
import sys

import pytest
from boot import reference
from images import FULL, GZIP, vendor

from bk7238 import resources
from bk7238.cli import main
from bk7238.network import gateway
from bk7238.testing import Air
from ota import expected


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy host may take its time: wall time stands still."""
    monkeypatch.setitem(gateway.Gateway.__init__.__kwdefaults__, "clock", lambda: 0.0)


@pytest.fixture(params=["reference", pytest.param("vendor", marks=pytest.mark.nightly)])
def files(request):
    """An image, a package, and the flash after the update."""
    if request.param == "vendor":
        full, gzip = vendor(FULL), vendor(GZIP)
        return full, gzip, expected.after_update(full.read_bytes().ljust(expected.FLASH, b"\xff"), gzip.read_bytes())
    built = resources.reference()
    gzip = built / "reference_1.0.1_gzip_aes.rbl"
    return built / "reference_1.0.0.bin", gzip, reference.installed(reference.image(gzip.read_bytes()))


@pytest.fixture
def server(files, tmp_path):
    """`python3 -m http.server` on 127.0.0.1 with the package as new.rbl: its port and its log."""
    (tmp_path / "new.rbl").write_bytes(files[1].read_bytes())
    program = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline().split(" port ")[1].split()[0]), process
        finally:
            process.terminate()


def test_a_real_server_serves_the_update(files, server, tmp_path, capsys):
    port, process = server
    image, update_package, after = files
    with socket.create_server(("127.0.0.1", 0)) as other:
        through = ["--gateway", f"127.0.0.1:{port}", "--request", "new.rbl"]
        out = tmp_path / "out"
        status = main(["ota", str(image), str(update_package), *through, "--json", "--artifacts", str(out)])
        result = json.loads(capsys.readouterr().out)
        assert (status, result["verdict"]) == (0, "new-app-runs")
        assert result["digest"].endswith("+gateway")
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    process.terminate()
    assert '"GET /new.rbl HTTP/1.1" 200' in process.stderr.read()
    assert "HostConnected" in (out / "gateway.log").read_text()
    app = slice(expected.APP, expected.DOWNLOAD)
    assert (out / "flash.bin").read_bytes()[app] == after[app] != image.read_bytes()[app]


def test_another_port_of_the_host_is_refused(files, server, make_dut):
    """The device is told a port that is open on the host, and is not the gateway's."""
    port, _ = server
    with socket.create_server(("127.0.0.1", 0)) as other:
        wrong = other.getsockname()[1]
        through = {"gateway": f"127.0.0.1:{port}", "request": f"http://192.168.77.1:{wrong}/new.rbl"}
        air = Air(make_dut(image=files[0], package=files[1], **through))
        for _ in range(2):
            refused = air.expect("Refused", within="40 s")
            assert (refused.destination, refused.port, refused.answer) == ("192.168.77.1", wrong, "reset")
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_server_that_does_not_run_is_told(files, make_dut):
    with socket.socket() as mute:  # its port is nobody else's, and it does not listen
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        air = Air(make_dut(image=files[0], package=files[1], gateway=f"127.0.0.1:{port}"))
        failed = air.expect("HostUnreachable")
    assert failed.server == f"127.0.0.1:{port}" and "refused" in failed.reason
