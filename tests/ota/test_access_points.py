"""What access points can be, as the real firmware meets them: it joins, or is kept out."""

import pytest
from images import FULL
from station import MAC
from supplicant import Supplicant

from bk7238.machine.radio import Reception
from bk7238.testing import NotSeen

pytestmark = [pytest.mark.full, pytest.mark.bk7238(image=FULL, package=False)]

PSK = "correct horse"
DEVICE = bytes.fromhex("c8478c428848")
"""The MAC address of the device."""


@pytest.fixture
def put_up(dut, ap, air):
    """Puts up access points in the place of the usual one, all with the device's passphrase where it has one."""

    def put(ssid=None, **options):
        ap.off()
        return air.access_point(ssid, **{"psk": dut.settings.psk, **options})

    return put


def joined(air):
    """The last bytes of the addresses of the access points that the device has associated with."""
    return [event.bssid[-2:] for event in air.events("StationAssociated")]


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
def test_the_device_joins(dut, air, put_up, options, psk):
    dut.configure(psk=psk or None)
    put_up(**options)
    air.expect("LeaseGranted")
    assert air.arping(), "a frame to everybody reaches it, and its answer us"


@pytest.mark.parametrize("options", [{"deny": [DEVICE]}, {"allow": [bytes(6)]}], ids=["deny", "allow"])
def test_a_mac_filter_keeps_the_device_out(air, put_up, options):
    put_up(**options)
    with pytest.raises(NotSeen):
        air.expect("LeaseGranted", within="12 s")
    refused = air.events("StationRefused")
    assert refused and {(event.status, event.step, event.station) for event in refused} == {
        (1, "authentication", DEVICE.hex(":"))
    }


@pytest.mark.bk7238(psk=PSK)
@pytest.mark.parametrize("strong", [0, pytest.param(1, marks=pytest.mark.nightly), 2])
def test_the_strongest_of_several_access_points_wins(air, put_up, strong):
    for number in range(3):
        put_up(bssid=bytes.fromhex("02aabbccdd") + bytes((number,)), rssi=-40 if number == strong else -80)
    air.expect("LeaseGranted")
    assert joined(air) == [f"{strong:02x}"] and air.arping()


def scanned(air):
    """The channels on which the device looked for its network."""
    return {event.channel for kind in ("ProbeSeen", "ProbeUnanswered") for event in air.events(kind)}


@pytest.mark.bk7238(psk=PSK)
def test_the_firmware_ends_its_scan_with_the_first_channel_on_which_the_network_is(air, put_up):
    for number, (channel, rssi) in enumerate([(11, -40), (3, -80), (6, -40)]):
        put_up(bssid=bytes.fromhex("02aabbccdd") + bytes((number,)), channel=channel, rssi=rssi)
    air.expect("LeaseGranted")
    assert joined(air) == ["01"] and scanned(air) == {1, 2, 3}


@pytest.mark.bk7238(psk=PSK)
def test_other_networks_on_the_channel_are_no_matter(air):
    air.access_point("Neighbour", bssid=bytes.fromhex("02aabbccdd77"), rssi=-30)
    air.access_point("Neighbour 2", psk=PSK, bssid=bytes.fromhex("02aabbccdd78"), rssi=-35)
    air.expect("LeaseGranted")
    assert joined(air) == ["01"] and air.arping()


@pytest.mark.bk7238(psk=PSK)
def test_the_device_takes_new_group_keys(dut, ap, air):
    air.expect("LeaseGranted")
    for key_id in (2, 1, 2):
        ap.model.security.rekey(dut.machine.now)
        dut.run("200 ms")
        assert air.events("GroupRekeyed")[-1].key_id == key_id
        assert air.arping(), f"with group key {key_id}"
    assert len(joined(air)) == 1


@pytest.mark.bk7238(psk=PSK)
def test_the_device_comes_back_when_it_was_thrown_out(ap, air):
    air.expect("LeaseGranted")
    ap.deauthenticate(7)
    air.expect("LeaseGranted", within="90 s")
    assert len(air.events("HandshakeCompleted")) == 2 and air.arping()


@pytest.mark.bk7238(psk=PSK)
def test_the_device_moves_to_another_access_point_when_its_own_goes_dark(air, put_up):
    first = put_up(channel=1, rssi=-40)
    second = put_up(bssid=bytes.fromhex("02aabbccdd02"), channel=11, rssi=-60)
    air.expect("LeaseGranted")
    assert first.stations.member(DEVICE)
    first.switch_off()
    air.expect("LeaseGranted", within="60 s")
    assert second.stations.member(DEVICE) and not first.stations.member(DEVICE)
    assert air.arping()


@pytest.mark.bk7238(hidden=True)
def test_the_device_asks_for_a_hidden_network_by_its_name(air):
    air.expect("LeaseGranted")
    assert b"Bench" in {event.ssid for event in air.events("ProbeSeen")}


class Ears:
    """The device's air as a scripted station (`station`, `supplicant`) beside it hears it: while the device runs."""

    def __init__(self, dut):
        self._dut, self._heard = dut, []
        dut.bench.air.on_frame.connect(self._observe)

    @property
    def now(self):
        return self._dut.machine.now

    def transmit(self, frame, channel, _now):
        return self._dut.bench.air.transmit(frame, channel, self.now)

    def poll(self, now):
        # The machine looks at the air when its own radio is due, at the next beacon at the latest.
        self._dut.machine.run(until=max(now, self.now + 110_000))
        heard, self._heard = self._heard, []
        return heard

    def _observe(self, now, frame, channel, from_device):
        if not from_device:
            self._heard.append(Reception(now, 0, frame, channel, -50, 6))


@pytest.mark.bk7238(psk=PSK)
@pytest.mark.parametrize("isolated", [False, True])
def test_a_second_station_on_the_same_access_point(dut, air, put_up, isolated):
    """Its frames pass the device's receive filter by; what it sends to the device arrives, unless they are isolated."""
    access_point = put_up(isolated=isolated)
    lease = air.expect("LeaseGranted")
    ears = Ears(dut)
    other = Supplicant(ears, passphrase=PSK)
    other.now = ears.now
    other.join()
    assert len(access_point.stations.members()) == 2
    ip = bytes(map(int, lease.ip.split(".")))
    query = bytes.fromhex("0001080006040001") + MAC + bytes((192, 168, 77, 99)) + bytes(6) + ip
    other.data(DEVICE + MAC + b"\x08\x06" + query)
    answers = [frame for frame in other.serve(100_000, 50_000) if frame[6:12] == DEVICE and frame[12:14] == b"\x08\x06"]
    assert len(answers) == (0 if isolated else 1)
    assert bool(access_point.counters["isolated"]) == isolated
    assert air.arping() and other.installed
