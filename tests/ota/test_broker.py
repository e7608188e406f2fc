"""OpenBeken and a real MQTT broker of this machine, mosquitto, which it reaches by name through the gateway."""

import contextlib
import select
import shutil
import socket
import subprocess

import pytest
from images import FULL

PSK = "a passphrase"
pytestmark = pytest.mark.nightly


def tool(name):
    """The path of a program that Debian installs."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if path is None:
        pytest.skip(
            "needs Debian's package mosquitto" if name == "mosquitto" else "needs Debian's package mosquitto-clients"
        )
    return path


@pytest.fixture
def port():
    """A TCP port of this machine that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def broker(folder, port):
    """A broker that is ready."""
    program = tool("mosquitto")
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest stderr\nlog_type all\n")
    with subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any("running" in line for line in process.stderr)
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def subscribed(port):
    """What the broker passes on to a subscriber of everything, a line a message: `TOPIC TEXT`."""
    asked = ["stdbuf", "-oL", tool("mosquitto_sub"), "-p", str(port), "-t", "#", "-v", "-d"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, bufsize=0) as process:  # `select` sees all there is
        try:
            while b"Subscribed" not in process.stdout.readline():
                assert process.poll() is None
            yield process.stdout
        finally:
            process.kill()


def heard(dut, messages, text):
    """Run until a message has come."""
    while True:
        dut.wait(lambda: select.select([messages], [], [], 0)[0], "60 s")
        if messages.readline().strip() == text:
            return


@pytest.mark.bk7238(image=FULL, update=False, psk=PSK)
def test_a_device_obeys_its_broker_and_comes_back_to_it(dut, port, tmp_path):
    dut.configure(gateway=f"broker.lan:1883=127.0.0.1:{port}")
    with broker(tmp_path, port), subscribed(port) as messages:
        dut.join()
        answer = dut.http.get("/cfg_mqtt_set?host=broker.lan&port=1883&client=lamp&group=lamps&user=&password=")
        assert answer.status == 200
        heard(dut, messages, b"lamp/connected online")
        command = [tool("mosquitto_pub"), "-p", str(port), "-t", "cmnd/lamp/POWER", "-m", "ON"]
        subprocess.run(command, check=True)
        heard(dut, messages, b'stat/lamp/RESULT {"POWER":"ON"}')
    dut.run("5 s")
    with broker(tmp_path, port), subscribed(port) as messages:
        heard(dut, messages, b"lamp/connected online")
