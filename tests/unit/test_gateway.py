"""The gateway to the host: one server on 127.0.0.1 is reached, and nothing else. Real sockets, virtual time; where the
capacity of the host's end decides, it is one in memory."""

import functools
import http.server
import pickle
import random
import socket
import threading
from dataclasses import replace

import pytest
from host_end import CAPACITY, connected
from lan_wire import settle
from tcp_client import TcpClient

from bk7238.network import events as told
from bk7238.network import gateway, host_server, ipv4, udp
from bk7238.network.addresses import ip_text
from bk7238.network.host import Host
from bk7238.network.http_server import HttpServer
from bk7238.network.network import Network
from bk7238.network.tcp import TcpServer
from bk7238.network.tcp_segment import build, parse

BODY = bytes(range(256)) * 1_200
MAC = bytes.fromhex("c8478c000001")
GATEWAY_IP, DEVICE_IP = bytes((192, 168, 77, 1)), bytes((192, 168, 77, 50))


class Clock:
    """Wall time that passes only when it is looked at."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Device:
    """A host on the device's network, with a gateway to `port` of this machine behind it."""

    def __init__(self, port: int, **options) -> None:
        self.network = Network(random.Random(1), files={"/own": b"the simulated server"})
        self.events = []
        self.network.events.on_event.connect(self.events.append)
        options = {"clock": Clock(), **options}  # a busy host may take its time
        self.gateway = gateway.Gateway(host_server.HostServer("127.0.0.1", port), self.network.events, **options)
        self.network.attach(self.gateway)
        self.network.listen(port, self.gateway)
        self.host = Host(MAC, random.Random(2), self.network.events)
        self.now = 0
        self.host.link_up(0)

    def fetch(self, url: str, seconds: float = 30.0):
        self.host.fetch(url)
        wanted = len(self.host.fetched) + 1
        end = self.now + round(seconds * 1e6)
        while self.now < end and len(self.host.fetched) < wanted:
            settle(self.network, self.host, self.now)
            self.now += 500
        return self.host.fetched[-1] if len(self.host.fetched) == wanted else None

    def happened(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def server(tmp_path):
    """A real HTTP server on 127.0.0.1, and its port."""
    (tmp_path / "new.rbl").write_bytes(BODY)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_arguments: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


@pytest.fixture
def listener():
    """A server that accepts nothing unless a test does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_real_server_serves_the_file(server):
    device = Device(server)
    page = device.fetch(f"http://192.168.77.1:{server}/new.rbl")
    assert (page.status, bytes(page.body)) == (200, BODY)
    (asked,) = device.happened(told.HttpRequested)
    assert (asked.method, asked.path, asked.status) == ("GET", "/new.rbl", 200)
    assert asked.host == f"192.168.77.1:{server}"
    assert [event.total for event in device.happened(told.HttpBodyDelivered)] == [len(BODY)]
    steps = [event.acknowledged for event in device.happened(told.HttpBodyProgress)]
    assert len(steps) > 20 and steps == sorted(steps) and steps[-1] == len(BODY)


def test_another_page_and_a_missing_one(server):
    device = Device(server)
    assert device.fetch(f"http://192.168.77.1:{server}/nothing").status == 404
    assert device.fetch(f"http://192.168.77.1:{server}/new.rbl").status == 200
    assert [event.status for event in device.happened(told.HttpRequested)] == [404, 200]


def test_nothing_else_is_reached(server, listener):
    other = listener.getsockname()[1]
    device = Device(server)
    for url, destination, port in (
        (f"http://192.168.77.1:{other}/", "192.168.77.1", other),
        ("http://192.168.77.1/own", "192.168.77.1", 80),
    ):
        page = device.fetch(url, 5)
        assert page is not None and "refused" in page.failure
        refused = device.happened(told.Refused)[-1]
        assert (refused.destination, refused.port, refused.answer) == (destination, port, "reset")
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert not device.happened(told.HostConnected)
    # Other addresses, this machine's included: the gateway does not forward.
    for address in ("127.0.0.1", "10.0.0.1", "192.168.77.2"):
        syn = TcpClient(50_000)
        syn.connect(0)
        packet = tcp_packet(syn, address, server)
        device.network.receive(packet, device.now)
        assert device.happened(told.Refused)[-1].destination == address
    assert not device.happened(told.HostConnected)


def test_several_servers_are_reached_each_at_its_port(server, listener):
    mute = listener.getsockname()[1]
    device = Device(mute, thinking=0)
    other = gateway.Gateway(host_server.HostServer("127.0.0.1", server), device.network.events, clock=Clock())
    device.network.attach(other)
    device.network.listen(server, other)
    assert device.fetch(f"http://192.168.77.1:{server}/new.rbl").status == 200
    assert "refused" in device.fetch("http://192.168.77.1/own", 5).failure
    assert device.fetch(f"http://192.168.77.1:{mute}/", 1) is None, "it accepts nothing"
    connected = [event.server for event in device.happened(told.HostConnected)]
    assert connected == [f"127.0.0.1:{server}", f"127.0.0.1:{mute}"]


def tcp_packet(client: TcpClient, address: str, port: int) -> bytes:
    destination = bytes(map(int, address.split(".")))
    (segment,) = client.take()
    payload = build(replace(segment, destination_port=port), DEVICE_IP, destination)
    ethernet = bytes.fromhex("02aabbccddfe") + MAC + b"\x08\x00"
    return ethernet + ipv4.build(DEVICE_IP, destination, ipv4.TCP, payload, 1)


def test_a_server_that_is_not_there():
    with socket.socket() as mute:  # its port is nobody else's, and it does not listen
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        device = Device(port)
        page = device.fetch(f"http://192.168.77.1:{port}/new.rbl", 5)
    assert "reset" in page.failure
    (event,) = device.happened(told.HostUnreachable)
    assert event.server == f"127.0.0.1:{port}" and "refused" in event.reason


def test_a_server_that_does_not_answer_is_told(listener):
    port = listener.getsockname()[1]
    device = Device(port, thinking=0.0001, clock=Clock(step=0.5))
    page = device.fetch(f"http://192.168.77.1:{port}/new.rbl")
    assert "reset" in page.failure
    (event,) = device.happened(told.HostSilent)
    assert event.seconds == gateway.PATIENCE
    assert device.now < 1_000_000  # virtual time did not run away meanwhile


def test_a_server_that_breaks_off(listener):
    port = listener.getsockname()[1]

    def serve():
        connection, _ = listener.accept()
        request = b""
        while not request.endswith(b"\r\n\r\n"):  # what is not read would make the close a reset
            request += connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(20_000))
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    device = Device(port)
    page = device.fetch(f"http://192.168.77.1:{port}/new.rbl")
    thread.join()
    assert page.failure and len(page.body) == 20_000
    (aborted,) = device.happened(told.HttpBodyAborted)
    assert (aborted.acknowledged, aborted.total) == (20_000, 100_000)


class Pair:
    """A TCP client of the tests, a gateway and the host's end of its connection, in memory."""

    def __init__(self, host) -> None:
        self.events = told.Events()
        self.tcp = TcpServer(GATEWAY_IP, random.Random(1), self.events)
        target = host_server.HostServer("127.0.0.1", 8000)
        self.gateway = gateway.Gateway(target, self.events, thinking=0, clock=Clock())
        self.tcp.listen(80, self.gateway)
        self.client = TcpClient()
        self.client.connect(0)
        self.host = host
        self.now = 0
        self.run(20)

    def run(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            self.client.poll(self.now)
            for segment in self.client.take():
                for answer in self.tcp.receive(build(segment, DEVICE_IP, GATEWAY_IP), DEVICE_IP, self.now):
                    self.client.receive(parse(answer, GATEWAY_IP, DEVICE_IP), self.now)
            self.gateway.poll(self.now)
            for answer in [*(data for _, data in self.tcp.push(self.now)), *(d for _, d in self.tcp.poll(self.now))]:
                self.client.receive(parse(answer, GATEWAY_IP, DEVICE_IP), self.now)
            self.now += 1_000

    def host_sends(self, data: bytes) -> int:
        try:
            return self.host.send(data)
        except BlockingIOError:
            return 0

    def host_reads(self) -> bytes:
        try:
            return self.host.recv(1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def pair(monkeypatch):
    return Pair(connected(monkeypatch, gateway))


def test_a_device_that_does_not_read_holds_the_server_back(pair):
    data = random.Random(3).randbytes(100_000)
    pair.client.read_size = 0
    sent = quiet = 0
    while quiet < 50:
        count = pair.host_sends(data[sent:])
        sent, quiet = sent + count, 0 if count else quiet + 1
        pair.run(5)
    assert len(pair.client.received) <= 4_380
    (link,) = pair.gateway._links
    assert link._connection.space == 0 and sent == link._handed + CAPACITY < len(data)  # no more is read
    pair.client.read_size = None
    pair.client.read(len(pair.client.received))
    while len(pair.client.received) < sent:
        before = len(pair.client.received)
        pair.run(200)
        assert len(pair.client.received) > before
    assert bytes(pair.client.received) == data[:sent]


def test_a_server_that_does_not_read_holds_the_device_back(pair):
    data = random.Random(3).randbytes(100_000)
    pair.client.send(data, pair.now)
    pair.run(1_000)
    taken = len(data) - len(pair.client._queue)
    held = len(pair.gateway._links[0].pending)
    assert held <= gateway._HOLD < held + 1_460 and taken == CAPACITY + held  # both are full
    pair.run(1_000)
    assert len(data) - len(pair.client._queue) == taken and not pair.client.reset
    got = bytearray()
    while len(got) < len(data):
        read = pair.host_reads()
        assert read
        got += read
        pair.run(700)  # the device asks a closed window again after 300
    assert bytes(got) == data


def test_ends_are_passed_on(pair):
    pair.client.send(b"last words", pair.now)
    pair.client.close(pair.now)
    pair.run(50)
    pair.client._transmit(pair.now)
    pair.run(50)
    assert pair.host_reads() == b"last words" and pair.host.over
    pair.host.send(b"the same to you")
    pair.host.close()
    pair.run(50)
    assert pair.client.ended and bytes(pair.client.received) == b"the same to you"
    assert pair.gateway.deadline is None


class Other:
    """A host of the device's network whose socket is driven by hand."""

    def __init__(self, network: Network) -> None:
        self.network, self.now = network, 0
        self.host = Host(MAC, random.Random(2), network.events)
        self.heard = []
        network.events.on_event.connect(self.heard.append)
        self.host.link_up(0)
        self.run(2_000)

    def run(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            settle(self.network, self.host, self.now)
            self.now += 1_000

    def datagram(self, data: bytes, to: bytes, port: int) -> list[udp.Datagram]:
        """What is answered to a datagram from port 4000."""
        packet = ipv4.build(self.host.address, to, ipv4.UDP, udp.build(self.host.address, 4000, to, port, data), 1)
        frames = self.network.receive(self.network.mac + MAC + b"\x08\x00" + packet, self.now)
        for _ in range(3):
            self.now += 1_000
            frames += self.network.poll(self.now)
        packets = [ipv4.parse(frame[14:]) for frame in frames if frame[12:14] == b"\x08\x00"]
        return [udp.parse(one.payload, one.source, one.destination) for one in packets if one.protocol == ipv4.UDP]


def test_servers_of_one_port_are_told_apart_by_their_names():
    """Each name has an address of its own, and what comes from it comes from there."""
    network = Network(random.Random(1))
    other = Other(network)
    served = {}
    for name in ("one.lan", "Two.lan"):
        server = gateway.DatagramGateway(host_server.HostServer("127.0.0.1", 9), network, 9, network.place(name))
        served[name] = HttpServer(network.events, {"/": name.encode()})
        network.listen(80, served[name], network.place(name))
        network.listen_udp(9, server, network.place(name))
    assert network.place("one.lan") == network.place("ONE.LAN") != network.place("two.lan")
    for name in served:
        address = network.dns._find(name)
        other.host.fetch(f"http://{ip_text(address)}/")
        other.run(300)
        assert bytes(other.host.fetched[-1].body) == name.encode()
    assert network.dns._find("three.lan") == network.address and network.dns._find("four.local") is None
    for number in range(38):
        network.place(f"n{number}.lan")
    with pytest.raises(ValueError, match=r"^no address left for one\.more: there are 40$"):
        network.place("one.more")


def test_datagrams_reach_a_server_of_the_host_and_its_answers_come_back():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        network = Network(random.Random(1))
        other = Other(network)
        at = network.place("time.lan")
        target = host_server.HostServer(*server.getsockname())
        served = gateway.DatagramGateway(target, network, 123, at, clock=Clock())
        network.attach(served)
        network.listen_udp(123, served, at)
        assert other.datagram(b"what time is it", at, 123) == []
        data, client = server.recvfrom(100)
        assert data == b"what time is it"
        server.sendto(b"late", client)
        server.sendto(bytes(1_473), client)
        (answer,) = other.datagram(b"and now", at, 123)
        assert (answer.payload, answer.source_port, answer.destination_port) == (b"late", 123, 4000)
        assert server.recvfrom(100) == (b"and now", client)
        assert other.datagram(b"nobody is there", network.address, 124) == []
    (refused,) = [event for event in other.heard if isinstance(event, told.Refused)]
    assert (refused.protocol, refused.port) == ("udp", 124)
    other.datagram(b"are you there", at, 123)
    other.datagram(b"still there", at, 123)
    (gone,) = [event for event in other.heard if isinstance(event, told.HostUnreachable)][:1]
    assert gone.reason == "Connection refused" and gone.server == str(target)
    with pytest.raises(TypeError, match="cannot be copied"):
        pickle.dumps(served)
    served.close()
    assert served.deadline is None


@pytest.mark.parametrize(
    ("text", "name", "port", "protocol"),
    [
        ("127.0.0.1:8000", "", 8000, "tcp"),
        ("Broker.lan=127.0.0.1:1883", "broker.lan", 1883, "tcp"),
        ("broker.lan:1883=[::1]:18830", "broker.lan", 1883, "tcp"),
        ("pool.ntp.org:123=127.0.0.1:12300/udp", "pool.ntp.org", 123, "udp"),
        (":80=127.0.0.1:8000", "", 80, "tcp"),
        ("localhost:53000/udp", "", 53_000, "udp"),
    ],
)
def test_servers_that_the_device_reaches(text, name, port, protocol):
    read = host_server.gateway_server(text)
    assert (read.name, read.port, read.protocol) == (name, port, protocol)
    assert host_server.gateway_server(str(read)) == read


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("=127.0.0.1:80", "'' is no host's name"),
        ("two words=127.0.0.1:80", "'two words' is no host's name"),
        ("10.0.0.1=127.0.0.1:80", "'10.0.0.1' is no host's name"),
        ("a..b=127.0.0.1:80", "'a..b' is no host's name"),
        ("lamp.local=127.0.0.1:80", "lamp.local is a name of multicast DNS"),
        ("broker.lan:0=127.0.0.1:80", "ports go from 1 to 65535"),
        ("broker.lan=127.0.0.1:80/sctp", "'sctp' is neither tcp nor udp"),
        ("broker.lan=192.0.2.1:80", "192.0.2.1 is not on this machine"),
    ],
)
def test_what_no_server_is_reached_by(text, reason):
    with pytest.raises(ValueError, match=reason):
        host_server.gateway_server(text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:8000", "127.0.0.1", 8000), ("localhost:1", "127.0.0.1", 1), ("[::1]:65535", "::1", 65_535)],
)
def test_servers(text, host, port):
    assert host_server.server(text) == host_server.HostServer(host, port)
    assert str(host_server.server(text)).endswith(f":{port}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("127.0.0.1", "HOST:PORT"),
        (":80", "HOST:PORT"),
        ("127.0.0.1:0", "1 to 65535"),
        ("127.0.0.1:65536", "1 to 65535"),
        ("127.0.0.1:http", "1 to 65535"),
        ("127.0.0.1:-1", "1 to 65535"),
        ("example.com:80", "not looked up"),
        ("127.1:80", "not looked up"),
        ("0.0.0.0:80", "127.0.0.1"),
        ("[::]:80", "127.0.0.1"),
        ("224.0.0.1:80", "no server"),
        ("10.0.0.1:80", "--gateway-anywhere"),
        ("[::ffff:10.0.0.1]:80", "--gateway-anywhere"),
    ],
)
def test_what_is_no_server_here(text, reason):
    with pytest.raises(ValueError, match=reason):
        host_server.server(text)


def test_other_machines_when_asked_for():
    assert host_server.server("10.0.0.1:80", anywhere=True).host == "10.0.0.1"
    with pytest.raises(ValueError, match="not looked up"):
        host_server.server("example.com:80", anywhere=True)
