"""The access point as a station sees it."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from station import BSSID, MAC, OTHER, RATES, Station, make_air

from bk7238.air import events
from bk7238.air.access_point import AccessPoint
from bk7238.formats import airtime
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header, element

GATEWAY_MAC = bytes.fromhex("02aabbccddfe")
ARP_FOR_GATEWAY = (
    bytes.fromhex("0001080006040001") + MAC + bytes((192, 168, 77, 50)) + bytes(6) + bytes((192, 168, 77, 1))
)


def arp_question(source=MAC):
    return dot11.BROADCAST + source + b"\x08\x06" + ARP_FOR_GATEWAY


@pytest.fixture
def air():
    return make_air()


@pytest.fixture
def joined(air):
    station = Station(air[0])
    station.join()
    return station


def kinds(answers):
    return [(header.kind, header.subtype) for header, _ in answers]


def test_beacons_come_every_hundred_time_units(air):
    station = Station(air[0])
    station.now = 0
    station.listen(1_024_000 + 2_000)
    times = [reception.time for reception, _, _ in station.beacons]
    assert len(times) == 10
    assert {b - a for a, b in pairwise(times)} == {102_400}
    began = times[0] - airtime.frame_time(airtime.Rate.of_megabits(6), len(station.beacons[0][0].frame) + dot11.FCS)
    _, header, body = station.beacons[0]
    assert (header.addr1, header.addr2, header.addr3) == (dot11.BROADCAST, BSSID, BSSID)
    assert int.from_bytes(body[:8], "little") == began == 102_400 + airtime.ACCESS
    assert body[8:12] == b"\x64\0\x01\x04"
    found = dict(dot11.elements(body[12:]))
    assert found[dot11.SSID] == b"Bench" and found[dot11.DS_PARAMETER] == b"\6"
    assert found[dot11.RATES] + found[dot11.EXTENDED_RATES] == bytes.fromhex("82848b960c1218243048606c")
    assert found[dot11.TIM] == b"\0\1\0\0"


def test_beacons_read_by_scapy():
    scapy = pytest.importorskip("scapy.layers.dot11")
    station = Station(make_air(ht=True)[0])
    station.listen(102_400)
    frame = scapy.Dot11(station.beacons[0][0].frame)
    stats = frame[scapy.Dot11Beacon].network_stats()
    assert stats["ssid"] == "Bench" and stats["channel"] == 6 and stats["crypto"] == {"OPN"}
    assert frame[scapy.Dot11Beacon].beacon_interval == 100
    assert frame[scapy.Dot11EltHTCapabilities].RX_MSC_Bitmask == 0xFF
    assert scapy.Dot11EltVendorSpecific in frame


@pytest.mark.parametrize(("ssid", "answered"), [(b"Bench", True), (b"", True), (b"Attic", False)])
def test_probe_requests(air, ssid, answered):
    told = []
    air[0].on_event.connect(told.append)
    station = Station(air[0])
    assert station.probe(ssid)  # to everybody, so nobody has to acknowledge it
    answers = station.listen()
    assert kinds(answers) == ([(0, dot11.PROBE_RESPONSE)] if answered else [])
    kind = events.ProbeSeen if answered else events.ProbeUnanswered
    assert told == [kind(1_000_000, MAC.hex(":"), ssid, 6)]
    if answered:
        assert dict(dot11.elements(answers[0][1][12:]))[dot11.SSID] == b"Bench"


def test_a_hidden_network_answers_to_its_name_only():
    station = Station(make_air(hidden=True)[0])
    station.probe(b"")
    assert station.listen(102_400) == []
    assert dict(dot11.elements(station.beacons[0][2][12:]))[dot11.SSID] == b""
    station.probe(b"Bench")
    assert kinds(station.listen()) == [(0, dot11.PROBE_RESPONSE)]


def test_authentication_and_association(air):
    told = []
    air[1].events.on_event.connect(told.append)
    station = Station(air[0])
    assert station.authenticate()
    [(header, body)] = station.listen()
    assert (header.subtype, header.addr1, body) == (dot11.AUTHENTICATION, MAC, b"\0\0\2\0\0\0")
    assert station.associate()
    [(header, body)] = station.listen()
    assert header.subtype == dot11.ASSOCIATION_RESPONSE
    assert body[:6] == b"\x01\x04\0\0\x01\xc0"
    assert told == [
        events.StationAuthenticated(1_000_000, BSSID.hex(":"), MAC.hex(":")),
        events.StationAssociated(1_050_000, BSSID.hex(":"), MAC.hex(":"), 1, False),
    ]


def test_answers_take_air_time(air):
    station = Station(air[0])
    station.authenticate()
    station.listen()
    [(reception, _, _)] = station.heard
    acknowledged = 1_000_000 + airtime.answer_time(airtime.SLOWEST)
    assert reception.time == acknowledged + airtime.ACCESS + airtime.frame_time(
        airtime.Rate.of_megabits(6), 30 + dot11.FCS
    )
    assert (reception.rssi, reception.channel, reception.rate) == (-50, 6, 6)


@pytest.mark.parametrize(("algorithm", "sequence", "status"), [(1, 1, 13), (0, 3, 14)])
def test_other_authentication_is_refused(air, algorithm, sequence, status):
    station = Station(air[0])
    station.authenticate(algorithm, sequence)
    [(_, body)] = station.listen()
    assert body[4] == status
    assert list(air[1].stations) == []


@pytest.mark.parametrize(("ssid", "rates", "status"), [(b"Attic", RATES, 1), (b"Bench", element(1, b"\x82"), 18)])
def test_association_is_refused(air, ssid, rates, status):
    told = []
    air[1].events.on_event.connect(told.append)
    station = Station(air[0])
    station.authenticate()
    station.listen()
    station.associate(ssid, rates)
    [(_, body)] = station.listen()
    assert body[2:6] == bytes((status, 0, 0, 0))
    assert told[-1] == events.StationRefused(1_050_000, BSSID.hex(":"), MAC.hex(":"), status)


def test_reassociation(joined):
    told = []
    joined.medium.on_event.connect(told.append)
    joined.management(dot11.REASSOCIATION_REQUEST, b"\1\4\x0a\0" + BSSID + element(0, b"Bench") + RATES)
    [(header, body)] = joined.listen()
    assert header.subtype == dot11.REASSOCIATION_RESPONSE and body[2:4] == b"\0\0"
    assert told[-1].reassociation


def test_data_reaches_the_network_and_comes_back(joined):
    assert joined.data(arp_question())
    [(header, body)] = joined.listen()
    assert (header.addr1, header.addr2, header.addr3) == (MAC, BSSID, GATEWAY_MAC)
    assert header.flags == dot11.FROM_DS and header.qos is None
    assert dot11.ethernet(MAC, GATEWAY_MAC, body)[12:22] == bytes.fromhex("08060001080006040002")


def test_qos_data_for_stations_with_wmm():
    station = Station(make_air(ht=True)[0], qos=True)
    station.join()
    station.data(arp_question())
    [(header, _)] = station.listen()
    assert header.subtype == 8 and header.qos == 0


def test_a_retry_of_a_frame_that_arrived_is_dropped(joined):
    joined.data(arp_question())
    joined.data(arp_question(), flags=dot11.RETRY, repeat=True)
    assert len(joined.listen()) == 1
    joined.data(arp_question(), flags=dot11.RETRY)  # the first try was lost
    assert len(joined.listen()) == 1


def test_data_of_a_stranger_is_answered_with_reason_7(air):
    told = []
    air[1].events.on_event.connect(told.append)
    station = Station(air[0])
    assert station.data(arp_question())
    [(header, body)] = station.listen()
    assert (header.subtype, body) == (dot11.DEAUTHENTICATION, b"\7\0")
    assert told == [events.StationUnknown(1_000_000, BSSID.hex(":"), MAC.hex(":"), 7)]
    station.authenticate()
    station.listen()
    station.data(arp_question())
    [(header, body)] = station.listen()
    assert (header.subtype, body) == (dot11.DISASSOCIATION, b"\7\0")


def test_association_without_authentication_is_answered_with_reason_6(air):
    station = Station(air[0])
    station.associate()
    [(header, body)] = station.listen()
    assert (header.subtype, body) == (dot11.DEAUTHENTICATION, b"\6\0")


def test_the_access_point_throws_a_station_out(air, joined):
    told = []
    air[0].on_event.connect(told.append)
    air[1].deauthenticate(MAC, 3, joined.now)
    [(header, body)] = joined.listen()
    assert (header.subtype, header.addr1, body) == (dot11.DEAUTHENTICATION, MAC, b"\3\0")
    assert told == [events.StationLeft(1_100_000, BSSID.hex(":"), MAC.hex(":"), 3, "access point")]
    joined.data(arp_question())
    assert joined.listen()[0][1] == b"\7\0"


def test_a_station_leaves(air, joined):
    told = []
    air[0].on_event.connect(told.append)
    joined.management(dot11.DISASSOCIATION, b"\x08\0")
    joined.management(dot11.DEAUTHENTICATION, b"\x03\0")
    assert [(event.reason, event.cause) for event in told] == [(8, "station")]
    assert list(air[1].stations) == []


def test_a_device_that_restarts_joins_again(air, joined):
    told = []
    air[0].on_event.connect(told.append)
    joined.join()
    assert [type(event).__name__ for event in told] == ["StationAuthenticated", "StationAssociated"]
    assert [station.aid for station in air[1].stations] == [1]


def test_frames_wait_for_a_station_that_sleeps(air, joined):
    joined.null(asleep=True)
    for _ in range(2):
        air[1].send(MAC + GATEWAY_MAC + b"\x08\0" + b"x" * 40, joined.now)
    assert joined.listen(102_400) == []
    assert dict(dot11.elements(joined.beacons[-1][2][12:]))[dot11.TIM] == b"\0\1\0\2"
    joined.ps_poll()
    [(header, _)] = joined.listen()
    assert header.flags & dot11.MORE_DATA
    joined.ps_poll()
    [(header, _)] = joined.listen()
    assert not header.flags & dot11.MORE_DATA
    joined.ps_poll()
    assert kinds(joined.listen()) == [(2, 4)]


def test_frames_come_at_once_when_a_station_wakes_up(air, joined):
    joined.null(asleep=True)
    for number in range(3):
        air[1].send(MAC + GATEWAY_MAC + b"\x08\0" + bytes((number,)) * 40, joined.now)
    joined.null(asleep=False)
    assert [body[-1] for _, body in joined.listen()] == [0, 1, 2]


def test_group_frames_wait_for_the_beacon_while_anyone_sleeps(air, joined):
    joined.null(asleep=True)
    frame = dot11.BROADCAST + GATEWAY_MAC + b"\x08\0" + b"x" * 40
    joined.listen(100_000)
    air[1].send(frame, joined.now)
    air[1].send(frame, joined.now)
    answers = joined.listen(102_400)
    assert [bool(header.flags & dot11.MORE_DATA) for header, _ in answers] == [True, False]
    beacon = joined.beacons[-1]
    assert dict(dot11.elements(beacon[2][12:]))[dot11.TIM] == b"\0\1\1\0"
    assert joined.heard[-2][0].time > beacon[0].time


def test_stations_talk_to_each_other(air, joined):
    other = Station(air[0], OTHER)
    other.now = joined.now
    other.join()
    joined.now = other.now
    joined.data(OTHER + MAC + b"\x08\0hello")
    assert joined.ethernet() == [OTHER + MAC + b"\x08\0hello"]
    joined.data(arp_question())
    assert [frame[:6] for frame in joined.ethernet()] == [dot11.BROADCAST, MAC]


def test_block_acknowledgment_is_declined(joined):
    joined.management(dot11.ACTION, bytes.fromhex("0300070210000000a0"))
    [(header, body)] = joined.listen()
    assert header.subtype == dot11.ACTION and body == bytes.fromhex("030107250002100000")


def test_an_access_point_without_power_is_silent(air, joined):
    told = []
    air[0].on_event.connect(told.append)
    air[1].switch_off()
    assert air[0].deadline is None
    assert not joined.data(arp_question())
    assert joined.listen(15_000_000) == [] and not joined.beacons[20:]
    air[1].switch_on(joined.now)
    assert joined.data(arp_question())  # it still knows the station
    assert len(joined.ethernet()) == 1
    air[1].switch_off()
    air[1].switch_on(joined.now, forget=True)
    joined.data(arp_question())
    assert kinds(joined.listen()) == [(0, dot11.DEAUTHENTICATION)]


def test_many_stations_are_refused_not_remembered(air):
    for number in range(100):
        station = Station(air[0], bytes((2, 0, 0, 0, 0, number)))
        station.now = 1_000_000 + 200_000 * number
        station.authenticate()
        station.listen()
        station.associate()
        station.listen()
    assert len(list(air[1].stations)) == 32
    assert station.heard[0][2][4] == 17


def test_an_ssid_has_limits(air):
    with pytest.raises(ValueError, match="33"):
        AccessPoint(b"x" * 33, network=air[2], rng=random.Random(0))


VALID = [
    Header(0, 4, addr1=dot11.BROADCAST, addr2=MAC, addr3=dot11.BROADCAST).pack() + element(0, b"Bench"),
    Header(0, 11, addr1=BSSID, addr2=MAC, addr3=BSSID).pack() + b"\0\0\1\0\0\0",
    Header(0, 0, addr1=BSSID, addr2=MAC, addr3=BSSID).pack() + b"\1\4\x0a\0" + element(0, b"Bench") + RATES,
    Header(0, 2, addr1=BSSID, addr2=MAC, addr3=BSSID).pack() + b"\1\4\x0a\0" + BSSID + element(0, b"Bench") + RATES,
    Header(0, 13, addr1=BSSID, addr2=MAC, addr3=BSSID).pack() + bytes.fromhex("0300070210000000a0"),
    Header(0, 10, addr1=BSSID, addr2=MAC, addr3=BSSID).pack() + b"\3\0",
    Header(0, 12, addr1=BSSID, addr2=MAC, addr3=BSSID).pack() + b"\3\0",
    Header(1, 10, 0, 0xC001, BSSID, MAC).pack(),
    Header(2, 0, 1, 0, BSSID, MAC, dot11.BROADCAST).pack() + dot11.msdu(arp_question()),
    Header(2, 8, 1, 0, BSSID, MAC, dot11.BROADCAST, qos=0).pack() + dot11.msdu(arp_question()),
    Header(2, 4, 0x11, 0, BSSID, MAC, BSSID).pack(),
]


@st.composite
def hostile_frames(draw):
    """Valid frames with bytes changed, cut or added, and frames that are nothing but chance."""
    frame = bytearray(draw(st.sampled_from(VALID)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=4)):
        frame[at % len(frame)] = value
    frame = bytes(frame) + draw(st.binary(max_size=8))
    return draw(st.one_of(st.just(frame), st.just(frame[: draw(st.integers(0, len(frame)))]), st.binary(max_size=80)))


@examples(100)
@given(st.lists(hostile_frames(), max_size=30), st.booleans())
def test_hostile_frames_do_no_harm(frames, ht):
    medium, access_point, _ = make_air(ht=ht)
    station = Station(medium)
    for frame in [*VALID[1:3], *frames]:
        station.transmit(frame)
        station.now += 500
    station.listen()
    assert len(list(access_point.stations)) <= 32
    fresh = Station(medium, OTHER)
    fresh.now = station.now
    fresh.join()
