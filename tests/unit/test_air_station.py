"""The scripted station, against the simulated access point: scan, join, lease, pages, and what goes wrong."""

import contextlib
import random
import zlib

import pytest

from bk7238.air import events as air
from bk7238.air.access_point import AccessPoint
from bk7238.air.station import Station
from bk7238.network import events as network
from bk7238.network.events import Events
from bk7238.network.fetch import Fetch, Url
from bk7238.network.http_observer import HttpObserver
from bk7238.network.network import Network

PAGE = b"<html>" + bytes(range(256)) * 60
URL = "http://192.168.77.1/index"


class Room:
    """An access point and a station that hear each other; `loss` is the share of frames that do not arrive."""

    def __init__(self, *, loss: float = 0.0, files=None, ip: bytes = b"", ssid: bytes | None = None, **options) -> None:
        self.network = Network(random.Random(1), files={"/index": PAGE} if files is None else files)
        self.access_point = AccessPoint(b"Own", network=self.network, rng=random.Random(2), **options)
        self.station = Station(random.Random(3), ip=ip, ssid=ssid)
        self.told = []
        self.station.events.on_event.connect(self.told.append)
        self.now = 0
        self.lost = 0
        self._rng, self._loss = random.Random(4), loss

    def run(self, seconds: float) -> "Room":
        end = self.now + round(seconds * 1e6)
        while self.now < end:
            for outgoing in self.station.poll(self.now):
                if self._arrives() and self.station.channel == self.access_point.channel:
                    self.access_point.receive(outgoing.frame, self.now)
            if self.network.deadline is not None and self.network.deadline <= self.now:
                for ethernet in self.network.poll(self.now):
                    self.access_point.send(ethernet, self.now)
            for outgoing in self.access_point.poll(self.now):
                if self._arrives() and self.station.channel == self.access_point.channel:
                    self.station.receive(outgoing.frame, self.now)
            deadlines = (self.station.deadline, self.access_point.deadline, self.network.deadline)
            self.now = max(self.now + 500, min(time for time in (*deadlines, end) if time is not None))
        return self

    def _arrives(self) -> bool:
        lost = self._rng.random() < self._loss
        self.lost += lost
        return not lost

    def happened(self, kind):
        return [event for event in self.told if isinstance(event, kind)]


@pytest.mark.parametrize("channel", [1, 6, 13])
def test_joins_and_fetches(channel):
    room = Room(channel=channel)
    room.station.host.fetch(URL)
    room.run(5)
    (joined,) = room.happened(air.NetworkJoined)
    assert (joined.ssid, joined.channel, joined.aid) == (b"Own", channel, 1)
    (lease,) = room.happened(network.LeaseTaken)
    assert lease.ip == "192.168.77.50"
    (page,) = room.station.host.fetched
    assert (page.status, bytes(page.body), page.failure) == (200, PAGE, "")


def test_a_static_address():
    room = Room(ip=bytes((192, 168, 77, 9)))
    room.station.host.fetch(URL)
    room.run(5)
    assert not room.happened(network.LeaseTaken)
    assert bytes(room.station.host.fetched[0].body) == PAGE


@pytest.mark.parametrize("seed", range(5))
def test_survives_loss(seed):
    room = Room(loss=0.1)
    room._rng.seed(seed)
    room.station.host.fetch(URL)
    room.run(60)
    assert room.lost > 3
    assert bytes(room.station.host.fetched[0].body) == PAGE


def test_pages_one_after_the_other_and_a_missing_one():
    room = Room()
    for name in ("index", "nothing", "index"):
        room.station.host.fetch(f"http://192.168.77.1/{name}")
    room.run(5)
    assert [page.status for page in room.station.host.fetched] == [200, 404, 200]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://192.168.77.1:81/", "refused"),
        ("http://192.168.77.77/", "nobody has the server's address"),
    ],
)
def test_says_why_a_page_does_not_come(url, reason):
    room = Room()
    room.station.host.fetch(url)
    room.run(10)
    (failed,) = room.happened(network.HttpFetchFailed)
    assert reason in failed.reason and room.station.host.fetched[0].failure


@pytest.mark.parametrize(
    "url", ["https://192.168.4.1/", "192.168.4.1", "http://device/", "http://192.168.4.1:0/", "http://1.2.3.4/a b"]
)
def test_refuses_what_is_no_url(url):
    with pytest.raises(ValueError, match=r"of the form|IPv4 address|port or characters"):
        Room().station.host.fetch(url)


def test_joins_only_the_network_it_is_told():
    assert not Room(ssid=b"Other").run(5).happened(air.NetworkFound)
    assert Room(ssid=b"Own").run(5).happened(air.NetworkJoined)


def test_comes_back_when_thrown_out():
    room = Room().run(4)
    room.access_point.deauthenticate(room.station.address, 2, room.now)
    room.run(4)
    assert [type(event).__name__ for event in room.told if not isinstance(event, network.LeaseTaken)] == [
        "NetworkFound",
        "NetworkJoined",
        "NetworkLost",
        "NetworkFound",
        "NetworkJoined",
    ]
    assert room.happened(air.NetworkLost)[0].reason == 2


