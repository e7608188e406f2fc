"""A firmware's own servers, from this machine: through --forward, by real sockets."""

import contextlib
import select
import socket

import pytest
from images import FULL, vendor

from bk7238 import testing
from bk7238.bench.settings import Settings
from bk7238.image import flash_image

PSK = "a passphrase"


@contextlib.contextmanager
def running(path, **settings):
    """A device that is on its network, and where its port is on this machine."""
    chosen = Settings(forward="0:80", **settings)
    dut = testing.Dut(flash_image.read(path), None, chosen)
    forwarder = dut.bench.forwarder
    try:
        dut.wait(lambda: forwarder.device, "40 s")
        yield dut, forwarder.addresses[0]
    finally:
        forwarder.close()


def fetch(dut, at, request):
    with socket.create_connection((at.host, at.port)) as client:
        client.sendall(request)
        got = bytearray()
        while True:
            dut.wait(lambda: select.select([client], [], [], 0)[0], "30 s")
            data = client.recv(65_536)
            if not data:
                return bytes(got)
            got += data


@pytest.mark.nightly
def test_openbekens_own_pages():
    with running(vendor(FULL), psk=PSK) as (dut, at):
        for path in (b"/index", b"/cfg", b"/api/info"):
            answer = fetch(dut, at, b"GET " + path + b" HTTP/1.1\r\nHost: device\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200") and len(answer) > 100
        assert b"OpenBK7238" in answer or b"build" in answer


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_openbekens_own_access_point(kind):
    """Without a network it opens one, which a station joins; what comes to it by UDP it drops."""
    dut = testing.Dut(flash_image.read(vendor(FULL)), None, Settings(profile="none"))
    forwarder = testing.Air(dut).forward("0:80", "0:9/udp")
    try:
        dut.wait(lambda: forwarder.device, "40 s")
        assert dut.machine.digest().endswith("+forward")
        if kind == "tcp":
            answer = fetch(dut, forwarder.addresses[0], b"GET /index HTTP/1.1\r\nHost: device\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
        else:
            at = forwarder.addresses[1]
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.sendto(b"hello", (at.host, at.port))
                dut.wait(lambda: forwarder.counters or any(map(_is_hello, dut.frames)), "5 s")
            assert any(map(_is_hello, dut.frames))
    finally:
        forwarder.close()


def _is_hello(frame):
    return not frame.from_device and frame.data.endswith(b"hello")
