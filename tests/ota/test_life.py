"""A device and its router's life on the reference firmware: what comes back, how soon, and what is said where not."""

import json
import re

import effort
import pytest
from images import image

from bk7238 import Settings, resources
from bk7238.bench.bench import network_alone
from bk7238.cli import main
from bk7238.formats import ieee80211 as dot11
from bk7238.machine.snapshot import Snapshots
from bk7238.testing import Dut
from bk7238.update import boots, run_file
from bk7238.update.life import Life
from bk7238.update.verdict import Verdict

pytestmark = pytest.mark.bk7238(package=False)

PSK = "correct horse"


def lives(capsys, *options):
    """The status of `bk7238 live`, and what it printed as JSON."""
    given = "live", str(resources.reference() / "reference_1.0.0.bin"), "--json", *options
    status = main(given)
    return status, json.loads(capsys.readouterr().out)


def test_a_device_that_is_back_each_time(capsys):
    status, result = lives(capsys, "--hours", "0.05", "--every", "50s", "--outage", "router-restart:off=12s,channel=11")
    assert (status, result["verdict"]) == (0, "back")
    assert [(one["began"], one["over"], one["verdict"]) for one in result["outages"]] == [
        (50, 62, "back"),
        (100, 112, "back"),
    ]
    for one in result["outages"]:
        assert one["over"] < one["beacon"] < one["could"] < one["back"] and 0 < one["delay"] < 5
        assert one["air"]["StationAssociated"] == one["air"]["LeaseGranted"] == 1 and one["sent"] > 3
    assert result["reason"].endswith("(2 outages: 2 back)") and result["faults_never_fired"] == []


@pytest.mark.full
def test_this_machine_reaches_it_meanwhile(capsys):
    options = ("--forward", "0:80", "--forward", "0:53/udp", "--gateway", "broker.lan:1883=127.0.0.1:18830")
    image = str(resources.reference() / "reference_1.0.0.bin")
    assert main(("live", image, "--json", "--hours", "0.001", *options)) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["digest"].endswith("+gateway+forward")
    assert "is port 80 of the device (tcp)" in err and "is port 53 of the device (udp)" in err


def test_one_that_has_not_noticed(capsys):
    status, result = lives(capsys, "--hours", "0.03", "--fault", "router-restart:off=5s@10s", "--psk", PSK)
    assert (status, result["verdict"]) == (1, "gone")
    assert "it has sent nothing since: it has not noticed, and the access point, which has" in result["reason"]
    [one] = result["outages"]
    assert one["sent"] == 0 and one["said"]["uart1"][-1].startswith("IP up") and one["back"] is None


def test_one_that_is_late(capsys):
    status, result = lives(
        capsys, "--hours", "0.03", "--late", "10s", "--fault", "router-restart:off=12s,refused=12@10s"
    )
    assert (status, result["verdict"]) == (1, "back-late")
    assert (
        "after it could have been; before, the access point refused the device's association with status 17"
        in (result["reason"])
    )


def test_one_that_was_silent_before_it_was_back(capsys):
    options = "--hours", "0.015", "--late", "1s", "--fault", "router-restart:off=5s,channel=11@20s"
    status, result = lives(capsys, *options)
    assert (status, result["verdict"]) == (1, "back-late")
    silence = re.search(r"; before, it had sent nothing for (\d+\.\d) s$", result["reason"])
    assert silence and 5 <= float(silence[1]) <= result["outages"][0]["delay"]


@pytest.mark.full
def test_the_time_is_over_before_it_can_be_said(capsys):
    status, result = lives(capsys, "--hours", "0.01", "--fault", "router-restart:off=5s@30s")
    assert (status, result["verdict"]) == (3, "time-limit") and "it was not late yet" in result["reason"]
    status, result = lives(capsys, "--hours", "0.01", "--fault", "ap-gone:duration=1min@10s")
    assert (status, result["verdict"]) == (3, "time-limit") and "it was not over" in result["reason"]
    status, result = lives(capsys, "--hours", "0.01", "--fault", "ap-gone@10s")
    assert (status, result["verdict"]) == (3, "time-limit") and "there was no beacon to hear" in result["reason"]


