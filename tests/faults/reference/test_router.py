"""Faults of the router on the reference firmware: each fires, and the device does what it does about it."""

import pytest
from images import image

from bk7238 import Settings
from bk7238.bench.bench import network_alone
from bk7238.machine.snapshot import Snapshots
from bk7238.testing import NotSeen
from bk7238.update import run_file
from bk7238.update.alone import Alone

pytestmark = pytest.mark.bk7238(package=False)

PSK = "correct horse"
FIRST, OTHER = "02:aa:bb:cc:dd:01", "02:aa:bb:cc:dd:11"


def leased(dut, number, ip="192.168.77.50", within="60 s"):
    """Run until the device has had a lease so many times, the last of this address."""
    dut.wait(lambda: len(events(dut, "LeaseGranted")) >= number, within)
    assert events(dut, "LeaseGranted")[-1].ip == ip


def events(dut, kind):
    return [event for event in dut.events if type(event).__name__ == kind]


def joined(dut):
    """The access points that the device has joined, and on which channels they stand."""
    points = {point.bssid.hex(":"): point.channel for point in dut.bench.air.access_points}
    return [(event.bssid, points.get(event.bssid)) for event in events(dut, "StationAssociated")]


def finds_it_again(dut):
    leased(dut, 2)
    assert joined(dut)[1:] == [(FIRST, 6)]


def finds_it_on_another_channel(dut):
    leased(dut, 2)
    assert joined(dut)[1:] == [(FIRST, 11)]


def finds_another_bssid(dut):
    leased(dut, 2)
    assert joined(dut)[1:] == [(OTHER, 6)] and len(events(dut, "HandshakeCompleted")) == 2


def waits_for_its_lease(dut):
    leased(dut, 2)
    associated = events(dut, "StationAssociated")[1]
    assert 3_000_000 < events(dut, "LeaseGranted")[1].time - associated.time < 8_000_000


def gets_another_address(dut):
    leased(dut, 2, "192.168.77.51")


def is_in_the_other_subnet(dut):
    leased(dut, 2, "192.168.76.50")
    assert dut.network.address == "192.168.76.1"


def tries_again(dut):
    leased(dut, 2)
    assert [event.status for event in events(dut, "StationRefused")] == [17, 17]


def does_not_notice(dut):
    dut.run("20 s")
    assert len(joined(dut)) == 1 and dut.router.stations == []


def is_sent_away_when_it_sends(dut):
    dut.send("ping 192.168.77.1")
    leased(dut, 2)
    assert {event.reason for event in events(dut, "StationUnknown")} == {7}


def asks_again(dut):
    leased(dut, 1)
    assert [event.ip for event in events(dut, "LeaseRefused")] == ["192.168.77.50"] * 2


def goes_to_the_second(dut):
    leased(dut, 2)
    assert joined(dut) == [(FIRST, 6), (OTHER, 1)]
    assert [event.cause for event in events(dut, "StationLeft")] == ["move"]
    assert dut.fired().count == 11


def keeps_its_old_address(dut):
    dut.send("ifconfig")
    dut.expect("192.168.77.50")
    assert dut.network.address == "192.168.76.1"


def gets_through(dut):
    dut.send("ping 192.168.77.1")
    dut.run("10 s")
    assert len(joined(dut)) == 1 and dut.fired().count >= 10 and events(dut, "Pinged")


# fault -> how often it has fired by then, and the reaction
REACTIONS = {
    "router-restart:off=15s@4s": (2, finds_it_again),
    "router-restart:off=5s@4s": (2, does_not_notice),
    "router-restart:off=5s,associations=kept,channel=11@4s": (2, finds_it_on_another_channel),
    "router-restart:off=15s,channel=11@4s": (2, finds_it_on_another_channel),
    "router-restart:off=15s,bssid=other@4s": (2, finds_another_bssid),
    "router-restart:off=15s,dhcp=5s@4s": (2, waits_for_its_lease),
    "router-restart:off=15s,leases=taken@4s": (2, gets_another_address),
    "router-restart:off=15s,leases=forgotten@4s": (2, finds_it_again),
    "router-restart:off=15s,subnet=other@4s": (2, is_in_the_other_subnet),
    "router-restart:off=15s,refused=2@4s": (2, tries_again),
    "channel-switch:beacons=3@4s": (1, finds_it_on_another_channel),
    "channel-switch:announced=no@4s": (1, finds_it_on_another_channel),
    "dhcp-other-subnet@4s": (1, keeps_its_old_address),
    "lease-refused:2": (2, asks_again),
    "roam:5s@4s": (11, goes_to_the_second),
    "interference:50%,20%@4s": (10, gets_through),
    "ap-forgets-station@4s": (1, is_sent_away_when_it_sends),
}


