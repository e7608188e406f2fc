"""The medium: channels, time, observers, captures, and that a run repeats."""

import io
import random
from itertools import pairwise

import pytest
from station import BSSID, MAC, Station, dhcp_message, make_air

from bk7238.air.access_point import AccessPoint
from bk7238.air.capture import LOST, Capture, frequency, wireshark_keys
from bk7238.air.medium import Injector, Medium
from bk7238.formats import airtime
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header
from bk7238.machine.snapshot import set_states, states
from bk7238.network import udp
from bk7238.network.ipv4 import UDP, build
from bk7238.network.network import Network

ATTIC = bytes.fromhex("02aabbccdd02")
DHCP_DISCOVER = (
    dot11.BROADCAST
    + MAC
    + b"\x08\0"
    + build(bytes(4), b"\xff" * 4, UDP, udp.build(bytes(4), 68, b"\xff" * 4, 67, dhcp_message(1)), 1)
)


SIX_MEGABITS = airtime.Rate.of_megabits(6)


def two_access_points() -> Medium:
    network = Network(random.Random(1))
    return Medium(
        [
            AccessPoint(b"Bench", network=network, rng=random.Random(2)),
            AccessPoint(b"Attic", network=network, rng=random.Random(3), bssid=ATTIC, channel=11, rssi=-70),
        ]
    )


def test_a_channel_hears_its_own_access_points():
    medium = two_access_points()
    station = Station(medium, channel=11)
    assert not station.authenticate()  # to the one on channel 6
    station.bssid = ATTIC
    assert station.authenticate()
    station.listen()
    [(reception, header, _)] = station.heard
    assert (header.addr2, reception.channel, reception.rssi) == (ATTIC, 11, -70)


def test_a_frame_for_nobody_is_not_acknowledged():
    medium = make_air()[0]
    station = Station(medium, bssid=b"\2\0\0\0\0\0")
    assert not station.authenticate()
    assert station.listen() == []


def test_beacons_of_one_channel_do_not_overlap():
    network = Network(random.Random(1))
    points = [AccessPoint(b"x", network=network, rng=random.Random(n), bssid=bytes((2, 0, 0, 0, 0, n))) for n in (1, 2)]
    medium = Medium(points)
    first, second = medium.poll(103_000)
    assert second.time - first.time == airtime.ACCESS + airtime.frame_time(SIX_MEGABITS, len(second.frame) + dot11.FCS)


def test_the_deadline_leads_from_frame_to_frame():
    medium = make_air()[0]
    times = []
    for _ in range(3):
        deadline = medium.deadline
        times += [reception.time for reception in medium.poll(deadline)]
    assert times == [102_400 * n + times[0] - 102_400 for n in (1, 2, 3)]
    station = Station(medium)
    station.now = medium.deadline - 1_000
    station.authenticate()
    answered = station.now + airtime.answer_time(airtime.SLOWEST)
    assert medium.deadline == answered
    assert medium.poll(answered) == []
    lands = medium.deadline
    assert lands == answered + airtime.ACCESS + airtime.frame_time(SIX_MEGABITS, 30 + dot11.FCS)
    assert medium.poll(lands - 1) == []
    assert len(medium.poll(lands)) == 1


def test_the_device_waits_for_what_is_on_the_air_and_is_not_talked_over():
    medium = make_air()[0]
    station = Station(medium)
    station.now = 102_400 + airtime.ACCESS  # the beacon has just begun
    beacon = medium.claim(6, 5_000, station.now)
    assert medium.claim(11, 5_000, station.now) == 0
    medium.access_points[0].deauthenticate(MAC, 1, station.now)
    station.listen(beacon + 5_000)
    assert station.heard == []
    [(header, _)] = station.listen(5_000)
    assert header.subtype == dot11.DEAUTHENTICATION
    assert beacon == airtime.frame_time(SIX_MEGABITS, len(station.beacons[0][0].frame) + dot11.FCS)
    ended = 102_400 + airtime.ACCESS + beacon + 5_000
    assert station.heard[0][0].time == ended + airtime.ACCESS + airtime.frame_time(SIX_MEGABITS, 26 + dot11.FCS)


