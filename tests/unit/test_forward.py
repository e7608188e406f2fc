"""Ports of this machine that lead to the device: real sockets, and a network's models in the place of the device."""

import random
import select
import socket
from itertools import count

import pytest
from lan_wire import settle

from bk7238.bench.settings import Settings
from bk7238.network import events as told
from bk7238.network import forward, host_server
from bk7238.network.addresses import ip_bytes
from bk7238.network.network import Network

DEVICE = "192.168.77.50"
BODY = bytes(range(256)) * 400


class Clock:
    """Wall time that stands where it is set."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Echo:
    """A UDP service that answers with what it is sent."""

    def receive(self, data, client, _port, _now):
        return data + client[-1:]


class Wire:
    """The forwarding host and the device."""

    def __init__(self, *forwards, **options):
        self.device = Network(random.Random(1), address=DEVICE, mac="c8:47:8c:00:00:01", files={"/page": BODY})
        self.device.listen_udp(53_000, Echo())
        self.events = told.Events()
        self.told = []
        self.events.on_event.connect(self.told.append)
        read = [host_server.forward(one) for one in forwards]
        # Virtual time is never ahead of a clock that is far ahead of it.
        ages = count(step=1e6)
        options = {"clock": lambda: next(ages), **options}
        self.host = forward.Forwarder(
            forward.MAC, random.Random(2), self.events, forwards=read, address=ip_bytes("192.168.77.3"), **options
        )
        self.host.link_up(0)
        self.now = 0

    def lease(self):
        self.events.publish(told.LeaseGranted(self.now, "c8:47:8c:00:00:01", DEVICE, False))

    def run(self, milliseconds):
        for _ in range(2 * milliseconds):
            settle(self.device, self.host, self.now)
            self.now += 500

    def until(self, condition, milliseconds=20_000, step=1):
        for _ in range(0, milliseconds, step):
            if condition():
                return
            self.run(1)
            self.now += 1_000 * (step - 1)
        raise AssertionError(self.told)

    def client(self, place=0):
        at = self.host.addresses[place]
        made = socket.create_connection((at.host, at.port))
        made.setblocking(False)
        return made


@pytest.fixture
def wire():
    made = Wire("0:80", "0:81", "0:53000/udp")
    yield made
    made.host.close()


def readable(client):
    return bool(select.select([client], [], [], 0)[0])


def read_all(wire, client):
    got = bytearray()
    while True:
        wire.until(lambda: readable(client))
        data = client.recv(65_536)
        if not data:
            return bytes(got)
        got += data


def test_a_page_of_the_device(wire):
    with wire.client() as client:
        client.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        wire.run(5)
        assert not readable(client)  # the device has no address yet: it waits
        wire.lease()
        head, _, body = read_all(wire, client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and body == BODY
    [event] = [event for event in wire.told if isinstance(event, told.ForwardedConnection)]
    assert event.device == f"{DEVICE}:80" and event.client.startswith("127.0.0.1:")
    wire.until(lambda: not wire.host._connections)


def test_connections_are_independent(wire):
    wire.lease()
    clients = [wire.client() for _ in range(4)]
    for client in clients:
        client.sendall(b"GET /page HTTP/1.0\r\n\r\n")
    for client in reversed(clients):
        with client:
            assert read_all(wire, client).endswith(BODY)


def test_a_client_that_does_not_read_is_not_read_for(wire, monkeypatch):
    wire.lease()
    with wire.client() as client, monkeypatch.context() as full:
        full.setattr(forward._Connection, "write", lambda _connection: 0)  # as where the host's buffers are full
        client.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        wire.until(lambda: wire.host._connections)
        [connection] = wire.host._connections.values()
        wire.run(2_000)
        held = len(connection.pending)
        assert forward._HOLD // 2 < held <= forward._HOLD
        wire.run(2_000)
        assert len(connection.pending) == held
        full.undo()
        assert read_all(wire, client).endswith(BODY)


def test_a_port_that_the_device_refuses(wire):
    wire.lease()
    with wire.client(1) as client:
        wire.until(lambda: readable(client))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert [event.reason for event in wire.told if isinstance(event, told.ForwardFailed)] == ["refused"]


def test_a_device_that_is_gone(wire):
    wire.lease()
    wire.device.receive = lambda _frame, _now: []
    with wire.client() as client:
        wire.until(lambda: readable(client))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    [event] = [event for event in wire.told if isinstance(event, told.ForwardFailed)]
    assert "nobody has the device's address" in event.reason


def test_datagrams(wire):
    wire.lease()
    at = wire.host.addresses[2]
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        for client in (one, other):
            client.connect((at.host, at.port))
        for client, data in ((one, b"first"), (other, b"second"), (one, b"third")):
            client.send(data)
            wire.until(lambda client=client: readable(client))
            assert client.recv(2_000) == data + b"\x03"


def test_virtual_time_does_not_run_ahead():
    """Nor does it where there is something to read at each look, or after a while in which nobody could come."""
    clock, waited = Clock(), []

    def sleep(seconds):
        waited.append(seconds)
        clock.now += seconds

    wire = Wire("0:80", clock=clock, sleep=sleep)
    wire.run(50)
    assert not waited  # nobody can come while the device has no address
    wire.lease()
    with wire.client() as client:
        client.sendall(BODY)
        wire.run(100)
    assert sum(waited) == pytest.approx(0.099, abs=0.002)
    wire.host.link_down(wire.now)
    wire.run(500)
    wire.host.link_up(wire.now)
    waited.clear()
    wire.lease()
    wire.run(10)
    wire.host.close()
    assert sum(waited) == pytest.approx(0.009, abs=0.002)


def test_a_port_in_use_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=rf"^--forward {port}:80: Address already in use; name another port"):
            Wire(f"{port}:80")


@pytest.mark.parametrize(
    ("text", "meant", "is_open"),
    [
        ("8080:80", ("127.0.0.1", 8080, 80, "tcp"), False),
        ("localhost:0:80/tcp", ("127.0.0.1", 0, 80, "tcp"), False),
        ("0.0.0.0:8080:80/udp", ("0.0.0.0", 8080, 80, "udp"), True),
        ("[::1]:1:2", ("::1", 1, 2, "tcp"), False),
    ],
)
def test_how_it_is_written(text, meant, is_open):
    read = host_server.forward(text)
    assert read == host_server.Forward(*meant) and read.is_open is is_open
    assert host_server.forward(str(read)) == read


@pytest.mark.parametrize("text", ["80", "8080:", ":80", "a:80", "1:2/sctp", "70000:80", "1:0", "host:1:2", "-1:80"])
def test_how_it_is_not_written(text):
    with pytest.raises(ValueError, match=r"is neither|of the form|ports go from"):
        host_server.forward(text)


def test_a_tap_has_no_need_of_it():
    with pytest.raises(ValueError, match="--forward and --tap do not go together"):
        Settings(forward="8080:80", tap="bk0")


def test_a_device_that_answers_no_syn_is_given_up(wire):
    """The SYN is sent again a few times; then the client is reset, and the host has nothing more to do at once."""
    answers = wire.device.receive
    wire.device.receive = lambda frame, now: answers(frame, now) if frame[12:14] == b"\x08\x06" else []
    wire.lease()
    with wire.client() as client:
        wire.until(lambda: readable(client), 120_000, step=50)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    (failed,) = (event for event in wire.told if isinstance(event, told.ForwardFailed))
    assert failed.reason == "timed out"
    wire.run(1)
    assert wire.host.deadline > wire.now - 1_000
