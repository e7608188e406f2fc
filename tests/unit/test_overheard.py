"""What is told of a network that is not ours: the same as the network itself tells, from the frames alone."""

import random

import pytest
from station import dhcp_message

from bk7238.network import dhcp, ipv4, tcp_segment, udp
from bk7238.network import events as told
from bk7238.network.addresses import ip_bytes
from bk7238.network.host import Host
from bk7238.network.network import Network
from bk7238.network.overheard import Overheard

MAC = bytes.fromhex("c8478c000001")
BODY = bytes(range(256)) * 200
SAME = (told.LeaseGranted, told.HttpRequested, told.HttpBodyDelivered, told.ConnectionOpened)


class Wire:
    """A device and a network, and somebody who listens between them; `loss` happens behind the listener."""

    def __init__(self, seed: int, loss: float = 0.0) -> None:
        self.network = Network(random.Random(seed), files={"/a": BODY, "/b": b"short"})
        self.host = Host(MAC, random.Random(seed + 1), told.Events())
        self.theirs, self.ours = [], []
        self.network.events.on_event.connect(self.theirs.append)
        events = told.Events()
        events.on_event.connect(self.ours.append)
        self.overheard = Overheard(events)
        self.rng, self.loss, self.lost = random.Random(seed + 2), loss, 0
        self.host.link_up(0)

    def lose(self) -> bool:
        lost = self.rng.random() < self.loss
        self.lost += lost
        return lost

    def run(self, pages: int, seconds: float) -> None:
        now, up, down = 0, [], []
        while len(self.host.fetched) < pages and now < seconds * 1e6:
            down += self.network.poll(now)
            up += self.host.poll(now)
            while up or down:
                sent, received, up, down = up, down, [], []
                for frame in sent:
                    self.overheard.sent(frame, now)
                    if not self.lose():
                        down += self.network.receive(frame, now)
                for frame in received:
                    self.overheard.received(frame, now)
                    if not self.lose():
                        up += self.host.receive(frame, now)
            now += 1_000

    def seen(self, events):
        """What was told, without times: acknowledgments are heard where the listener is."""
        return [repr(event).partition(", ")[2] for event in events if isinstance(event, SAME)]


@pytest.mark.parametrize(("seed", "loss"), [(1, 0.0), (2, 0.05), (3, 0.05), (4, 0.1)])
def test_tells_what_the_network_tells(seed, loss):
    wire = Wire(seed, loss)
    for path in ("a", "b", "missing", "a"):
        wire.host.fetch(f"http://192.168.77.1/{path}")
    wire.run(4, 300)
    assert [page.status for page in wire.host.fetched] == [200, 200, 404, 200]
    assert bool(wire.lost) is bool(loss)
    assert sorted(set(wire.seen(wire.ours))) == sorted(set(wire.seen(wire.theirs)))
    steps = [event.acknowledged for event in wire.ours if isinstance(event, told.HttpBodyProgress)]
    assert steps.count(len(BODY)) == 2 and len(steps) > 12


@pytest.mark.parametrize("seed", range(5))
def test_hostile_frames_do_no_harm(seed):
    wire = Wire(seed)
    wire.host.fetch("http://192.168.77.1/a")
    rng = random.Random(seed)
    sent, received = wire.overheard.sent, wire.overheard.received

    def damage(hear):
        def heard(frame, now):
            bad = bytearray(frame)
            for _ in range(rng.randrange(4)):
                bad[rng.randrange(len(bad))] = rng.getrandbits(8)
            hear(bytes(bad[: rng.randrange(len(bad) + 1)]), now)
            hear(frame, now)

        return heard

    wire.overheard.sent, wire.overheard.received = damage(sent), damage(received)
    wire.run(1, 60)
    assert any(isinstance(event, told.HttpBodyDelivered) for event in wire.ours)


DEVICE, GATEWAY = ip_bytes("192.168.77.50"), ip_bytes("192.168.77.1")
SYN = tcp_segment.build(tcp_segment.Segment(50_000, 81, 7, 0, tcp_segment.SYN, 1000), DEVICE, GATEWAY)
FAR = ip_bytes("10.1.2.3")
QUESTION = bytes.fromhex("0001010000010000000000000362 6f78056c6f63616c0000010001".replace(" ", ""))
IN_VAIN = (told.Refused, told.NameAsked, told.LeaseRefused)


def frames():
    """What a device sends in vain: to a closed port, to another network, to the name server, to the DHCP server."""
    far = tcp_segment.build(tcp_segment.Segment(50_001, 80, 7, 0, tcp_segment.SYN, 1000), DEVICE, FAR)
    asked = udp.build(DEVICE, 5000, GATEWAY, 53, QUESTION)
    lease = udp.build(bytes(4), 68, b"\xff" * 4, 67, dhcp_message(dhcp.REQUEST, MAC, options=b"\x32\x04" + FAR))
    for source, destination, protocol, payload in (
        (DEVICE, GATEWAY, ipv4.TCP, SYN),
        (DEVICE, FAR, ipv4.TCP, far),
        (DEVICE, GATEWAY, ipv4.UDP, asked),
        (bytes(4), b"\xff" * 4, ipv4.UDP, lease),
    ):
        packet = ipv4.build(source, destination, protocol, payload, 1)
        yield bytes.fromhex("02aabbccddfe") + MAC + b"\x08\0" + packet


def test_what_is_refused_is_told_as_the_network_tells_it():
    wire = Wire(1)
    for frame in frames():
        wire.overheard.sent(frame, 5)
        for answer in wire.network.receive(frame, 5):
            wire.overheard.received(answer, 5)
    theirs = [event for event in wire.theirs if isinstance(event, IN_VAIN)]
    ours = [event for event in wire.ours if isinstance(event, IN_VAIN)]
    assert [type(event).__name__ for event in theirs] == ["Refused", "Refused", "NameAsked", "LeaseRefused"]
    assert ours[:3] == theirs[:3] and [event.client_port for event in ours[:2]] == [50_000, 50_001]
    assert (ours[3].mac, ours[3].reason) == (theirs[3].mac, "the server's NAK")