def test_a_claim_that_is_given_back_delays_nobody():
    medium = make_air()[0]
    assert medium.claim(6, 50_000, 102_399) == 0
    medium.claim(6, 0, 102_400)
    [beacon] = medium.poll(103_000)
    assert beacon.time < 103_000


def test_the_device_has_its_turn_between_two_frames_of_an_access_point():
    medium, access_point, _ = make_air()
    for _ in range(3):
        access_point.deauthenticate(MAC, 1, 50_000)
    medium.poll(50_000)
    wait = medium.claim(6, 1_000, 50_001)
    frames = medium.poll(60_000)
    gaps = [after.time - before.time for before, after in pairwise(frames)]
    exchange = airtime.ACCESS + airtime.exchange_time(SIX_MEGABITS, frames[-1].frame)
    assert wait == exchange - 1
    assert gaps == [exchange + 1_000, exchange]


def test_frames_of_an_access_point_that_is_switched_off_are_not_sent():
    medium, access_point, _ = make_air()
    access_point.deauthenticate(MAC, 1, 10_000)
    assert medium.claim(6, 2_000, 9_999) == 0
    medium.poll(10_000)
    access_point.switch_off()
    assert medium.poll(90_000) == []


def test_what_somebody_else_sends_waits_for_the_channel_and_is_heard_by_the_device_alone():
    medium, access_point, _ = make_air()
    station = Station(medium)
    station.join()
    forged = Header(0, dot11.DEAUTHENTICATION, addr1=MAC, addr2=BSSID, addr3=BSSID).pack() + b"\7\0"
    start = medium.claim(6, 3_000, station.now) + station.now
    medium.inject(forged, Injector(6, -30), station.now)
    station.listen(20_000)
    reception, _, body = station.heard[-1]
    assert (reception.frame, body, reception.rssi, reception.channel) == (forged, b"\7\0", -30, 6)
    assert reception.time == start + 3_000 + airtime.ACCESS + airtime.frame_time(
        airtime.SLOWEST, len(forged) + dot11.FCS
    )
    assert access_point.stations.member(MAC) is not None


def test_observers_see_both_directions_in_order():
    medium = make_air()[0]
    seen = []
    medium.on_frame.connect(lambda *frame: seen.append(frame))
    station = Station(medium)
    station.now = 102_390
    station.probe(b"Bench")
    station.now += 5_000
    station.authenticate()
    station.listen()
    assert [time for time, *_ in seen] == sorted(time for time, *_ in seen)
    assert [from_device for *_, from_device in seen] == [True, False, False, True, False]
    assert {channel for _, _, channel, _ in seen} == {6}
    assert (medium.sent, medium.received) == (2, 3)


def test_filters_lose_and_change_frames():
    medium = make_air()[0]
    station = Station(medium)
    station.listen()
    seen = []
    medium.on_frame.connect(lambda *frame: seen.append(frame))
    medium.frames.insert(lambda frame, _now, _channel, from_device: None if from_device else frame)
    assert not station.authenticate()
    assert station.probe(b"Bench")
    assert len(seen) == 2
    medium.frames.clear()
    medium.frames.insert(lambda frame, _now, _channel, from_device: frame if from_device else frame + b"!")
    station.authenticate()
    station.listen()
    assert station.heard[0][0].frame.endswith(b"!") and not seen[2][1].endswith(b"!")


def test_an_access_point_on_the_same_network_takes_over():
    medium = two_access_points()
    told = []
    medium.on_event.connect(told.append)
    station = Station(medium)
    station.join()
    station.data(DHCP_DISCOVER)
    assert len(station.ethernet()) == 1
    moved = Station(medium, bssid=ATTIC, channel=11)
    moved.now = station.now
    moved.authenticate()
    moved.listen()
    moved.associate(b"Attic")
    moved.listen()
    moved.data(DHCP_DISCOVER)
    moved.listen()
    assert [reception.channel for reception, *_ in moved.heard] == [11, 11, 11]
    assert [type(event).__name__ for event in told].count("LeaseOffered") == 2