def meets(dut, fault):
    """The device joins, the fault fires as often as it should, and the device does as it should."""
    dut.package = None
    times, reaction = REACTIONS[fault]
    dut.configure(psk=PSK, faults=[fault])
    dut.wait(lambda: dut.faults[0].count, "6 s")
    if times <= 2:
        dut.wait(lambda: dut.fired().count >= times)
    reaction(dut)


SLOW = {fault for fault in REACTIONS if fault.startswith("router-restart:off=15s")} - {"router-restart:off=15s@4s"}


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[pytest.mark.full] if fault in SLOW else []) for fault in REACTIONS]
)
def test_it_fires_and_the_device_reacts(dut, fault):
    meets(dut, fault)


def test_an_announced_switch_is_announced_and_the_timestamps_of_a_new_start_are_new(dut):
    dut.configure(faults=["channel-switch:beacons=3@1.95s", "router-restart:off=1s@2.4s"])
    dut.run("4 s")
    beacons = [frame for frame in dut.frames if frame.data[0] == 0x80]
    announcements = [
        (frame.channel, frame.data[at + 2 : at + 5])
        for frame in beacons
        if (at := frame.data.find(b"\x25\x03", 36)) >= 0
    ]
    assert announcements == [(6, bytes((0, 11, left))) for left in (2, 1, 0)]
    stamps = [int.from_bytes(frame.data[24:32], "little") for frame in beacons if frame.time > 3_400_000]
    assert stamps and max(stamps) < 600_000 and {frame.channel for frame in beacons[-3:]} == {11}


@pytest.mark.full
def test_interference_takes_airtime():
    def sent(*faults):
        device = Alone(image(), Settings(faults=faults), network_alone)
        device.machine.run(until=20_000_000)
        return device.faults.as_json(), device.machine.digest()

    assert sent("interference:airtime=0%,loss=0%@1s")[1] == sent()[1]
    assert sent("interference:airtime=50%,loss=0%@1s")[1] != sent()[1]
    assert sent("interference@1s") == sent("interference@1s"), "the pattern is the seed's"


@pytest.mark.full
@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        ("router-restart:off=15s,channel=11,dhcp=5s,refused=2,leases=taken@4s", 12),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("router-restart:off=15s,bssid=other,subnet=other@4s", 20),
                ("router-restart:off=15s,dhcp=5s,refused=2@4s", 19.1),
                ("channel-switch:beacons=100@4s", 9),
                ("lease-refused:2@5s", 6),
                ("roam:10s@4s", 9),
                ("interference:50%,20%@4s", 9),
                ("ap-forgets-station@4s", 6),
                ("dhcp-other-subnet@4s", 6),
            )
        ),
    ],
)
def test_it_goes_on_from_a_file(fault, moment):
    settings = Settings(psk=PSK, faults=[fault, "ap-gone:12s@40s"])

    def made():
        return Alone(image(), settings, network_alone)

    def end(device):
        device.machine.run(until=70_000_000)
        return device.machine.digest(), device.faults.as_json()

    first, second = made(), made()
    first.machine.run(until=round(moment * 1e6))
    _, snapshot = run_file.unpack(run_file.pack(Snapshots(first.machine).take(), "here"), "here")
    Snapshots(second.machine).restore(snapshot)
    assert end(second) == end(first) == end(made())


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("router-restart:channel=15", "channels go from 1 to 14"),
        ("router-restart:associations=kept,refused=1", "refuses nobody"),
        ("router-restart:leases=gone", "leases is kept, forgotten or taken"),
        ("router-restart:refused=-1", "0 or more"),
        ("channel-switch:beacons=256", "beacons goes to 255"),
        ("roam:near=-90,far=-45", "near is more than far"),
        ("interference:airtime=100%", "less than 100%"),
    ],
)
def test_what_cannot_be_is_refused(fault, why):
    with pytest.raises(ValueError, match=why):
        Alone(image(), Settings(faults=[fault]), network_alone)


def test_a_device_without_a_cause_never_fires(dut):
    dut.configure(faults=["lease-refused@4s"])
    dut.run("6 s")
    with pytest.raises(NotSeen, match="lease-refused@4s never fired"):
        dut.fired()
