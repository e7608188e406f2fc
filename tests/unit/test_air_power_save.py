"""An access point and stations that sleep: the TIM, the DTIMs, what waits for whom and for how long."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station import MAC, OTHER, RATES, Station, make_air

from bk7238.air import management
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element

INTERVAL = 102_400
FRAME = MAC + OTHER + b"\x08\0" + b"x" * 40
TO_ALL = dot11.BROADCAST + FRAME[6:]


def read(tim):
    """What a station reads in a TIM (IEEE 802.11-2020, 9.4.2.5): beacons to the next DTIM, how many there are from one
    to the next, whether frames for all wait, and the association ids for which some do."""
    left, dtim, control, *octets = tim
    bits = [8 * (control & 0xFE) + bit for bit in range(8 * len(octets)) if octets[bit // 8] >> bit % 8 & 1]
    return left, dtim, bool(control & 1), tuple(bits)


def indicated(station):
    return [read(dot11.find_element(body[12:], dot11.TIM)) for _, _, body in station.beacons]


@given(st.sets(st.integers(1, 2007)), st.booleans(), st.integers(1, 255), st.integers(0, 254))
def test_a_station_reads_what_was_indicated(aids, group, dtim, left):
    left %= dtim
    (number, tim), *rest = dot11.elements(management.traffic_indication(tuple(sorted(aids)), group, left, dtim))
    assert (number, rest) == (dot11.TIM, []) and 4 <= len(tim) <= 254
    assert read(tim) == (left, dtim, group and not left, tuple(sorted(aids)))


@pytest.mark.parametrize("dtim", [1, 2, 3])
def test_group_frames_wait_for_the_dtim_while_anyone_sleeps(dtim):
    medium, access_point, _ = make_air(dtim=dtim)
    station = Station(medium)
    station.join()
    station.null(asleep=True)
    station.listen(-station.now % (6 * INTERVAL) + 5_000)  # just behind a DTIM
    station.beacons.clear()
    access_point.send(TO_ALL, station.now)
    station.null(asleep=False)
    access_point.send(TO_ALL, station.now)  # not before the other
    heard = [[header.flags & dot11.MORE_DATA for header, _ in station.listen(INTERVAL)] for _ in range(dtim)]
    assert heard == [[]] * (dtim - 1) + [[dot11.MORE_DATA, 0]]
    assert indicated(station) == [(left, dtim, not left, ()) for left in reversed(range(dtim))]


@pytest.mark.parametrize(("listen", "kept"), [(10, 10_000_000), (100, 2 * 100 * INTERVAL)])
def test_what_a_station_does_not_come_for_is_dropped(listen, kept):
    medium, access_point, _ = make_air()
    station = Station(medium)
    station.authenticate()
    station.listen()
    station.management(dot11.ASSOCIATION_REQUEST, struct.pack("<HH", 0x401, listen) + element(0, b"Bench") + RATES)
    station.listen()
    station.null(asleep=True)
    access_point.send(FRAME, station.now)
    station.listen(kept)
    assert indicated(station)[-1][3] == (1,) and not access_point.counters["expired"]
    station.listen(2 * INTERVAL)
    assert indicated(station)[-1][3] == () and access_point.counters["expired"] == 1


def test_an_action_frame_waits_too():
    station = Station(make_air()[0])
    station.join()
    station.null(asleep=True)
    station.management(dot11.ACTION, bytes.fromhex("0300070210000000a0"))
    assert station.listen(INTERVAL) == [] and indicated(station)[-1][3] == (1,)
    station.ps_poll()
    [(header, _)] = station.listen()
    assert header.subtype == dot11.ACTION and not header.flags & dot11.MORE_DATA


def test_u_apsd_is_not_offered():
    station = Station(make_air(wmm=True)[0])
    station.listen(INTERVAL)
    parameters = dot11.find_element(station.beacons[0][2][12:], dot11.VENDOR, management.WMM)
    assert not parameters[len(management.WMM) + 2] & 0x80
