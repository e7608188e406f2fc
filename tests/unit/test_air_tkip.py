"""WPA and TKIP at the access point: who gets which cipher, how the keys travel, and what is not accepted."""

import random
from itertools import product

import pytest
from station import MAC
from supplicant import PASSPHRASE, make_wpa2, swapped
from wpa_peer import OldPeer

from bk7238.air.routers import ROUTERS
from bk7238.air.wpa2 import Wpa2
from bk7238.formats import ccmp, eapol, rsn, tkip
from bk7238.formats import ieee80211 as dot11

OTHER = bytes.fromhex("c8478c000002")
CCMP, TKIP = rsn.CCMP, rsn.TKIP


def made(router, **station):
    """Medium, the access point, its keys, and a station that has not come yet."""
    medium, access_point, _, keys = make_wpa2(**ROUTERS[router]._asdict())
    return medium, access_point, keys, OldPeer(medium, **station)


def carried(station):
    """The Ethernet frames that reach the station after one of its own."""
    station.data(b"\xff" * 6 + MAC + b"\x08\x06" + b"who has it".ljust(46, b"\0"))
    return station.serve()


def test_what_is_advertised():
    elements = Wpa2(PASSPHRASE, random.Random(1), **ROUTERS["mixed"]._asdict()).elements
    assert (
        elements.hex()
        == (
            "3018" + "0100000fac020200000fac04000fac020100000fac020000"  #
            "dd1a" + "0050f20101000050f20202000050f2040050f20201000050f202"
        )
    )
    alone = Wpa2(PASSPHRASE, random.Random(1), **ROUTERS["wpa"]._asdict()).elements
    assert alone.hex() == "dd16" + "0050f20101000050f20201000050f20201000050f202"


@pytest.mark.parametrize(
    ("router", "by_wpa", "pairwise"),
    [*product(["mixed"], [False, True], [CCMP, TKIP]), ("wpa", True, TKIP)],
)
def test_a_station_chooses_its_cipher(router, by_wpa, pairwise):
    medium, access_point, keys, station = made(router, by_wpa=by_wpa, pairwise=pairwise)
    station.join()
    assert len(station.keys.tk) == (32 if pairwise == TKIP else 16)
    assert [len(key) for key in station.group.values()] == [32]
    assert len(station.kinds) == (3 if by_wpa else 2), "with WPA the group key has a message of its own"
    access_point.send(b"\xff" * 6 + OTHER + b"\x08\x06" + b"for all".ljust(46, b"\0"), station.now)
    access_point.send(MAC + OTHER + b"\x08\x06" + b"for it".ljust(46, b"\0"), station.now)
    medium.on_change()
    assert [frame[14:21].strip(b"\0") for frame in station.serve()] == [b"for all", b"for it"]
    station.data(b"\xff" * 6 + MAC + b"\x08\x06" + b"who has it".ljust(46, b"\0"))
    assert not keys.counters and not access_point.counters


@pytest.mark.parametrize("by_wpa", [False, True])
def test_a_new_group_key(by_wpa):
    medium, access_point, keys, station = made("mixed", by_wpa=by_wpa)
    station.join()
    keys.rekey(station.now)
    medium.on_change()
    station.serve()
    assert sorted(station.group) == [1, 2] and len(set(station.group.values())) == 2
    access_point.send(b"\xff" * 6 + OTHER + b"\x08\x06" + b"for all".ljust(46, b"\0"), station.now)
    [(_, _, body)] = [one for one in station.heard[-1:]]
    [frame] = station.serve()
    assert frame[14:21] == b"for all" and body
    assert dot11.parse(station.heard[-1][0].frame)[1][3] >> 6 == 2


def test_key_data_is_never_encrypted_with_one_key_stream_twice():
    _, _, _, station = made("mixed")
    station.start()
    [first] = station.packets(5_000)
    station.send(station.message_2(eapol.parse(first)))
    again = [eapol.parse(packet) for packet in station.packets(1_500_000)]
    assert len(again) > 1 and len({frame.iv for frame in again}) == len(again) == len({frame.data for frame in again})
    assert len({station.opened(frame) for frame in again}) == 1


@pytest.mark.parametrize(
    ("router", "station", "status"),
    [
        ("mixed", {"group": CCMP}, 41),
        ("wpa", {"by_wpa": True, "pairwise": CCMP}, 42),
        ("wpa", {"by_wpa": False}, 40),
        ("wpa2", {"by_wpa": True, "pairwise": CCMP, "group": CCMP}, 40),
        ("wpa2", {"group": CCMP}, 42),
    ],
)
def test_who_is_refused(router, station, status):
    *_, station = made(router, **station)
    station.start()
    [(header, body)] = station.listen(5_000)
    assert header.subtype == dot11.ASSOCIATION_RESPONSE and int.from_bytes(body[2:4], "little") == status


@pytest.mark.parametrize("element", [b"\x01", b"\x01\x00\x00\x50"])
def test_a_wpa_element_that_breaks_off(element):
    *_, station = made("wpa", by_wpa=True)
    station.rsn = dot11.element(dot11.VENDOR, rsn.WPA + element)
    station.start()
    [(_, body)] = station.listen(5_000)
    assert int.from_bytes(body[2:4], "little") == 40


def test_suites_of_another_oui_are_none_of_wpa():
    asked = rsn.WPA_TKIP.pack_wpa().replace(rsn.WPA_OUI + b"\x02", rsn.TKIP)
    assert rsn.parse_wpa(asked) != rsn.WPA_TKIP == rsn.parse_wpa(rsn.WPA_TKIP.pack_wpa())


def test_message_2_with_another_element():
    _, access_point, _, station = made("mixed", by_wpa=True)
    told = []
    access_point.events.on_event.connect(told.append)
    station.start()
    [packet] = station.packets(5_000)
    station.send(station.message_2(eapol.parse(packet), dot11.element(dot11.VENDOR, rsn.MIXED.pack_wpa())))
    station.listen()
    assert told[-1].reason == 17


def test_what_is_dropped_and_counted():
    *_, keys, station = made("wpa", by_wpa=True)
    station.join()
    ethernet = b"\xff" * 6 + MAC + b"\x08\x06" + bytes(46)
    good = station.sealed(ethernet, 40)
    station.transmit(good)
    station.transmit(good)
    assert keys.counters == {"replayed": 1}
    torn = station.sealed(ethernet, 41)
    station.transmit(torn[:-1] + bytes((torn[-1] ^ 1,)))
    assert keys.counters == {"replayed": 1, "ICV": 1}
    opened = tkip.decrypt(station.keys.tk, station.sealed(ethernet, 42))
    station.transmit(tkip.encrypt(station.keys.tk, opened[:-1] + bytes((opened[-1] ^ 1,))))
    assert keys.counters == {"replayed": 1, "ICV": 1, "MIC": 1}
    station.transmit(station.sealed(ethernet, 42))
    assert keys.counters.total() == 3, "the one with the wrong MIC has not moved the counter on"


def test_the_access_points_mic_is_another_than_the_stations():
    *_, station = made("wpa", by_wpa=True)
    station.join()
    sealed = station.sealed(b"\xff" * 6 + MAC + b"\x08\x06" + bytes(46))
    with pytest.raises(ccmp.MicError, match="the MIC"):
        tkip.TkipReceivingKey(swapped(station.keys.tk)).unprotect(sealed)
