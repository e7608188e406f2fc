"""A firmware's own servers, from this machine: through --forward, by real sockets."""

import contextlib
import select
import socket

import pytest
from images import FULL, vendor

from bk7238 import testing
from bk7238.bench.bench import Bench
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
def test_openbekens_own_access_point():
    """Without a network it opens one, which a station joins."""
    image = flash_image.read(vendor(FULL))
    bench = Bench(Settings(forward="0:80"), image)
    bench.forward_by_air()
    bench.power_on()
    try:
        for _ in range(600):
            bench.machine.run(until=bench.machine.now + 100_000)
            if bench.forwarder.device:
                break
        at = bench.forwarder.addresses[0]
        with socket.create_connection((at.host, at.port)) as client:
            client.sendall(b"GET /index HTTP/1.1\r\nHost: device\r\n\r\n")
            for _ in range(300):
                bench.machine.run(until=bench.machine.now + 100_000)
                if select.select([client], [], [], 0)[0]:
                    break
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        bench.forwarder.close()
