"""What the kit has around a device without an update: its network, its router, and what goes over the air."""

import random

import pytest
from images import image
from scapy.layers.dot11 import Dot11Beacon
from scapy.layers.inet import ICMP, IP, TCP, UDP

from bk7238.network import udp
from bk7238.network.events import Refused
from bk7238.network.ipv4 import build, parse
from bk7238.network.network import Network
from bk7238.testing import Dut, NotSeen

PSK = "correct horse"
ALONE = pytest.mark.bk7238(update=False, psk=PSK)
GET = b"GET /x HTTP/1.1\r\n"


@ALONE
def test_a_device_without_an_update_joins(dut, ap, tmp_path):
    dut.cache = tmp_path
    with pytest.raises(RuntimeError, match="no package"):
        dut.update  # noqa: B018
    dut.join()
    assert dut.address == "192.168.77.50" and len(ap.stations) == 1
    cached = Dut(image(), None, dut.settings)
    cached.cache = tmp_path
    cached.join()
    assert (cached.now, cached.machine.digest()) == (dut.now, dut.machine.digest())
    for one in (dut, cached):
        one.run("1 s")
        one.send("ifconfig")
        one.expect_exact(one.address)
    assert cached.machine.digest() == dut.machine.digest() and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(RuntimeError, match="switched on already"):
        dut.join()


@pytest.mark.bk7238(update=False, psk=PSK, ap_psk="another horse", within="3 s")
def test_a_device_that_does_not_join(dut):
    with pytest.raises(NotSeen, match=r"^the device did not join until 3\.000 s"):
        dut.join()
    with pytest.raises(NotSeen, match=r"^the device has no address at 3\.000 s"):
        dut.http.get("/")


@ALONE
def test_what_listens_on_the_network(dut, air):
    """By name, on any port: what is told is what came, what is sent comes."""
    said = dut.network.listen(8080, lambda _peer, data: b"HTTP/1.1 404 Not Found\r\n\r\n" if data else None)
    named = dut.network.listen(8081, name="Files.lan")
    dut.join()
    assert repr(said) == "<listener on port 8080: nobody has come>"
    dut.send(f"http_ota http://{dut.network.address}:8080/x")
    assert said.expect(rb"GET (/\w+)")[1] == b"/x"
    dut.expect("http_ota download failed")
    (peer,) = said.peers
    assert peer.address == dut.address and not peer.is_open and said.received.startswith(GET)
    assert f"<{dut.address}:{peer.port}, closed, " in repr(said)

    dut.send("http_ota http://files.lan:8081/x")
    named.expect(b"GET.*\r\n\r\n")
    (peer,) = named.peers
    with pytest.raises(NotSeen, match=r"^b'GET' did not come to <listener on port 8081: <192.*>, which has b'GET /x"):
        named.expect(b"GET", within="50 ms")
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")
    peer.close()
    dut.expect("http_ota download failed")
    dut.send("http_ota http://files.lan:8081/y")
    named.expect(b"GET /y")
    named.peers[1].abort()
    dut.expect("http_ota download failed")
    dut.send("ping attic.lan")
    dut.expect("no such host", within="5 s")
    assert [(event.name, event.answer) for event in air.events("NameAsked")][-1] == ("attic.lan", "")


@ALONE
def test_a_server_that_fails_fails_the_test(dut):
    dut.join()

    def service(_peer, data):
        assert data.startswith(b"POST"), "this is what is told"

    dut.network.listen(8080, service)
    dut.send(f"http_ota http://{dut.network.address}:8080/x")
    with pytest.raises(AssertionError, match="this is what is told"):
        dut.run("5 s")


def test_datagrams():
    """A UDP server hears, answers, and sends by itself; the ports of DHCP and DNS are taken."""
    client, mac, heard = bytes((192, 168, 77, 60)), bytes.fromhex("c8478c000001"), []

    class Echo:
        def receive(self, data, address, port, _now):
            heard.append((data, address, port))
            return data[::-1] if data != b"quiet" else None

    network, events = Network(random.Random(1)), []
    network.events.on_event.connect(events.append)

    def told(frames):
        packets = [parse(frame[14:]) for frame in frames]
        return [udp.parse(packet.payload, packet.source, packet.destination) for packet in packets]

    def send(data, port):
        datagram = udp.build(client, 4000, network.address, port, data)
        packet = build(client, network.address, 17, datagram, 7)
        return network.receive(network.mac + mac + b"\x08\x00" + packet, 5)

    network.listen_udp(123, Echo())
    assert told(send(b"abc", 123)) == [udp.Datagram(123, 4000, b"cba")] and send(b"quiet", 123) == []
    assert heard == [(b"abc", client, 4000), (b"quiet", client, 4000)]
    network.send_datagram(123, client, 4000, b"later", 9)
    assert network.deadline == 9 and told(network.poll(9)) == [udp.Datagram(123, 4000, b"later")]
    send(b"x", 124)
    assert isinstance(events[-1], Refused) and events[-1].port == 124
    for port in (0, 53, 67, 0x10000):
        with pytest.raises(ValueError, match="UDP servers have ports from 1 to 65535, but for 53 and 67"):
            network.listen_udp(port, Echo())


@ALONE
def test_a_port_that_cannot_be(dut):
    for port in (0, 65_536):
        with pytest.raises(ValueError, match="ports go from 1 to 65535"):
            dut.network.listen(port)
    with pytest.raises(ValueError, match="but for 53 and 67"):
        dut.network.listen(53, udp=True)


@ALONE
def test_the_router_restarts_on_another_channel(dut, air):
    dut.join()
    assert dut.router.stations != []
    dut.router.off()
    assert dut.router.stations == [], "nobody is the member of a network that is off"
    start = dut.now
    dut.router.restart(off="10 s", channel=11)
    assert dut.now == start + 10 and dut.router.stations == []
    air.expect("LeaseGranted")
    assert air.frames[-1].channel == 11 and "channel 11" in dut.expect("associated.*")[0]
    with pytest.raises(ValueError, match="channel 14 is for"):
        dut.router.restart(channel=14)
    assert len(dut.router.stations) == 1


@ALONE
def test_what_goes_over_the_air_as_packets(dut, air):
    dut.join()
    dut.send(f"ping {dut.network.address}")
    dut.expect("icmp_seq=3", within="10 s")
    dut.run("200 ms")
    pings = [packet for packet in air.packets if ICMP in packet]
    assert [(packet[IP].src, packet[ICMP].type) for packet in pings[:2]] == [
        (dut.address, 8), (dut.network.address, 0)
    ]  # fmt: skip
    assert len(pings) == 8 and not any(packet.FCfield.protected for packet in air.packets)
    assert any(Dot11Beacon in packet for packet in air.packets) and not any(UDP in packet for packet in pings)
    dut.router.deauthenticate()
    before = len(air.packets)
    air.expect("LeaseGranted")
    assert any(UDP in packet for packet in air.packets[before:]), "with the keys of the new handshake"
    assert air.packets[-1].time == air.frames[-1].time / 1e6 and not any(TCP in packet for packet in air.packets)


def test_a_partition_that_there_is_not(flash):
    with pytest.raises(KeyError, match="there is no partition 'apps'; there is bootloader, app, download"):
        flash.partition("apps")


@ALONE
def test_a_device_without_a_web_server(dut):
    dut.join()
    with pytest.raises(NotSeen, match=r"^http://192\.168\.77\.50/index: no answer within 300 ms, until"):
        dut.http.get("/index", within="300 ms")
    assert not dut.http._host.busy
