"""The device's own access point: an image without configuration opens it, a station joins and reads its page."""

import json
import random

import pytest
from images import FULL, vendor

from bk7238.air import events as air
from bk7238.air.medium import Medium
from bk7238.air.station import Station
from bk7238.cli import main
from bk7238.formats import ieee80211 as dot11
from bk7238.machine import Machine
from bk7238.network import events as network

pytestmark = pytest.mark.full

INTERVAL = 102_400
PAGE = "http://192.168.4.1/"


class Room:
    """The unconfigured device, and what is on the air around it."""

    def __init__(self, seed: int = 1, **station) -> None:
        self.machine = Machine(vendor(FULL).read_bytes(), seed=seed)
        self.air = Medium()
        self.machine.connect_air(self.air)
        self.station = Station(random.Random(seed), **station)
        self.told = []
        self.frames = []
        self.air.on_event(self.told.append)
        self.air.on_frame(lambda time, frame, channel, ours: self.frames.append((time, frame, channel, ours)))

    def fetch(self, url: str, seconds: float = 20.0) -> "Room":
        self.air.add_station(self.station)
        self.station.host.fetch(url)
        over = (network.HttpFetched, network.HttpFetchFailed)

        def heard(event) -> None:
            if isinstance(event, over) and not getattr(event, "onwards", ""):
                self.machine.stop()

        self.air.on_event(heard)
        self.machine.run(until=round(seconds * 1e6))
        return self

    def beacons(self):
        return [
            (time, dot11.parse(frame)[1], channel)
            for time, frame, channel, ours in self.frames
            if ours and frame[0] == 0x80
        ]


def test_beacons_every_102_milliseconds():
    room = Room()
    room.machine.run(until=12_000_000)
    beacons = room.beacons()
    times = [time for time, _, _ in beacons]
    assert times[0] < 7_000_000 and len(times) >= (12_000_000 - times[0]) // INTERVAL
    assert {late - early for early, late in zip(times, times[1:], strict=False)} == {INTERVAL}
    assert {channel for _, _, channel in beacons} == {1}
    stamps = [int.from_bytes(body[:8], "little") for _, body, _ in beacons]
    assert {stamp % INTERVAL // 1_000 for stamp in stamps} == {0}  # sent when they are due
    assert {late - early for early, late in zip(stamps, stamps[1:], strict=False)} == {INTERVAL}
    _, body, _ = beacons[-1]
    assert body[8:10] == (100).to_bytes(2, "little")
    assert dot11.find_element(body[12:], dot11.SSID).startswith(b"OpenBK7238_")
    counts = [dot11.find_element(body[12:], dot11.TIM)[0] for _, body, _ in beacons]
    assert {*counts} == {0, 1}  # the firmware counts down to every second beacon


@pytest.mark.parametrize(("seed", "ip"), [(1, b""), (2, b""), (3, bytes((192, 168, 4, 77)))])
def test_a_station_joins_and_fetches_the_page(seed, ip):
    room = Room(seed, ip=ip).fetch(PAGE)
    (joined,) = [event for event in room.told if isinstance(event, air.NetworkJoined)]
    assert joined.ssid.startswith(b"OpenBK7238_") and joined.channel == 1
    leases = [event.ip for event in room.told if isinstance(event, network.LeaseTaken)]
    assert leases == ([] if ip else ["192.168.4.100"])
    sent_on, page = room.station.host.fetched
    assert (sent_on.status, sent_on.headers["location"]) == (302, "/index")
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert page.body.startswith(b"<!DOCTYPE html>") and b"OpenBK7238_" in page.body and b"</body></html>" in page.body


def test_survives_losses():
    room = Room()
    rng = random.Random(5)
    lost = []

    def lose(time, frame, channel, ours):
        if frame[0] != 0x80 and rng.random() < 0.05:
            lost.append(time)
            return None
        return frame

    room.air.filters.append(lose)
    room.fetch(PAGE, 60)
    assert lost and room.station.host.fetched[-1].status == 200


def test_the_same_run_gives_the_same_digest():
    assert Room(4).fetch(PAGE).machine.digest() == Room(4).fetch(PAGE).machine.digest()


def test_the_command_line_fetches_the_page(tmp_path, capsys):
    image = str(vendor(FULL))
    status = main(["run", image, "--fetch", PAGE, "--within", "20", "--json", "--artifacts", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert status == 0
    assert [(page["url"], page["status"]) for page in result["fetched"]] == [(PAGE, 302), (f"{PAGE}index", 200)]
    assert (tmp_path / "fetched-1.html").read_bytes().startswith(b"<!DOCTYPE html>")
    assert main(["run", image, "--fetch", PAGE, "--within", "3", "--json"]) == 3
