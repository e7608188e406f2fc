"""WPA2 at the access point: handshakes, encrypted data, group keys, and what is refused."""

import copy
import pickle

import pytest
from station import MAC, OTHER, RATES, dhcp_message
from supplicant import PASSPHRASE, RSN, Supplicant, make_wpa2

from bk7238.air import events, wpa2
from bk7238.air.misbehaviour import Misbehaviour
from bk7238.formats import ccmp, eapol, rsn
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element

GATEWAY_MAC = bytes.fromhex("02aabbccddfe")
ARP = (
    dot11.BROADCAST
    + MAC
    + bytes.fromhex("08060001080006040001")
    + MAC
    + bytes((192, 168, 77, 50))
    + bytes(6)
    + bytes((192, 168, 77, 1))
)
TO_ALL = dot11.BROADCAST + GATEWAY_MAC + b"\x08\x00for everybody"


class Air:
    """A medium with one protected access point, one station, and what was told."""

    make, speaks = staticmethod(make_wpa2), Supplicant

    def __init__(self, *, station=None, **options):
        self.medium, self.access_point, self.network, self.keys = self.make(**options)
        self.station = self.speaks(self.medium, **(station or {}))
        self.told = []
        self.medium.on_event.connect(self.told.append)

    def names(self):
        return [type(event).__name__ for event in self.told if not isinstance(event, events.ProbeSeen)]

    def deauthentications(self):
        return [
            int.from_bytes(body, "little")
            for _, header, body in self.station.heard
            if (header.kind, header.subtype) == (0, dot11.DEAUTHENTICATION)
        ]


@pytest.fixture
def air():
    return Air()


@pytest.fixture
def joined(air):
    air.station.join()
    return air


def test_the_network_is_advertised(air):
    air.station.probe(b"Bench")
    [(_, body)] = air.station.listen()
    assert body[10] & 0x10, "privacy"
    assert dot11.find_element(body[12:], dot11.RSN).hex() == "0100000fac040100000fac040100000fac020000"
    air.station.listen(200_000)
    assert air.station.beacons[0][2][10] & 0x10
    assert dot11.find_element(air.station.beacons[0][2][12:], dot11.RSN) is not None


def test_the_handshake(air):
    station = air.station
    message_1 = eapol.parse(station.associated())
    assert (message_1.info, message_1.key_length, message_1.data) == (0x008A, 16, b"")
    station.send(station.message_2(message_1))
    [packet] = station.packets()
    message_3 = eapol.parse(packet)
    assert (message_3.info, message_3.key_length, message_3.nonce) == (0x13CA, 16, message_1.nonce)
    assert message_3.replay_counter > message_1.replay_counter and message_3.receive_counter == 0
    assert air.keys.authorised(MAC) is False
    station.answer(packet)
    assert air.keys.authorised(MAC)
    assert list(station.group) == [1] and len(station.group[1]) == 16
    assert air.names() == ["StationAuthenticated", "StationAssociated"] + ["HandshakeMessage"] * 4 + [
        "HandshakeCompleted"
    ]
    assert [event.number for event in air.told if isinstance(event, events.HandshakeMessage)] == [1, 2, 3, 4]


def test_message_3_repeats_what_beacons_say(air):
    station = air.station
    station.associated()
    station.listen(200_000)
    air.station.join()
    advertised = dot11.find_element(station.beacons[0][2][12:], dot11.RSN)
    assert advertised == rsn.WPA2_PSK.pack()


def test_data_is_encrypted_both_ways(joined):
    station = joined.station
    station.data(ARP)
    station.data(ARP)
    station.heard.clear()
    answers = station.ethernet()
    assert [frame[12:14] for frame in answers] == [b"\x08\x06"] * 2 and answers[0][:6] == MAC
    assert all(header.flags & dot11.PROTECTED and ccmp.key_id(body) == 0 for _, header, body in station.heard)
    assert [ccmp.packet_number(body) for *_, body in station.heard] == [1, 2]


