"""802.11w at the access point: who gets it, what is encrypted or signed, and what an unprotected frame leads to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sae_peer import make_wpa3
from station import MAC
from supplicant import Supplicant
from test_air_sae import Air

from bk7238.air import admission, management
from bk7238.formats import bip, ccmp, rsn
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header

IGTK = bytes.fromhex("4ea9543e09cf2b1eca66ffc58bdecbcf")
CAPABLE, REQUIRED = rsn.FRAME_PROTECTION_CAPABLE, rsn.FRAME_PROTECTION_REQUIRED
BIP_GMAC = rsn.OUI + b"\x0b"


@pytest.fixture
def joined():
    air = Air()
    air.station.join()
    return air


def protected(station, subtype, body, number):
    """A management frame of the station's, encrypted with its pairwise key."""
    station.sequence += 1
    head = Header(0, subtype, dot11.PROTECTED, 0, station.bssid, MAC, station.bssid, station.sequence)
    return ccmp.encrypt(station.keys.tk, head.pack() + ccmp.ccmp_header(number, 0) + body)


def test_the_mic_of_the_standard():
    """IEEE 802.11-2012, M.9.1."""
    key = bip.IntegrityKey(IGTK, 4)
    key.packet_number = 3
    frame = bytes.fromhex("c0000000ffffffffffff02000000000002000000000009000200")
    assert key.protect(frame).removeprefix(frame).hex() == "4c10040004000000000048dfbfa7b8278872"


@given(
    st.binary(min_size=24, max_size=60), st.integers(0, (1 << 48) - 2), st.integers(min_value=0), st.integers(1, 255)
)
def test_a_changed_frame_has_no_mic(frame, number, place, change):
    key = bip.IntegrityKey(IGTK, 5)
    key.packet_number = number
    signed = bytearray(key.protect(frame))
    assert bip.check(IGTK, bytes(signed)) == number + 1
    place %= len(signed)
    signed[place] ^= change
    free = place in (2, 3, 22, 23) or (place == 1 and not change & ~0x38)  # duration, sequence control, some flags
    if not free:
        with pytest.raises(ValueError, match="MIC"):
            bip.check(IGTK, bytes(signed))


@given(st.binary(max_size=60))
def test_any_bytes(data):
    with pytest.raises(ValueError, match="MIC"):
        bip.check(IGTK, data)
    assert dot11.is_robust(data) in (True, False)


@pytest.mark.parametrize(
    ("offered", "akm", "capabilities", "status"),
    [
        (rsn.WPA2_PSK, rsn.PSK, CAPABLE, 0),
        (rsn.WPA2_PSK, rsn.PSK, CAPABLE | REQUIRED, 31),
        (rsn.WPA3_TRANSITION, rsn.PSK, 0, 0),
        (rsn.WPA3_TRANSITION, rsn.PSK, CAPABLE | REQUIRED, 0),
        (rsn.WPA3_TRANSITION, rsn.SAE, 0, 31),
        (rsn.WPA3_TRANSITION, rsn.SAE, CAPABLE, 0),
        (rsn.WPA3_SAE, rsn.SAE, 0, 31),
        (rsn.WPA3_SAE, rsn.SAE, CAPABLE, 0),
        (rsn.WPA3_SAE, rsn.PSK, CAPABLE, 43),
    ],
)
def test_who_may_join(offered, akm, capabilities, status):
    assert admission.judge(rsn.Rsn(management=(akm,), capabilities=capabilities), offered) == status


def test_another_integrity_cipher():
    asked = rsn.Rsn(management=(rsn.SAE,), capabilities=CAPABLE, group_management=BIP_GMAC)
    assert rsn.parse(asked.pack()) == asked
    assert admission.judge(asked, rsn.WPA3_SAE) == 46


def test_the_group_key_of_management_frames_comes_with_message_3(joined):
    key_id, number, key = joined.station.integrity
    assert (key_id, number, len(key)) == (4, 0, 16)
    joined.keys.rekey(joined.station.now)
    joined.station.serve()
    assert joined.station.integrity[0] == 5 and joined.station.integrity[2] != key


