"""What access points can be, as the real firmware meets them: it joins, or is kept out."""

import random

import pytest
from station import MAC
from supplicant import Supplicant

from bk7238.air.events import GroupRekeyed, HandshakeCompleted, ProbeSeen, StationAssociated, StationRefused
from bk7238.air.wpa2 import Wpa2
from bk7238.network.events import LeaseGranted
from ota.joining import DEVICE, Device, Ears

pytestmark = pytest.mark.full

PSK = "correct horse"


def wpa2(**options):
    return Wpa2(PSK, random.Random(7), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": True},
        pytest.param({"beacon_interval": 50}, marks=pytest.mark.nightly),
        {"beacon_interval": 1000},
        {"b_only": True},
        {"ht": True},
        pytest.param({"isolated": True}, marks=pytest.mark.nightly),
        {"allow": [DEVICE]},
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize("psk", [pytest.param("", id="open", marks=pytest.mark.nightly), pytest.param(PSK, id="wpa2")])
def test_the_device_joins(options, psk):
    device = Device(psk=psk)
    device.access_point(security=wpa2() if psk else None, **options)
    assert device.join()
    assert device.answers_arp(), "a frame to everybody reaches it, and its answer us"


@pytest.mark.parametrize("options", [{"deny": [DEVICE]}, {"allow": [bytes(6)]}], ids=["deny", "allow"])
def test_a_mac_filter_keeps_the_device_out(options):
    device = Device()
    device.access_point(**options)
    assert not device.join(12)
    refused = device.heard(StationRefused)
    assert refused and {(event.status, event.step, event.station) for event in refused} == {
        (1, "authentication", DEVICE.hex(":"))
    }


@pytest.mark.parametrize("strong", [0, pytest.param(1, marks=pytest.mark.nightly), 2])
def test_the_strongest_of_several_access_points_wins(strong):
    device = Device(psk=PSK)
    for number in range(3):
        bssid = bytes.fromhex("02aabbccdd") + bytes((number,))
        device.access_point(bssid=bssid, channel=6, rssi=-40 if number == strong else -80, security=wpa2())
    assert device.join()
    assert [event.bssid[-2:] for event in device.heard(StationAssociated)] == [f"{strong:02x}"]
    assert device.answers_arp()


def test_the_firmware_ends_its_scan_with_the_first_channel_on_which_the_network_is():
    device = Device(psk=PSK)
    for number, (channel, rssi) in enumerate([(11, -40), (3, -80), (6, -40)]):
        bssid = bytes.fromhex("02aabbccdd") + bytes((number,))
        device.access_point(bssid=bssid, channel=channel, rssi=rssi, security=wpa2())
    assert device.join()
    assert [event.bssid[-2:] for event in device.heard(StationAssociated)] == ["01"]
    assert {event.channel for event in device.heard(ProbeSeen)} == {1, 2, 3}


def test_other_networks_on_the_channel_are_no_matter():
    device = Device(psk=PSK)
    device.access_point(security=wpa2())
    device.access_point(b"Neighbour", bssid=bytes.fromhex("02aabbccdd77"), rssi=-30)
    device.access_point(b"Neighbour 2", bssid=bytes.fromhex("02aabbccdd78"), rssi=-35, security=wpa2())
    assert device.join() and device.answers_arp()
    assert [event.bssid[-2:] for event in device.heard(StationAssociated)] == ["01"]


def test_the_device_takes_new_group_keys():
    device = Device(psk=PSK)
    keys = wpa2()
    device.access_point(security=keys)
    assert device.join()
    for key_id in (2, 1, 2):
        keys.rekey(device.machine.now)
        device.run(0.2)
        assert device.heard(GroupRekeyed)[-1].key_id == key_id
        assert device.answers_arp(), f"with group key {key_id}"
    assert len(device.heard(StationAssociated)) == 1


def test_the_device_comes_back_when_it_was_thrown_out():
    device = Device(psk=PSK)
    access_point = device.access_point(security=wpa2())
    assert device.join()
    access_point.deauthenticate(DEVICE, 7, device.machine.now)
    device.events.clear()
    assert device.join(90)
    assert len(device.heard(HandshakeCompleted)) == 1 and device.answers_arp()


def test_the_device_moves_to_another_access_point_when_its_own_goes_dark():
    device = Device(psk=PSK)
    first = device.access_point(channel=1, rssi=-40, security=wpa2())
    second = device.access_point(bssid=bytes.fromhex("02aabbccdd02"), channel=11, rssi=-60, security=wpa2())
    assert device.join()
    assert first.stations.member(DEVICE)
    first.switch_off()
    device.events.clear()
    device.run(60)
    assert second.stations.member(DEVICE) and not first.stations.member(DEVICE)
    assert device.heard(LeaseGranted) and device.answers_arp()


def test_the_device_asks_for_a_hidden_network_by_its_name():
    device = Device()
    device.access_point(hidden=True)
    assert device.join()
    assert b"Bench" in {event.ssid for event in device.heard(ProbeSeen)}


@pytest.mark.parametrize("isolated", [False, True])
def test_a_second_station_on_the_same_access_point(isolated):
    """Its frames pass the device's receive filter by; what it sends to the device arrives, unless they are isolated."""
    device = Device(psk=PSK)
    access_point = device.access_point(security=wpa2(), isolated=isolated)
    assert device.join()
    ears = Ears(device)
    other = Supplicant(ears, passphrase=PSK)
    other.now = ears.now
    other.join()
    assert len(access_point.stations.members()) == 2
    ip = bytes(map(int, device.heard(LeaseGranted)[-1].ip.split(".")))
    query = bytes.fromhex("0001080006040001") + MAC + bytes((192, 168, 77, 99)) + bytes(6) + ip
    other.data(DEVICE + MAC + b"\x08\x06" + query)
    answers = [frame for frame in other.serve(100_000, 50_000) if frame[6:12] == DEVICE and frame[12:14] == b"\x08\x06"]
    assert len(answers) == (0 if isolated else 1)
    assert bool(access_point.counters["isolated"]) == isolated
    assert device.answers_arp() and other.installed