@pytest.mark.full
def test_an_outage_within_something_that_has_no_end(capsys):
    noise = "interference:loss=20%,airtime=30%@10s"
    status, result = lives(capsys, "--hours", "0.03", "--fault", noise, "--fault", "router-restart:off=12s@40s")
    assert (status, result["verdict"]) == (0, "back")
    first, second = result["outages"]
    assert (first["faults"], first["over"], first["verdict"]) == ([noise], 10, "back")
    assert (second["faults"], second["over"]) == (["router-restart:off=12s@40s"], 52)


def test_one_that_starts_again(capsys):
    status, result = lives(capsys, "--hours", "0.02", "--fault", "watchdog-bite@20s")
    assert (status, result["verdict"]) == (1, "reboots") and "reset 1 times, and back" in result["reason"]


def test_one_that_has_never_joined(capsys):
    status, result = lives(capsys, "--router", "wpa3", "--psk", PSK)
    assert (status, result["verdict"]) == (1, "device-waits") and "the device did not join" in result["reason"]


@pytest.mark.full
def test_one_that_goes_by_itself(dut):
    dut.join()
    life = Life(dut.bench)
    dut.router.model.forget_all(dut.machine.now)
    dut.run("300 s")
    assert life.awaited is not None and life.awaited.faults == []
    assert life.close()[0] is Verdict.GONE


def test_one_that_does_not_wake_up(dut):
    dut.join()
    dut.bench.air.frames.insert(lambda frame, *_: frame[:1] + bytes((frame[1] | dot11.POWER_MANAGEMENT,)) + frame[2:])
    gone = dut.back(within="5 s")
    assert not gone and "it has said that it sleeps, and does not come for the" in gone.reason


def test_one_whose_authentication_is_lost(dut):
    dut.join()
    lost = bytes((dot11.AUTHENTICATION << 4,))
    dut.bench.air.frames.insert(lambda frame, *_: None if frame.startswith(lost) else frame)
    dut.router.restart(off="15 s")
    gone = dut.back(within="20 s")
    assert not gone and "the device begins to join and comes to no end with it: frames are lost" in gone.reason


def test_a_beacon_that_nobody_waits_for_is_cheap(dut):
    dut.join()
    dut.run("1 s")
    engine = dut.machine.engine
    before = dict(engine.entered)
    assert effort.lines(lambda: dut.machine.run(until=dut.machine.now + 1_024_000)) < 10 * 530  # ten beacons
    asked = {name for name, counts in engine.entered.items() if counts != before.get(name)}
    assert asked <= {("wdt", "CTRL")}, "frames are linked and copied natively"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--outage", "ap-gone"), "--outage needs --every TIME"),
        (("--every", "10min", "--outage", "ap-gone@3s"), "leave out the @"),
        (("--every", "0s"), "above 0"),
        (("--hours", "0"), "no number of hours"),
        (("--every", "10min", "--outage", "ap-went"), "no fault is called 'ap-went'"),
    ],
)
def test_what_cannot_be_is_refused(capsys, options, why):
    assert main(("live", str(resources.reference() / "reference_1.0.0.bin"), *options)) == 2
    assert why in capsys.readouterr().err


def test_the_kit_asks_the_same():
    dut = Dut(image(), None, Settings(psk=PSK))
    dut.join()
    dut.router.restart(off="15 s", channel=11)
    assert dut.back(within="30 s")
    dut.router.restart(off="3 s")
    gone = dut.back(within="20 s")
    assert not gone and "it has not noticed" in gone.reason
    with pytest.raises(ValueError, match="channels go from 1 to 14"):
        dut.router.restart(channel=15)


@pytest.mark.full
def test_a_life_goes_on_from_a_file():
    settings = Settings(faults=["router-restart:off=12s@10s", "router-restart:off=12s,dhcp=5s@50s"])

    def made():
        device = boots.joined(image(), None, settings, None)
        return device, Life(device)

    def end(device, life):
        device.machine.run(until=100_000_000)
        verdict = life.close()
        return device.machine.digest(), verdict, [one.as_json() for one in life.outages]

    (first, its), (second, others) = made(), made()
    first.machine.run(until=57_000_000)
    _, snapshot = run_file.unpack(run_file.pack(Snapshots(first.machine).take(), "here"), "here")
    Snapshots(second.machine).restore(snapshot)
    assert end(second, others) == end(first, its) == end(*made())
    assert its.outages[1].verdict is Verdict.BACK and network_alone
