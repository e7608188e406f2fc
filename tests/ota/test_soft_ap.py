"""The device's own access point: an image without configuration opens it, a station joins and reads its page."""

import json
import random
from itertools import pairwise

import pytest
from images import FULL, vendor

from bk7238.air.station import Station
from bk7238.cli import main
from bk7238.formats import ieee80211 as dot11
from bk7238.testing import Air

pytestmark = [pytest.mark.full, pytest.mark.bk7238(image=FULL, package=False, profile="none")]

INTERVAL = 102_400
PAGE = "http://192.168.4.1/"


def fetched(dut, air, within="20 s", **station):
    """The answers that a station gets which joins and fetches the page, and goes where it is sent on to."""
    visitor = Station(random.Random(dut.settings.seed), **station)
    air.model.add_station(visitor)
    visitor.host.fetch(PAGE)
    while air.expect("HttpFetched", within).onwards:
        pass
    return visitor.host.fetched


def test_beacons_every_102_milliseconds(dut, air):
    dut.run("12 s")
    ours = [frame for frame in air.frames if frame.from_device and frame.data[0] == 0x80]
    times, bodies = [frame.time for frame in ours], [dot11.parse(frame.data)[1] for frame in ours]
    assert times[0] < 7_000_000 and len(times) >= (12_000_000 - times[0]) // INTERVAL
    assert {late - early for early, late in pairwise(times)} == {INTERVAL}
    assert {frame.channel for frame in ours} == {1}
    stamps = [int.from_bytes(body[:8], "little") for body in bodies]
    assert {stamp % INTERVAL // 1_000 for stamp in stamps} == {0}  # sent when they are due
    assert {late - early for early, late in pairwise(stamps)} == {INTERVAL}
    assert bodies[-1][8:10] == (100).to_bytes(2, "little")
    assert dot11.find_element(bodies[-1][12:], dot11.SSID).startswith(b"OpenBK7238_")
    counts = [dot11.find_element(body[12:], dot11.TIM)[0] for body in bodies]
    assert {*counts} == {0, 1}  # the firmware counts down to every second beacon


@pytest.mark.parametrize(("seed", "ip"), [(1, b""), (2, b""), (3, bytes((192, 168, 4, 77)))])
def test_a_station_joins_and_fetches_the_page(dut, air, seed, ip):
    dut.configure(seed=seed)
    sent_on, page = fetched(dut, air, ip=ip)
    (joined,) = air.events("NetworkJoined")
    assert joined.ssid.startswith(b"OpenBK7238_") and joined.channel == 1
    assert [event.ip for event in air.events("LeaseTaken")] == ([] if ip else ["192.168.4.100"])
    assert (sent_on.status, sent_on.headers["location"]) == (302, "/index")
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert page.body.startswith(b"<!DOCTYPE html>") and b"OpenBK7238_" in page.body and b"</body></html>" in page.body


def test_survives_losses(dut, air):
    rng = random.Random(5)
    lost = []

    def lose(frame, time, _channel, _ours):
        if frame[0] != 0x80 and rng.random() < 0.05:
            lost.append(time)
            return None
        return frame

    air.model.frames.insert(lose)
    assert fetched(dut, air, "60 s")[-1].status == 200 and lost


def test_the_same_run_gives_the_same_digest(make_dut):
    one, other = make_dut(seed=4), make_dut(seed=4)
    for dut in (one, other):
        fetched(dut, Air(dut))
    assert one.machine.digest() == other.machine.digest()


def test_the_command_line_fetches_the_page(tmp_path, capsys):
    image = str(vendor(FULL))
    status = main(["run", image, "--fetch", PAGE, "--within", "20", "--json", "--artifacts", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert status == 0
    assert [(page["url"], page["status"]) for page in result["fetched"]] == [(PAGE, 302), (f"{PAGE}index", 200)]
    assert (tmp_path / "fetched-1.html").read_bytes().startswith(b"<!DOCTYPE html>")
    assert main(["run", image, "--fetch", PAGE, "--within", "3", "--json"]) == 3