def test_a_capture_is_read_by_scapy():
    utils = pytest.importorskip("scapy.utils")
    dot11_layers = pytest.importorskip("scapy.layers.dot11")
    stream = io.BytesIO()
    medium = make_air(channel=11)[0]
    medium.on_frame.connect(Capture(stream).record)
    seen = []
    medium.on_frame.connect(lambda *frame: seen.append(frame))
    station = Station(medium, channel=11)
    station.now = 5_000_000_000  # more than 32 bits of microseconds
    medium.access_points[0].switch_on(station.now)
    station.join()
    station.listen(200_000)
    packets = utils.rdpcap(io.BytesIO(stream.getvalue()))
    assert len(packets) == len(seen) >= 6
    for packet, (time, frame, _, _) in zip(packets, seen, strict=True):
        assert round(float(packet.time) * 1_000_000) == time
        assert packet[dot11_layers.RadioTap].ChannelFrequency == 2462
        assert bytes(packet[dot11_layers.Dot11]) == frame


def test_what_a_recorder_is_told():
    layers = pytest.importorskip("scapy.layers.dot11")
    utils = pytest.importorskip("scapy.utils")
    stream = io.BytesIO()
    medium = make_air(channel=11, rssi=-61)[0]
    medium.on_record.connect(Capture(stream).record)
    told = []
    medium.on_record.connect(lambda *what: told.append(what))
    station = Station(medium, channel=11)
    station.probe(b"Bench")
    request = told[-1][1]
    medium.transmit(request, 11, station.now, 22)
    medium.transmit(request, 11, station.now, 0x87)
    medium.frames.insert(lambda frame, _now, _channel, from_device: frame if from_device else None)
    station.listen(10_000)
    assert [what[3:] for what in told[-6:-2]] == [
        (True, None, None, False),
        (True, 22, None, False),
        (True, 0x87, None, False),
        (False, 12, -61, True),
    ]
    packets = utils.rdpcap(io.BytesIO(stream.getvalue()))[-6:-2]
    assert [packet.comment for packet in packets] == [None, None, None, LOST]
    unknown, cck, ht, answer = (packet[layers.RadioTap] for packet in packets)
    assert unknown.Rate is None and unknown.dBm_AntSignal is None
    assert cck.Rate == 11 and cck.ChannelFlags == "CCK+2GHz"
    assert ht.Rate is None and ht.MCS_index == 7
    assert (answer.Rate, answer.dBm_AntSignal) == (6, -61) and answer.ChannelFlags == "OFDM+2GHz"


def test_the_keys_for_wireshark():
    text = wireshark_keys([bytes(range(32)), b"\xff" * 32, bytes(range(32))])
    assert text == f'"wpa-psk","{bytes(range(32)).hex()}"\n"wpa-psk","{"ff" * 32}"\n'


def test_channel_frequencies():
    assert [frequency(channel) for channel in (1, 6, 13, 14)] == [2412, 2437, 2472, 2484]


def talk(medium, station, rounds):
    frames = []
    for _ in range(rounds):
        station.data(DHCP_DISCOVER)
        station.now += 7_000
        frames += medium.poll(station.now)
    return frames


def test_the_same_seed_gives_the_same_air():
    runs = []
    for _ in range(2):
        medium = make_air(seed=5, ht=True)[0]
        station = Station(medium)
        station.join()
        runs.append(talk(medium, station, 40))
    assert runs[0] == runs[1] and len(runs[0]) > 40
    other = make_air(seed=6, ht=True)[0]
    assert [r.frame for r in other.poll(110_000)] != [r.frame for r in make_air(seed=5, ht=True)[0].poll(110_000)]


def test_how_often_the_air_is_polled_changes_nothing():
    runs = []
    for step in (137, 5_000, 1_000_000):
        medium = make_air()[0]
        receptions = []
        for now in range(step, 1_000_001, step):
            receptions += medium.poll(now)
        receptions += medium.poll(1_000_000)
        runs.append(receptions)
    assert runs[0] == runs[1] == runs[2]


def test_another_air_goes_on_with_its_state():
    medium = make_air()[0]
    station = Station(medium)
    station.join()
    medium.on_frame.connect(lambda *_frame: None)  # belongs to the run, not to the air
    medium.on_event.connect(lambda _event: None)
    copy = make_air()[0]
    set_states(copy, states(medium))
    twin = Station(copy)
    twin.now, twin.sequence = station.now, station.sequence
    assert talk(medium, station, 20) == talk(copy, twin, 20)


def test_the_bssid_is_the_documented_one():
    assert make_air()[1].bssid == BSSID
