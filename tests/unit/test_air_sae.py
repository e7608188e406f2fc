"""WPA3-Personal at the access point: SAE, tokens, what is refused, and coming back with a key of an earlier time."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from sae_peer import BY_HASH, SaePeer, make_wpa3
from station import MAC, OTHER
from supplicant import Supplicant
from test_air_wpa2 import ARP
from test_air_wpa2 import Air as ProtectedAir

from bk7238.air.sae import STATIONS, SaeOptions
from bk7238.formats import eapol, plain, rsn, sae, wpa_keys
from bk7238.formats import ieee80211 as dot11


class Air(ProtectedAir):
    """A medium with one protected access point, one station that speaks SAE, and what was told."""

    make, speaks = staticmethod(make_wpa3), SaePeer

    def names(self):
        return [type(event).__name__ for event in self.told]


@pytest.fixture
def air():
    return Air()


ways = pytest.mark.parametrize("by_hash", [False, True], ids=["pecking", "hash"])
networks = pytest.mark.parametrize("offered", [rsn.WPA3_SAE, rsn.WPA3_TRANSITION], ids=["wpa3", "transition"])


@ways
@networks
def test_a_station_joins_and_its_data_passes(by_hash, offered):
    air = Air(offered=offered, station={"by_hash": by_hash})
    air.station.join()
    air.station.data(ARP)
    assert [frame[12:14] for frame in air.station.ethernet()] == [b"\x08\x06"]
    assert air.names() == ["StationAuthenticated", "StationAssociated"] + ["HandshakeMessage"] * 4 + [
        "HandshakeCompleted"
    ]
    assert air.station.pmk == air.keys.pmks[-1] and not air.keys.counters


@networks
def test_it_is_advertised(offered):
    air = Air(offered=offered)
    air.station.probe(b"Bench")
    [(_, body)] = air.station.listen()
    assert rsn.parse(dot11.find_element(body[12:], dot11.RSN)) == offered
    assert dot11.find_element(body[12:], dot11.RSN_EXTENSION) == b"\x20"


def test_a_network_without_hash_to_element():
    air = Air(sae=SaeOptions(by_hash=False), station={"by_hash": False})
    assert dot11.find_element(air.keys.elements, dot11.RSN_EXTENSION) is None
    air.station.join()
    other = SaePeer(air.medium, OTHER)
    other.now = air.station.now
    assert other.commit()[1] == 1


def test_the_handshake_is_that_of_sae(air):
    packet = air.station.associated()
    message_1 = eapol.parse(packet)
    assert message_1.info == 0x0088 and message_1.data == wpa_keys.pmkid_data(air.station.master.pmkid)
    air.station.send(air.station.message_2(message_1))
    [packet] = air.station.packets()
    assert eapol.parse(packet).info == 0x13C8 and eapol.mic_matches(packet, air.station.keys.kck)
    data = wpa_keys.unwrap(air.station.keys.kek, eapol.parse(packet).data)
    assert data.startswith(air.keys.elements)


def test_a_station_with_psk_in_transition_mode():
    air = Air(offered=rsn.WPA3_TRANSITION)
    station = Supplicant(air.medium)
    station.join()
    assert [air.keys.pmks.index(station.pmk)] == [0]


def test_a_station_with_psk_is_refused_where_there_is_sae_alone(air):
    station = Supplicant(air.medium)
    station.start()
    [(header, body)] = station.listen()
    assert header.subtype == dot11.ASSOCIATION_RESPONSE and body[2:4] == b"\x2b\0"
    assert air.keys.pmks == []


def test_sae_is_refused_where_there_is_none():
    station = SaePeer(make_wpa3(offered=rsn.WPA2_PSK)[0])
    assert station.sae(1, station.mine.commit.pack(True), BY_HASH) == (1, 13, b"")
    assert station.sae(2, bytes(34)) == (2, 13, b"")


@ways
def test_another_password(by_hash):
    air = Air(station={"passphrase": "not that one", "by_hash": by_hash})
    air.station.commit()
    assert air.station.confirm() == (2, 15, b"")
    assert air.names() == ["ConfirmMismatched", "StationRefused"] and air.keys.counters == {"SAE confirm": 1}
    assert air.station.confirm() == (2, 14, b""), "its exchange is over"
    air.station.associate(b"Bench", air.station.asks_for())
    assert air.station.listen()[-1][0].subtype == dot11.DEAUTHENTICATION


def test_the_password_changes(air):
    air.station.join()
    name = air.station.master.pmkid
    air.keys.change("another one")
    assert air.station.return_with(name) == 53
    air.station.password = b"another one"
    air.station.join()
    with pytest.raises(ValueError, match="SAE needs a passphrase, not a key"):
        air.keys.change("ab" * 32)
    assert air.keys.passphrase == "another one"


def test_frames_that_come_again_get_the_same_answer(air):
    first = air.station.commit()
    assert air.station.commit() == first
    one, two = air.station.confirm(1), air.station.confirm(2)
    assert one[:2] == two[:2] == (2, 0) and [answer[2][0] for answer in (one, two)] == [1, 2], "send-confirm counts"
    assert air.names() == ["StationAuthenticated"]


@ways
def test_a_token_is_asked_for(by_hash):
    air = Air(sae=SaeOptions(threshold=2), station={"by_hash": by_hash})
    now = air.station.now
    for number in range(3):
        peer = SaePeer(air.medium, bytes((2, 0, 0, 0, 0, number)))
        peer.now, now = now, now + 5_000
        answer = peer.commit()
        assert answer[1] == (76 if number == 2 else BY_HASH)
    air.station.now = now
    transaction, status, content = air.station.commit()
    assert (transaction, status) == (1, 76) and content[:2] == b"\x13\0"
    token = sae.asked_token(content, by_hash)
    assert air.station.commit(token[::-1])[1] == 76
    assert air.station.commit(token)[1] == (BY_HASH if by_hash else 0)
    assert air.station.confirm()[:2] == (2, 0)
    late = SaePeer(air.medium, OTHER)
    late.now = now + 20_000_000
    assert late.commit()[1] == BY_HASH, "the others have given up"


@pytest.mark.parametrize(
    ("content", "status", "answer"),
    [
        (b"\x14\0" + bytes(96), 0, (77, b"\x14\0")),
        (b"\x13\0" + bytes(96), 0, (1, b"\x13\0")),
        (b"", 0, (1, b"")),
        (b"\x13", BY_HASH, (1, b"\x13")),
    ],
)
def test_commits_that_are_refused(air, content, status, answer):
    assert air.station.sae(1, content, status) == (1, *answer)


def test_a_commit_that_says_our_group_was_rejected(air):
    commit = air.station.mine.commit
    lie = sae.Commit(commit.scalar, commit.element, rejected=b"\x14\0\x13\0").pack(True)
    assert air.station.sae(1, lie, BY_HASH)[1] == 1


def test_groups_that_were_rejected_are_in_the_keys(air):
    commit = air.station.mine.commit
    air.station.mine = air.station.mine._replace(commit=sae.Commit(commit.scalar, commit.element, rejected=b"\x14\0"))
    _, _, content = air.station.sae(1, air.station.mine.commit.pack(True), BY_HASH)
    air.station.peer = sae.parse_commit(content, True)
    air.station.master = sae.keys(air.station.mine, air.station.peer)
    assert air.station.confirm()[:2] == (2, 0)


def test_a_station_that_gives_up(air):
    air.station.commit()
    assert air.station.sae(1, b"", 1) is None
    assert air.station.confirm() == (2, 14, b"")


def test_an_unknown_transaction(air):
    assert air.station.sae(3, b"") == (3, 14, b"")


def test_association_needs_an_exchange(air):
    assert air.station.return_with() == 53
    assert air.station.return_with(bytes(16)) == 53
    air.station.join()
    assert air.station.return_with() == 53, "the exchange is over with the handshake"


def test_coming_back_with_the_key_of_an_earlier_time(air):
    air.station.join()
    name = air.station.master.pmkid
    assert air.station.return_with(bytes(16), name) == 0
    [packet] = [dot11.ethernet(MAC, MAC, body)[14:] for header, body in air.station.first if header.kind == 2]
    air.station.answer(packet)
    air.station.serve(20_000)
    assert air.station.installed and len(set(air.keys.pmks)) == 1
    air.access_point.switch_off()
    air.access_point.switch_on(air.station.now, forget=True)
    assert air.station.return_with(name) == 53, "a restart forgets them"


def test_reauthentication_makes_another_key(air):
    air.station.join()
    first = air.station.pmk
    air.station.installed = False
    air.station.join()
    assert air.keys.pmks == [first, air.station.pmk] and first != air.station.pmk


def test_many_stations_are_forgotten_in_time(air):
    now = air.station.now
    for number in range(STATIONS + 3):
        peer = SaePeer(air.medium, bytes((2, 0, 0, 0, 0, number)))
        peer.now, now = now, now + 20_000
        peer.commit()
        peer.confirm()
    assert len(air.keys._sae.kept) == len(air.keys._sae.exchanges) == STATIONS


def test_the_same_seed_gives_the_same_keys():
    def pmks(seed):
        air = Air(seed=seed)
        air.station.join()
        return air.keys.pmks

    assert pmks(5) == pmks(5) != pmks(6)


def test_a_copy_goes_on_with_the_exchange(air):
    air.station.commit()
    kept = air.keys._sae.snapshot()
    written = copy.deepcopy(plain.Writer(lambda _: None).data(kept["exchanges"]))
    assert air.station.confirm()[:2] == (2, 0)
    air.keys._sae.restore({**kept, "exchanges": plain.Reader(lambda _: None).value(written)})
    assert air.station.confirm()[:2] == (2, 0)


@examples(30)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4), st.sampled_from([0, 1, 76, BY_HASH, 0xFFFF]), st.binary(max_size=140), st.booleans()
        ),
        max_size=8,
    )
)
def test_hostile_frames_do_no_harm(frames):
    air = Air(sae=SaeOptions(threshold=1))
    start = b"\x13\0" + air.station.mine.commit.proof
    for transaction, status, content, genuine in frames:
        air.station.sae(transaction, start + content if genuine else content, status)
        air.station.associate(b"Bench", air.station.asks_for(content[:16].ljust(16, b"\0")) + content)
        air.station.listen(1_000)
    assert not air.keys.authorised(MAC)
    honest = SaePeer(air.medium, OTHER)
    honest.now = air.station.now + 11_000_000
    honest.join()
    assert air.keys.authorised(OTHER)
