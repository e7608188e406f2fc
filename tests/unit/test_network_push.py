"""A host on the device's network brings it a package: over plain TCP, and by upload to its web server."""

import random

import pytest

from bk7238.network import events as told
from bk7238.network.addresses import ip_bytes, mac_bytes
from bk7238.network.exchange import Push
from bk7238.network.fetch import Upload, Url
from bk7238.network.host import Host
from bk7238.network.network import Network

PACKAGE = random.Random(1).randbytes(50_000)
DEVICE = "192.168.77.50"
PORT = 5_000


class Listener:
    """What listens on a port of the device: keeps what comes, answers once it has so many bytes, and may reset then."""

    def __init__(self, size, answer=b"", *, reset=False):
        self.size, self.answer, self.reset = size, answer, reset
        self.data, self.ends = bytearray(), []

    def accept(self, connection, _client):
        self.connection = connection
        return self

    def received(self, data, now):
        before = len(self.data)
        self.data += data
        if before < self.size <= len(self.data):
            if self.reset:
                self.connection.abort(now)
            else:
                self.connection.send(self.answer)

    def ended(self, _now):
        self.connection.close()

    def closed(self, reason, _now):
        self.ends.append(reason)

    def opened(self, now):
        pass

    drained = idle = opened


class Wire:
    """The network, a host on it, and a device of the same models, with a wire on which every `lost`th frame is lost."""

    def __init__(self, listener=None, *, port=PORT, lost=0):
        self.network = Network(random.Random(1))
        self.device = Network(random.Random(2), address=DEVICE, mac="c8:47:8c:00:00:01")
        if listener is not None:
            self.device.tcp.listen(port, listener)
        address = ip_bytes("192.168.77.2")
        self.host = Host(mac_bytes("02:aa:bb:cc:dd:02"), random.Random(3), self.network.events, address=address)
        self.host.link_up(0)
        self.network.join(self.host)
        self.events = []
        self.network.events.on_event.connect(self.events.append)
        self.now, self._lost, self._frames = 0, lost, 0

    def run(self, exchange, seconds=20):
        self.host.begin(exchange, self.now + 1_000)
        end = self.now + seconds * 1_000_000
        while self.now < end and not self.happened(told.Pushed, told.PushFailed):
            down, up = self.network.poll(self.now), self.device.poll(self.now)
            while down or up:
                there, back = self._passed(down), self._passed(up)
                up = [frame for one in there for frame in self.device.receive(one, self.now)]
                down = [frame for one in back for frame in self.network.receive(one, self.now)]
            deadlines = [one.deadline for one in (self.network, self.device) if one.deadline is not None]
            self.now = min(end, max(self.now + 1_000, min(deadlines, default=end)))
        return self.events[-1]

    def _passed(self, frames):
        passed = []
        for frame in frames:
            self._frames += 1
            if not self._lost or self._frames % self._lost:
                passed.append(frame)
        return passed

    def happened(self, *kinds):
        return [event for event in self.events if isinstance(event, kinds)]


def http(status=200, body=b"{}"):
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


@pytest.mark.parametrize("lost", [0, 7])
def test_plain_bytes_behind_a_preamble(lost):
    preamble = b"OTA" + len(PACKAGE).to_bytes(4, "little")
    listener = Listener(7 + len(PACKAGE), b"OK")
    wire = Wire(listener, lost=lost)
    end = wire.run(Push(DEVICE, PORT, preamble, PACKAGE, answer=b"OK"))
    assert end == told.Pushed(end.time, f"{DEVICE}:{PORT}")
    assert bytes(listener.data) == preamble + PACKAGE
    shares = [event.acknowledged for event in wire.happened(told.PushProgress)]
    assert shares == sorted(set(shares)) and shares[-1] == len(PACKAGE) and len(shares) > 5
    (begun,), (delivered,) = wire.happened(told.PushBegan), wire.happened(told.PushDelivered)
    assert begun.total == delivered.total == len(PACKAGE) and begun.time <= delivered.time <= end.time
    assert lost or end.time < 10_000, "nothing waits for a timer"
    assert wire.happened(told.Refused) == [], "the gateway leaves the host's own traffic alone"


def test_without_an_answer_it_is_over_when_all_has_arrived():
    listener = Listener(len(PACKAGE))
    wire = Wire(listener)
    assert isinstance(wire.run(Push(DEVICE, PORT, b"", PACKAGE)), told.Pushed)
    assert bytes(listener.data) == PACKAGE


@pytest.mark.parametrize("field", ["", "firmware"])
def test_an_upload_to_a_web_server(field):
    exchange = Upload(Url(f"http://{DEVICE}/api/ota"), PACKAGE, "app.rbl", field)
    listener = Listener(len(exchange.outgoing), http())
    wire = Wire(listener, port=80)
    assert isinstance(wire.run(exchange), told.Pushed)
    head, _, content = bytes(listener.data).partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    assert lines[0] == "POST /api/ota HTTP/1.1" and f"Content-Length: {len(content)}" in lines
    if field:
        boundary = next(line.partition("boundary=")[2] for line in lines if "multipart/form-data" in line)
        form = content.removeprefix(f"--{boundary}\r\n".encode()).removesuffix(f"\r\n--{boundary}--\r\n".encode())
        part, _, content = form.partition(b"\r\n\r\n")
        assert b'name="firmware"; filename="app.rbl"' in part
    assert content == PACKAGE
    assert wire.happened(told.PushDelivered)[0].total == len(PACKAGE)


@pytest.mark.parametrize(
    ("listener", "exchange", "reason", "arrived"),
    [
        (None, Push(DEVICE, PORT, b"", PACKAGE), "the connection: refused", 0),
        (Listener(20_000, reset=True), Push(DEVICE, PORT, b"", PACKAGE), "the connection: reset by the peer", 20_000),
        (Listener(1 << 20), Push(DEVICE, PORT, b"", PACKAGE, answer=b"OK"), "", len(PACKAGE)),
        (
            Listener(len(PACKAGE), http(500, b"flash is busy")),
            Upload(Url(f"http://{DEVICE}:{PORT}/u"), PACKAGE),
            "the device answered 500: flash is busy",
            len(PACKAGE),
        ),
        (
            Listener(20_000, http(413, b"too large")),
            Upload(Url(f"http://{DEVICE}:{PORT}/u"), PACKAGE),
            "the device answered 413: too large",
            20_000,
        ),
    ],
)
def test_why_it_is_not_taken(listener, exchange, reason, arrived):
    wire = Wire(listener)
    wire.run(exchange)
    if not reason:
        assert not wire.happened(told.Pushed, told.PushFailed), "it waits for the answer"
        wire.host.abandon("the device joined anew", wire.now)
        reason = "the device joined anew"
    (failed,) = wire.happened(told.PushFailed)
    assert failed.reason == reason and failed.total == len(PACKAGE)
    assert abs(failed.acknowledged - arrived) < 16_384


def test_what_is_given_up_is_reset_and_the_next_begins():
    listener = Listener(1 << 20)
    wire = Wire(listener)
    wire.run(Push(DEVICE, PORT, b"", PACKAGE, answer=b"OK"), seconds=2)
    wire.host.abandon("another was asked for", wire.now)
    listener.size, wire.events[:] = 2 * len(PACKAGE), []
    listener.answer = b"OK"
    assert isinstance(wire.run(Push(DEVICE, PORT, b"", PACKAGE, answer=b"OK")), told.Pushed)
    assert listener.ends[0] == "reset by the device", "the wire's device is a network, whose other end is its device"
