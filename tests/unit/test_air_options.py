"""What an access point can be set to: rates, beacon interval, who may come in, who may talk to whom."""

import random

import pytest
from station import MAC, OTHER, RATES, Station, make_air
from supplicant import make_wpa2

from bk7238.air import events
from bk7238.air.access_point import AccessPoint
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element

B_RATES = bytes((0x82, 0x84, 0x8B, 0x96))
ATTIC = bytes.fromhex("02aabbccdd02")


def advertised(**options):
    """The body of a beacon and of a probe response, and the receptions they came in."""
    station = Station(make_air(**options)[0])
    station.probe(b"Bench")
    station.listen(2_000_000)
    return station.beacons[-1], station.heard[0]


def test_only_the_rates_of_802_11b():
    for reception, _, body in advertised(b_only=True):
        assert dot11.find_element(body[12:], dot11.RATES) == B_RATES
        for number in (dot11.EXTENDED_RATES, dot11.ERP, dot11.HT_CAPABILITIES):
            assert dot11.find_element(body[12:], number) is None
        assert not body[11] & 0x04, "no short slot"
        assert reception.rate == 1


def test_data_goes_out_at_the_best_rate_of_802_11b():
    medium, access_point, _ = make_air(b_only=True)
    station = Station(medium)
    station.authenticate()
    station.listen()
    station.associate(elements=element(1, B_RATES))
    [(_, body)] = station.listen()
    assert dot11.find_element(body[6:], dot11.RATES) == B_RATES
    access_point.send(MAC + OTHER + b"\x08\x00" + bytes(1000), station.now)
    station.listen()
    assert station.heard[-1][0].rate == 11


def test_802_11b_and_802_11n_exclude_each_other():
    with pytest.raises(ValueError, match=r"802\.11b"):
        make_air(b_only=True, ht=True)


def test_channel_14_is_for_802_11b():
    with pytest.raises(ValueError, match="channel 14"):
        make_air(channel=14)
    _, access_point, _ = make_air(channel=14, b_only=True)
    assert access_point.channel == 14


@pytest.mark.parametrize(
    ("country", "content"),
    [("DE", "44452001 0d14"), ("US", "55532001 0b1e"), ("JP", "4a502001 0d14 0e0114 00")],
)
def test_the_country(country, content):
    for _, _, body in advertised(country=country):
        assert dot11.find_element(body[12:], dot11.COUNTRY) == bytes.fromhex(content)


@pytest.mark.parametrize("country", ["", "D", "de", "DEU", "D\u00c4"])
def test_what_is_no_country(country):
    with pytest.raises(ValueError, match="two capital letters"):
        make_air(country=country)


@pytest.mark.parametrize(("channel", "secondary"), [(1, 1), (7, 1), (8, 3), (13, 3)])
def test_40_mhz_is_announced(channel, secondary):
    medium, _, _ = make_air(ht40=True, channel=channel)
    station = Station(medium, channel=channel)
    station.listen(200_000)
    elements = station.beacons[-1][2][12:]
    capabilities = int.from_bytes(dot11.find_element(elements, dot11.HT_CAPABILITIES)[:2], "little")
    assert capabilities & 0x0002 and dot11.find_element(elements, dot11.HT_OPERATION)[:2] == bytes(
        (channel, 4 | secondary)
    )


def test_wmm_without_802_11n():
    for _, _, body in advertised(wmm=True):
        assert dot11.find_element(body[12:], dot11.VENDOR).hex() == "0050f2020101000003a4000027a4000042435e0062322f00"
        assert dot11.find_element(body[12:], dot11.HT_CAPABILITIES) is None
    medium, access_point, _ = make_air(wmm=True)
    station = Station(medium, qos=True)
    station.join()
    access_point.send(MAC + OTHER + b"\x08\x00" + bytes(46), station.now)
    [(header, _)] = station.listen()
    assert header.qos == 0