def test_qos_data_is_encrypted_both_ways():
    air = Air(ht=True, station={"qos": True})
    air.station.join()
    air.station.data(ARP)
    assert [frame[12:14] for frame in air.station.ethernet()] == [b"\x08\x06"]
    assert air.station.heard[-1][1].qos == 0


def test_data_in_the_clear_is_refused(joined):
    station = joined.station
    station.installed = False
    station.data(ARP)
    assert station.ethernet() == [] and joined.access_point.counters == {"not protected": 1}


def test_data_before_the_handshake_is_refused(air):
    air.station.associated()
    air.station.data(ARP)
    assert air.station.ethernet() == [] and air.access_point.counters == {"not authorised": 1}
    air.station.message_2(eapol.KeyFrame(0x8A, 1))  # not sent
    air.station.transmit(air.station.sealed(ARP))
    assert air.keys.counters == {"no key": 1}


def test_a_replayed_frame_is_dropped(joined):
    station = joined.station
    station.transmit(station.sealed(ARP, number=7))
    station.transmit(station.sealed(ARP, number=7))
    station.transmit(station.sealed(ARP, number=6))
    station.transmit(station.sealed(ARP, number=9))
    assert len(station.ethernet()) == 2 and joined.keys.counters == {"replayed": 2}


def test_each_priority_has_its_own_replay_counter():
    air = Air(ht=True, station={"qos": True})
    station = air.station
    station.join()
    frame = station.sealed(ARP, number=7)
    station.transmit(frame)
    header, _ = dot11.parse(frame)
    assert header.qos == 5
    station.qos = False
    station.transmit(station.sealed(ARP, number=7))
    assert air.keys.counters == {} and len(station.ethernet()) == 2


def test_a_damaged_frame_is_dropped(joined):
    frame = bytearray(joined.station.sealed(ARP))
    frame[-1] ^= 1
    joined.station.transmit(bytes(frame))
    joined.station.sequence += 1
    joined.station.transmit(joined.station.sealed(ARP)[:30])
    assert joined.keys.counters == {"MIC": 1, "malformed": 1}


def test_group_frames_use_the_group_key(joined):
    station = joined.station
    joined.access_point.send(TO_ALL, station.now)
    assert station.ethernet() == [TO_ALL]
    _, header, body = station.heard[-1]
    assert header.addr1 == dot11.BROADCAST and ccmp.key_id(body) == 1 and ccmp.packet_number(body) == 1
    late = Supplicant(joined.medium, OTHER)
    late.now = station.now
    late.start()
    late.answer(late.packets(5_000)[0])
    assert eapol.parse(late.packets(5_000)[0]).receive_counter == 1, "what was sent with the group key before"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"", 40),
        (element(48, b"\1"), 40),
        (element(48, rsn.Rsn(version=2, management=(rsn.PSK,)).pack()), 44),
        (element(48, rsn.Rsn(group=rsn.TKIP, management=(rsn.PSK,)).pack()), 41),
        (element(48, rsn.Rsn(pairwise=(rsn.TKIP,), management=(rsn.PSK,)).pack()), 42),
        (element(48, rsn.Rsn().pack()), 43),
        (element(48, rsn.Rsn(management=(rsn.PSK,), capabilities=rsn.FRAME_PROTECTION_REQUIRED).pack()), 31),
    ],
)
def test_an_association_that_asks_for_something_else_is_refused(air, asked, status):
    air.station.start(asked)
    [(header, body)] = air.station.listen()
    assert header.subtype == dot11.ASSOCIATION_RESPONSE and int.from_bytes(body[2:4], "little") == status
    assert air.told[-1].status == status and air.keys.deadline is None