def test_a_station_without_it_gets_no_such_key():
    air = Air(offered=rsn.WPA2_PSK)
    station = Supplicant(air.medium)
    station.join()
    assert station.integrity is None and not air.keys.protects_management(MAC)
    air.access_point.deauthenticate(MAC, 3, station.now)
    [(header, body)] = [(header, body) for header, body in station.listen() if header.kind == 0]
    assert not header.flags & dot11.PROTECTED and body == b"\3\0"


def test_what_ends_the_association_is_encrypted(joined):
    joined.access_point.deauthenticate(MAC, 3, joined.station.now)
    [(header, body)] = joined.station.listen()
    assert header.subtype == dot11.DEAUTHENTICATION and header.flags & dot11.PROTECTED and body == b"\3\0"


def test_a_frame_to_the_group_is_signed(joined):
    joined.access_point.deauthenticate(dot11.BROADCAST, 3, joined.station.now)
    [(header, body)] = joined.station.listen()
    assert not header.flags & dot11.PROTECTED and body[:2] == b"\3\0"
    assert bip.check(joined.station.integrity[2], header.pack() + body) == 1


def test_an_unprotected_end_is_no_end(joined):
    joined.station.management(dot11.DEAUTHENTICATION, b"\3\0")
    joined.station.management(dot11.DISASSOCIATION, b"\3\0")
    assert joined.access_point.counters == {"not protected": 2} and joined.keys.authorised(MAC)


def test_a_protected_end_is_one(joined):
    frame = protected(joined.station, dot11.DEAUTHENTICATION, b"\3\0", 50)
    joined.station.transmit(frame[:-1] + bytes((frame[-1] ^ 1,)))
    assert joined.keys.counters == {"MIC": 1} and joined.keys.authorised(MAC)
    joined.station.transmit(frame)
    assert not joined.keys.authorised(MAC)
    assert joined.told[-1].reason == 3 and joined.told[-1].cause == "station"


def test_a_replayed_management_frame_is_dropped(joined):
    query = management.sa_query(b"\1\2")
    joined.station.transmit(protected(joined.station, dot11.ACTION, query, 50))
    joined.station.transmit(protected(joined.station, dot11.ACTION, query, 50))
    assert joined.keys.counters == {"replayed": 1}


def test_an_sa_query_is_answered(joined):
    joined.station.management(dot11.ACTION, management.sa_query(b"\1\2"))
    assert joined.station.listen() == [], "one in the clear is not"
    joined.station.transmit(protected(joined.station, dot11.ACTION, management.sa_query(b"\1\2"), 50))
    [(header, body)] = joined.station.listen()
    assert header.flags & dot11.PROTECTED and body == b"\x08\x01\x01\x02"


def test_a_station_that_answers_stays(joined):
    """Whoever asks to associate in its name is refused, for as long as it answers."""
    station = joined.station
    for number in (50, 51):
        station.authenticate()
        station.associate(b"Bench", station.asks_for())
        *_, (_, refused), (header, query) = station.listen(5_000)
        assert refused[2:4] == b"\x1e\0"
        comeback = dot11.find_element(refused[6:], dot11.TIMEOUT_INTERVAL)
        assert comeback[0] == 3 and 0 < int.from_bytes(comeback[1:], "little") <= 1000
        assert header.flags & dot11.PROTECTED and query[:2] == b"\x08\x00"
        station.transmit(protected(station, dot11.ACTION, management.sa_query(query[2:], answer=True), number))
        assert station.listen(1_100_000) == []
    assert joined.keys.authorised(MAC)


def test_a_station_that_does_not_answer_has_restarted(joined):
    station = joined.station
    station.associate(b"Bench", station.asks_for())
    queries = [body for header, body in station.listen(1_100_000) if header.subtype == dot11.ACTION]
    assert [body[2:] for body in queries] == [bytes((number, 0)) for number in range(1, 6)]
    station.installed = False
    station.associate(b"Bench", station.asks_for(station.master.pmkid))
    station.serve()
    assert station.installed and not joined.keys.counters


def test_it_is_advertised():
    advertised = dot11.find_element(make_wpa3()[3].elements, dot11.RSN)
    assert advertised.hex() == "0100000fac040100000fac040100000fac08c0000000000fac06"
