"""Deliveries that are brought to a device: when, in which steps, and again where it fails. The device's end is made of
the network's own models; a machine and an air only tell what happens."""

import random
from types import SimpleNamespace

import pytest
from test_network_push import DEVICE, PORT, Listener, http

from bk7238.families.delivery import AGAIN, SETTLE, HttpPull, TcpPush, WebUpload
from bk7238.families.family import Family
from bk7238.network import events as told
from bk7238.network.network import Network
from bk7238.peripherals.core import Signal

PACKAGE = SimpleNamespace(name="app.rbl", data=random.Random(1).randbytes(30_000))


class Bench:
    """The network with a delivery attached, and a device that has `listener` on a port."""

    def __init__(self, delivery, listener, port=PORT, package=PACKAGE):
        self.network, self.now = Network(random.Random(1)), 0
        self.device = Network(random.Random(2), address=DEVICE, mac="c8:47:8c:00:00:01")
        self.device.tcp.listen(port, listener)
        self.engine, self.on_reset, self.on_event = self, Signal(), self.network.events.on_event
        self.events = []
        self.network.events.on_event.connect(self.events.append)
        self.operator = delivery.attach(self, self, self.network, package)

    def random(self, name):
        return random.Random(name)

    def lease(self, renewal=False):
        self.network.events.publish(told.LeaseGranted(self.now, "c8:47:8c:00:00:01", DEVICE, renewal))

    def reset(self):
        self.on_reset(None)

    def run(self, until):
        while self.now < until:
            down, up = self.network.poll(self.now), self.device.poll(self.now)
            while down or up:
                there, back = down, up
                up = [frame for one in there for frame in self.device.receive(one, self.now)]
                down = [frame for one in back for frame in self.network.receive(one, self.now)]
            deadlines = [one.deadline for one in (self.network, self.device) if one.deadline is not None]
            self.now = min(until, max(self.now + 1_000, min(deadlines, default=until)))

    def happened(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


class Server(Listener):
    """A web server that answers each connection's request once its body is there: with the next of `answers`."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def accept(self, connection, _client):
        return Session(self, connection)


class Session(Listener):
    def __init__(self, server, connection):
        super().__init__(0)
        self.server, self.connection = server, connection

    def received(self, data, _now):
        self.data += data
        head, end, body = bytes(self.data).partition(b"\r\n\r\n")
        lines = head.decode().splitlines()
        length = next((int(line.split()[1]) for line in lines if line.startswith("Content-Length:")), 0)
        if end and len(body) == length:
            self.server.requests.append((lines[0], body))
            self.connection.send(self.server.answers.pop(0))


def test_it_is_brought_once_the_device_is_on_the_network_and_not_again():
    listener = Listener(4 + len(PACKAGE.data), b"OK")
    size = len(PACKAGE.data).to_bytes(4, "big")
    bench = Bench(TcpPush(PORT, lambda data: len(data).to_bytes(4, "big"), b"OK"), listener)
    bench.run(3_000_000)
    assert bench.events == [] and bench.operator.missing() == ""
    bench.lease()
    bench.run(20_000_000)
    assert bytes(listener.data) == size + PACKAGE.data
    (begun,) = bench.happened(told.PushBegan)
    assert 3_000_000 + SETTLE <= begun.time < 3_000_000 + SETTLE + 100_000
    assert len(bench.happened(told.Pushed)) == 1
    bench.reset()
    bench.lease()
    bench.run(40_000_000)
    assert len(bench.happened(told.PushBegan)) == 1, "it has it"


def test_the_steps_of_an_upload_come_one_after_the_other_and_each_until_it_is_taken():
    server = Server(http(503, b"busy"), http(), http(500), http())
    bench = Bench(WebUpload("/update", port=8080, then=("/restart?now=1",)), server, 8080)
    bench.lease()
    bench.run(60_000_000)
    upload, restart = ("POST /update HTTP/1.1", PACKAGE.data), ("GET /restart?now=1 HTTP/1.1", b"")
    assert server.requests == [upload, upload, restart, restart] and server.answers == []
    failed = bench.happened(told.PushFailed)
    assert [(event.target, event.reason) for event in failed] == [
        (f"http://{DEVICE}:8080/update", "the device answered 503: busy"),
        (f"http://{DEVICE}:8080/restart?now=1", "the device answered 500: {}"),
    ]
    begun = bench.happened(told.PushBegan)
    assert [event.total for event in begun] == [len(PACKAGE.data)] * 2, "a restart is no package"
    assert begun[1].time - failed[0].time >= AGAIN


@pytest.mark.parametrize("renewal", [False, True])
def test_a_device_that_joins_anew_is_brought_it_anew(renewal):
    listener = Listener(1 << 20)
    bench = Bench(TcpPush(PORT, answer=b"OK"), listener)
    bench.lease()
    bench.run(4_000_000)
    assert bench.operator.missing() == f"the device does not answer {DEVICE}:{PORT}"
    listener.size, listener.answer = 2 * len(PACKAGE.data), b"OK"
    bench.lease(renewal)
    bench.run(20_000_000)
    assert len(bench.happened(told.PushBegan)) == (1 if renewal else 2)
    assert [event.reason for event in bench.happened(told.PushFailed)] == (
        [] if renewal else ["the device joined anew"]
    )
    assert len(bench.happened(told.Pushed)) == (0 if renewal else 1)


def test_what_a_family_takes():
    class Lamp(Family):
        name, title = "lamp", "The lamp"
        deliveries = (TcpPush(1), HttpPull())

    assert Lamp().delivery(None).name == "push" and Lamp().delivery("http").told
    with pytest.raises(ValueError, match=r"^The lamp takes its updates by push or http, not by web$"):
        Lamp().delivery("web")
    with pytest.raises(ValueError, match="takes its updates by no way that is known here, not by any"):
        Family().delivery(None)