def test_message_1_is_sent_four_times(air):
    station = air.station
    station.start()
    packets, times = [], []
    for _ in range(80):
        for frame in station.packets():
            packets.append(eapol.parse(frame))
            times.append(station.now)
    assert [(time - times[0]) // 50_000 for time in times] == [0, 2, 22, 42]
    assert [packet.replay_counter for packet in packets] == [1, 2, 3, 4]
    assert len({packet.nonce for packet in packets}) == 1
    assert air.deauthentications() == [15]
    [timeout] = [event for event in air.told if isinstance(event, events.HandshakeTimedOut)]
    assert timeout.step == "message-1" and air.told[-1].reason == 15
    assert air.keys.deadline is None


def test_message_3_is_sent_four_times(air):
    station = air.station
    message_1 = eapol.parse(station.associated())
    station.send(station.message_2(message_1))
    packets = [packet for _ in range(80) for packet in station.packets()]
    assert [eapol.parse(packet).replay_counter for packet in packets] == [2, 3, 4, 5] and len(packets) == wpa2.ATTEMPTS
    assert air.deauthentications() == [15]
    assert [event.step for event in air.told if isinstance(event, events.HandshakeTimedOut)] == ["message-3"]


def test_a_repeated_message_3_completes_the_handshake(air):
    station = air.station
    station.send(station.message_2(eapol.parse(station.associated())))
    station.packets()  # lost
    station.serve(200_000)
    assert air.keys.authorised(MAC) and air.deauthentications() == []


def test_message_4_may_be_encrypted_already(air):
    station = air.station
    station.send(station.message_2(eapol.parse(station.associated())))
    [message_3] = station.packets(5_000)
    station.installed = True  # an earlier message 4 was lost
    station.answer(message_3)
    assert air.keys.authorised(MAC)


def test_a_wrong_passphrase():
    air = Air(station={"passphrase": PASSPHRASE + "!"})
    air.station.start()
    air.station.serve(4_000_000)
    assert air.names().count("MicMismatched") == 1 and "HandshakeTimedOut" not in air.names()
    assert air.keys.counters["EAPOL MIC"] == 4 and air.deauthentications() == [15]
    assert not air.keys.authorised(MAC)


def test_a_late_answer_to_the_first_of_two_messages(air):
    station = air.station
    first = eapol.parse(station.associated())
    [second] = [eapol.parse(packet) for packet in station.packets(120_000)]
    assert second.replay_counter == first.replay_counter + 1
    station.send(station.message_2(first))
    assert len(station.packets(5_000)) == 1
    station.send(station.message_2(second))
    assert station.packets(5_000) == [] and air.keys.counters == {"unexpected EAPOL": 1}


@pytest.mark.parametrize(
    "packet",
    [
        eapol.KeyFrame(0x010A, 0, bytes(32), data=RSN).pack(bytes(16)),
        eapol.KeyFrame(0x010A, 2, bytes(32), data=RSN).pack(bytes(16)),
        eapol.KeyFrame(0x030A, 1).pack(bytes(16)),
        eapol.KeyFrame(0x0302, 1).pack(bytes(16)),
        eapol.KeyFrame(0x008A, 1).pack(bytes(16)),
        eapol.KeyFrame(0x090A, 1).pack(bytes(16)),
        b"\2\0\0\0",
        b"",
    ],
    ids=["old counter", "future counter", "message 4", "group answer", "message 1", "request", "EAP", "nothing"],
)
def test_answers_to_nothing_are_ignored(air, packet):
    air.station.associated()
    air.station.send(packet)
    assert air.station.packets(50_000) == [] and air.keys.counters == {"unexpected EAPOL": 1}


def test_message_2_must_agree_with_the_association(air):
    station = air.station
    message_1 = eapol.parse(station.associated())
    station.send(station.message_2(message_1, RSN[:-2] + b"\0\0"))
    station.listen()
    assert air.deauthentications() == [17] and "HandshakeRejected" in air.names()
    assert air.keys.deadline is None


def test_a_station_that_comes_back_gets_new_keys(joined):
    station = joined.station
    old, nonce = station.keys, station.nonce
    frame = station.sealed(ARP)
    station.installed = False
    station.nonce = nonce[::-1]
    station.join()
    assert station.keys.tk != old.tk
    station.sequence += 1
    station.transmit(frame)
    assert joined.keys.counters == {"MIC": 1}
    station.number = 0
    station.data(ARP)
    assert len(station.ethernet()) == 1


def test_the_access_point_forgets_the_keys_of_one_it_throws_out(joined):
    joined.access_point.deauthenticate(MAC, 3, joined.station.now)
    assert not joined.keys.authorised(MAC)
    joined.station.data(ARP)
    assert joined.station.ethernet() == []
    assert joined.deauthentications() == [3, 7]


def test_reassociation_starts_a_new_handshake(joined):
    station = joined.station
    station.installed = False
    body = b"\x01\x04\x0a\x00" + station.bssid + element(0, b"Bench") + RATES + RSN
    station.management(dot11.REASSOCIATION_REQUEST, body)
    station.serve(40_000)
    assert station.installed and joined.names().count("HandshakeCompleted") == 2


# Group keys


def test_a_new_group_key(joined):
    station = joined.station
    joined.keys.rekey(station.now)
    station.serve(20_000)
    assert station.kinds[-1] == 0x1382, "version 2, group, ACK, MIC, secure, encrypted"
    assert station.heard[-1][1].flags & dot11.PROTECTED
    assert sorted(station.group) == [1, 2] and station.group[1] != station.group[2]
    joined.access_point.send(TO_ALL, station.now)
    assert station.ethernet() == [TO_ALL]
    assert ccmp.key_id(station.heard[-1][2]) == 2 and ccmp.packet_number(station.heard[-1][2]) == 1
    assert [event.key_id for event in joined.told if isinstance(event, events.GroupRekeyed)] == [2]
    joined.keys.rekey(station.now)
    station.serve(20_000)
    joined.access_point.send(TO_ALL, station.now)
    assert station.ethernet() == [TO_ALL] and ccmp.key_id(station.heard[-1][2]) == 1


def test_the_old_group_key_serves_until_all_have_the_new_one(joined):
    station = joined.station
    joined.keys.rekey(station.now)
    [packet] = station.packets(5_000)
    joined.access_point.send(TO_ALL, station.now)
    station.listen(5_000)
    assert ccmp.key_id(station.heard[-1][2]) == 1
    station.answer(packet)
    joined.access_point.send(TO_ALL, station.now)
    station.listen(5_000)
    assert ccmp.key_id(station.heard[-1][2]) == 2


def test_one_that_does_not_answer_the_group_message_is_thrown_out(joined):
    other = Supplicant(joined.medium, OTHER)
    other.now = joined.station.now
    other.join()
    assert joined.access_point.stations.member(OTHER) is not None
    joined.station.now = other.now
    joined.keys.rekey(other.now)
    silent, answers = 0, 0
    for _ in range(80):
        other.now += 50_000
        for reception in joined.medium.poll(other.now):
            header, body = dot11.parse(reception.frame)
            if header.kind == 2 and header.addr1 == MAC:
                silent += 1
            elif header.kind == 2 and header.addr1 == OTHER:
                body = dot11.parse(ccmp.decrypt(other.keys.tk, reception.frame))[1][8:]
                other.answer(dot11.ethernet(OTHER, GATEWAY_MAC, body)[14:])
                answers += 1
    assert (silent, answers) == (4, 1)
    assert joined.access_point.stations.member(MAC) is None
    assert joined.access_point.stations.member(OTHER) is not None
    left = [event for event in joined.told if isinstance(event, events.StationLeft)]
    assert [event.reason for event in left] == [16]
    joined.access_point.send(TO_ALL, other.now)
    other.listen()
    assert ccmp.key_id(other.heard[-1][2]) == 2


def test_the_group_key_changes_every_so_often():
    air = Air(rekey_every=2)
    air.station.join()
    air.station.serve(7_000_000, 20_000)
    assert [event.key_id for event in air.told if isinstance(event, events.GroupRekeyed)] == [2, 1, 2, 1]
    assert [event.time for event in air.told if isinstance(event, events.GroupRekeyed)][1] == 4_000_000
    assert air.station.kinds.count(0x1382) == 4
    assert air.keys.authorised(MAC)


def test_a_station_that_joins_during_a_rekey_ends_with_the_right_key(air):
    station = air.station
    station.send(station.message_2(eapol.parse(station.associated())))
    [message_3] = station.packets(5_000)
    air.keys.rekey(station.now)
    station.listen(1_000)
    station.answer(message_3)
    station.serve(20_000)
    assert sorted(station.group) == [1, 2]
    air.access_point.send(TO_ALL, station.now)
    assert station.ethernet() == [TO_ALL] and ccmp.key_id(station.heard[-1][2]) == 2


# Misbehaviour


@pytest.mark.parametrize("step", ["message-1", "message-3", "authentication", "association"])
def test_an_access_point_that_is_silent(step):
    air = Air(misbehaviour=Misbehaviour(silent_at=step))
    air.station.start()
    air.station.serve(5_000_000)
    # one that goes on all the same is told that it is not authenticated
    assert not air.station.installed and air.deauthentications() == ([6] if step == "authentication" else [])
    ignored = [event for event in air.told if isinstance(event, events.StepIgnored)]
    assert [event.step for event in ignored] == [step]


@pytest.mark.parametrize("step", ["message-1", "message-3", "authentication", "association"])
def test_an_access_point_that_deauthenticates(step):
    air = Air(misbehaviour=Misbehaviour(deauthenticate_at=step, reason=5))
    air.station.start()
    air.station.serve(5_000_000)
    assert not air.station.installed
    # one that goes on after its deauthentication is told that it is not authenticated
    assert air.deauthentications() == ([5, 6] if step == "authentication" else [5])
    [event] = [event for event in air.told if isinstance(event, events.StepDeauthenticated)]
    assert (event.step, event.reason) == (step, 5)
    assert air.access_point.stations.find(MAC) is None


def test_an_access_point_that_refuses_everybody():
    air = Air(misbehaviour=Misbehaviour(refuse=17))
    air.station.start()
    air.station.listen()
    assert air.told[-1].status == 17 and air.told[-1].step == "association"


def test_an_unknown_step():
    with pytest.raises(ValueError, match="'message-2' is unknown; there is authentication, association, message-1"):
        Misbehaviour(silent_at="message-2")


def test_an_impossible_passphrase():
    with pytest.raises(ValueError, match="8 to 63"):
        make_wpa2(passphrase="short")


# Determinism


def test_the_same_seed_gives_the_same_keys():
    first, again, other = Air(), Air(), Air(seed=2)
    for air in (first, again, other):
        air.station.join()
    assert first.station.keys == again.station.keys and first.station.group == again.station.group
    assert first.station.keys != other.station.keys and first.station.group != other.station.group


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda medium: pickle.loads(pickle.dumps(medium))])
def test_a_copy_goes_on_with_the_handshake(air, copied):
    station = air.station
    message_1 = eapol.parse(station.associated())
    station.medium = copied(air.medium)
    station.send(station.message_2(message_1))
    station.serve(20_000)
    assert station.installed
    assert station.medium.access_points[0].security.authorised(MAC) and not air.keys.authorised(MAC)


def test_an_access_point_that_was_off_takes_up_the_handshake_again(air):
    station = air.station
    station.associated()
    air.access_point.switch_off()
    station.listen(30_000_000)
    air.access_point.switch_on(station.now)
    assert len(station.packets(50_000)) == 1, "one message now, not one for each that was missed"
    station.serve(2_000_000)
    assert station.installed and air.deauthentications() == []


def test_dhcp_over_it(joined):
    station = joined.station
    packet = dhcp_message(1)
    udp = bytes.fromhex("00440043") + (len(packet) + 8).to_bytes(2, "big") + bytes(2) + packet
    ip = bytes.fromhex("4500") + (len(udp) + 20).to_bytes(2, "big") + bytes.fromhex("0000000040110000")
    ip += bytes(4) + b"\xff" * 4
    total = sum(int.from_bytes(ip[i : i + 2], "big") for i in range(0, 20, 2))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    station.data(dot11.BROADCAST + MAC + b"\x08\x00" + ip[:10] + checksum.to_bytes(2, "big") + ip[12:] + udp)
    station.ethernet()
    assert joined.names()[-1] == "LeaseOffered"