def test_hostile_frames_do_no_harm():
    rng = random.Random(7)
    room = Room().run(4)
    template = room.access_point._bss.beacon(0, b"")
    for _ in range(3_000):
        body = bytearray(bytes((rng.choice((0x80, 0x50, 0xB0, 0x10, 0x08, 0xC0)), rng.getrandbits(8))) + bytes(2))
        body += room.station.address + room.access_point.bssid + room.access_point.bssid + bytes(2) + template
        for _ in range(rng.randrange(4)):
            body[rng.randrange(len(body))] = rng.getrandbits(8)
        room.station.receive(bytes(body[: rng.randrange(len(body) + 1)]), room.now)
    room.run(10)
    assert room.station.state == "joined"


@pytest.mark.parametrize("seed", range(4))
def test_hostile_answers_do_no_harm(seed):
    """Whatever the network answers is damaged at random; the station goes on with the next page."""
    rng = random.Random(seed)
    room = Room(files={"/index": PAGE, "/gone": b""})
    damaged = 0

    def damage(frame: bytes) -> bytes:
        nonlocal damaged
        if rng.random() < 0.5:
            return frame
        damaged += 1
        bad = bytearray(frame)
        for _ in range(rng.randrange(1, 5)):
            bad[rng.randrange(len(bad))] = rng.getrandbits(8)
        return bytes(bad[: rng.randrange(len(bad) + 1)])

    receive = room.station.host.receive
    room.station.host.receive = lambda frame, now: [
        answer for part in (damage(frame), frame) for answer in receive(part, now)
    ]
    for _ in range(20):
        room.station.host.fetch(URL)
    room.run(60)
    assert damaged > 100 and room.station.host.fetched
    assert any(page.status == 200 for page in room.station.host.fetched)


@pytest.mark.parametrize("seed", range(20))
def test_hostile_pages_do_no_harm(seed):
    rng = random.Random(seed)
    good = b"HTTP/1.1 302 Found\r\nLocation: http://1.2.3.4:99999/\r\nContent-Length: 4\r\n\r\nbody"
    for _ in range(200):
        fetch = Fetch(Url(URL))
        bad = bytearray(good)
        for _ in range(rng.randrange(6)):
            bad[rng.randrange(len(bad))] = rng.getrandbits(8)
        at = rng.randrange(len(bad) + 1)
        for piece in (bytes(bad[:at]), bytes(bad[at:])):
            if piece:
                fetch.receive(piece)
        fetch.receive(b"")
        assert fetch.done
        with contextlib.suppress(ValueError):
            fetch.redirection()


@pytest.mark.parametrize("seed", range(20))
def test_whoever_reads_along_survives_what_is_not_http(seed):
    rng = random.Random(seed)
    request = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n" + bytes(6000)
    events = Events()
    told = []
    events.on_event.connect(told.append)
    for damage in (0, 1, 3, 20):
        observer, delivered = HttpObserver(events, "192.168.77.50"), 0
        for text, hand in ((request, observer.asked), (answer, observer.answered)) * 2:
            bad = bytearray(text)
            for _ in range(damage):
                bad[rng.randrange(60) % len(bad)] = rng.getrandbits(8)
            for at in range(0, len(bad), 1_000):
                hand(bytes(bad[at : at + 1_000]))
            if hand == observer.answered:
                delivered += len(bad)
                observer.delivered(delivered, 0)
        observer.closed(0)
    assert [type(event).__name__ for event in told[:6]] == [
        "HttpRequested",
        "HttpBodyProgress",
        "HttpBodyDelivered",
        "HttpRequested",
        "HttpBodyProgress",
        "HttpBodyDelivered",
    ]


@pytest.mark.parametrize(
    ("answer", "reason", "ends", "said"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", "HttpBodyDelivered", "chunked"),
        (b"Content-Type: text/html\r\n\r\nhello", "closed by the server", "HttpBodyDelivered", "text/html without"),
        (b"Content-Type: text/html\r\n\r\nhello", "reset by the server", "HttpBodyAborted", "text/html without"),
        (b"content-length: 9\r\n\r\nhello", "closed by the server", "HttpBodyAborted", "9 bytes (its header is spelt"),
        (b"Content-Length: 5\r\n\r\nhello", "", "HttpBodyDelivered", "of 5 bytes"),
    ],
)
def test_whoever_reads_along_tells_what_the_answer_was(answer, reason, ends, said):
    events, told = Events(), []
    events.on_event.connect(told.append)
    observer = HttpObserver(events, "192.168.77.50", 50_000, "10.0.0.1:8000")
    observer.asked(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b"HTTP/1.1 200 OK\r\n" + answer
    observer.answered(answer)
    observer.delivered(len(answer), 0)
    observer.closed(0, reason)
    asked, end = told[0], told[-1]
    assert (asked.client_port, asked.server, asked.status) == (50_000, "10.0.0.1:8000", 200)
    assert said in str(asked.head) and type(end).__name__ == ends
    if ends == "HttpBodyDelivered":
        assert (end.total, end.crc) == (5, zlib.crc32(b"hello"))
    else:
        assert (end.acknowledged, end.client_port, end.server) == (5, 50_000, "10.0.0.1:8000")
        assert end.reason == reason


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"220 mail.example ESMTP\r\n"])
def test_whoever_reads_along_tells_of_a_request_without_an_answer(answer):
    events, told = Events(), []
    events.on_event.connect(told.append)
    observer = HttpObserver(events, "192.168.77.50", 50_000, "10.0.0.1:8000")
    observer.asked(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    observer.answered(answer)
    observer.delivered(len(answer), 0)
    observer.closed(7)
    observer.closed(8)
    (event,) = told
    assert (event.time, event.path, event.status, event.server) == (7, "/a", 0, "10.0.0.1:8000")