@pytest.mark.parametrize(("more", "status"), [(b"", 27), (element(dot11.HT_CAPABILITIES, bytes(26)), 0)])
def test_802_11n_alone(more, status):
    medium, _, _ = make_air(n_only=True)
    station = Station(medium)
    station.authenticate()
    station.listen()
    station.associate(elements=RATES + more)
    [(_, body)] = station.listen(5_000)
    assert int.from_bytes(body[2:4], "little") == status
    assert dot11.find_element(body[6:], dot11.EXTENDED_RATES)[-1] == 0xFF, "a selector, no rate"


@pytest.mark.parametrize("interval", [20, 100, 1000])
def test_the_beacon_interval(interval):
    station = Station(make_air(beacon_interval=interval)[0])
    station.listen(5_000_000)
    times = [reception.time for reception, *_ in station.beacons]
    assert {later - earlier for earlier, later in zip(times[:-1], times[1:], strict=True)} == {interval * 1024}
    assert {int.from_bytes(body[8:10], "little") for *_, body in station.beacons} == {interval}


@pytest.mark.parametrize("interval", [0, -1, 65536])
def test_impossible_beacon_intervals(interval):
    with pytest.raises(ValueError, match="beacon interval"):
        make_air(beacon_interval=interval)


def test_a_hidden_network_has_no_name_in_its_beacons():
    (_, _, beacon), (_, _, response) = advertised(hidden=True)
    assert dot11.find_element(beacon[12:], dot11.SSID) == b""
    assert dot11.find_element(response[12:], dot11.SSID) == b"Bench"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"deny": [MAC]}, 1),
        ({"deny": [OTHER]}, 0),
        ({"allow": [MAC]}, 0),
        ({"allow": [OTHER]}, 1),
        ({"allow": []}, 1),
        ({"allow": [MAC], "deny": [MAC]}, 1),
    ],
)
def test_the_mac_filter(options, status):
    station = Station(make_air(**options)[0])
    told = []
    station.medium.on_event.connect(told.append)
    station.authenticate()
    [(header, body)] = station.listen()
    assert header.subtype == dot11.AUTHENTICATION and body[4] == status
    if status:
        assert told[-1] == events.StationRefused(1_000_000, station.bssid.hex(":"), MAC.hex(":"), 1, "authentication")


@pytest.mark.parametrize("isolated", [False, True])
def test_stations_are_kept_from_each_other(isolated):
    medium, access_point, _ = make_air(isolated=isolated)
    one, other = Station(medium), Station(medium, OTHER)
    one.join()
    other.now = one.now
    other.join()
    one.now = other.now
    one.data(OTHER + MAC + b"\x08\x00to the other")
    one.data(dot11.BROADCAST + MAC + b"\x08\x00to everybody")
    heard = one.ethernet()
    assert (OTHER + MAC + b"\x08\x00to the other" in heard) == (not isolated)
    assert (dot11.BROADCAST + MAC + b"\x08\x00to everybody" in heard) == (not isolated)
    assert access_point.counters == ({"isolated": 1} if isolated else {})


def test_who_joins_another_access_point_of_the_network_has_left_the_first():
    medium, first, network, _ = make_wpa2()
    second = AccessPoint(b"Bench", network=network, rng=random.Random(9), bssid=ATTIC)
    medium.add(second)
    told = []
    medium.on_event.connect(told.append)
    station = Station(medium)
    station.authenticate()
    station.listen()
    station.associate(elements=RATES + first.security.elements)
    station.listen()
    assert first.stations.member(MAC) and first.security.deadline
    station.bssid = ATTIC
    station.authenticate()
    station.listen()
    assert first.stations.member(MAC), "not before it has joined"
    station.associate()
    station.listen()
    assert second.stations.member(MAC)
    assert first.stations.find(MAC) is None and first.security.deadline is None
    assert [(event.bssid[-2:], event.cause) for event in told if isinstance(event, events.StationLeft)] == [
        ("01", "move")
    ]
