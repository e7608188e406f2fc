"""Where an access point asks its security object, shown with one that turns the body's bytes around."""

from station import MAC, Station, make_air

from bk7238.air import events
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element

GATEWAY_MAC = bytes.fromhex("02aabbccddfe")
QUESTION = bytes.fromhex("0001080006040001") + MAC + bytes((192, 168, 77, 50)) + bytes(6) + bytes((192, 168, 77, 1))
ARP = dot11.BROADCAST + MAC + b"\x08\x06" + QUESTION
EAPOL = bytes.fromhex("02aabbccdd01") + MAC + b"\x88\x8e"


class Turning:
    """Lets in who answers `hello` with `world`."""

    privacy = True
    elements = element(dot11.RSN, b"turning")

    def __init__(self):
        self.inside = set()
        self.deadline = None

    def start(self, bss, _events, _misbehaviour):
        assert bss.ssid == b"Bench"

    def admit(self, _station, elements):
        return 0 if dot11.find_element(elements, dot11.RSN) == b"turning" else 40

    def joined(self, _station, now):
        self.deadline = now + 1_000_000
        return [b"hello"]

    def left(self, station):
        self.inside.discard(station)

    def receive(self, station, packet, _now):
        if packet != b"world":
            return []
        self.inside.add(station)
        self.deadline = None
        return [b"welcome"]

    def authorised(self, station):
        return station in self.inside

    def protects_management(self, _station):
        return False

    def protect(self, receiver, frame):
        if receiver not in self.inside and not dot11.is_group(receiver):
            return frame
        return frame[:1] + bytes((frame[1] | dot11.PROTECTED,)) + frame[2:24] + frame[:23:-1]

    def unprotect(self, station, frame):
        if not frame[1] & dot11.PROTECTED:
            return None if station in self.inside else frame
        return frame[:1] + bytes((frame[1] & ~dot11.PROTECTED,)) + frame[2:24] + frame[:23:-1]

    def poll(self, _now):
        self.deadline += 1_000_000
        return [(MAC, b"hello")]


def eapol(answers):
    return [dot11.ethernet(header.addr1, header.addr3, body)[14:] for header, body in answers if header.kind == 2]


def associated():
    station = Station(make_air(security=Turning())[0])
    station.authenticate()
    station.listen()
    station.associate(elements=RATES_AND_RSN)
    return station, station.listen()


RATES_AND_RSN = element(1, bytes((0x82, 0x84, 0x8B, 0x96))) + element(dot11.RSN, b"turning")


def test_it_is_advertised():
    station = Station(make_air(security=Turning())[0])
    station.probe(b"Bench")
    [(_, body)] = station.listen()
    assert body[10] & 0x10
    assert dot11.find_element(body[12:], dot11.RSN) == b"turning"


def test_it_refuses_an_association():
    station = Station(make_air(security=Turning())[0])
    told = []
    station.medium.on_event.connect(told.append)
    station.authenticate()
    station.listen()
    station.associate()
    [(_, body)] = station.listen()
    assert body[2:4] == b"\x28\0"
    assert isinstance(told[-1], events.StationRefused) and told[-1].status == 40


def test_data_passes_after_its_handshake_only():
    station, answers = associated()
    assert eapol(answers) == [b"hello"]
    station.data(ARP)
    assert station.listen() == []
    assert station.medium.access_points[0].counters == {"not authorised": 1}
    station.data(EAPOL + b"world")
    [(header, body)] = station.listen()
    assert header.flags & dot11.PROTECTED and body[::-1].endswith(b"welcome")
    station.data(ARP)
    assert station.listen() == []
    assert station.medium.access_points[0].counters["not protected"] == 1
    station.sequence += 1
    clear = dot11.Header(
        2, 0, dot11.TO_DS | dot11.PROTECTED, 0, station.bssid, MAC, dot11.BROADCAST, station.sequence
    ).pack()
    station.transmit(clear + dot11.msdu(ARP)[::-1])
    [(header, body)] = station.listen()
    assert header.flags & dot11.PROTECTED
    assert dot11.ethernet(MAC, GATEWAY_MAC, body[::-1])[12:14] == b"\x08\x06"


def test_its_messages_are_sent_again_in_time():
    station, _ = associated()
    assert eapol(station.listen(3_000_000)) == [b"hello"] * 3


def test_it_forgets_a_station_that_leaves():
    station, _ = associated()
    station.data(EAPOL + b"world")
    station.listen()
    access_point = station.medium.access_points[0]
    access_point.deauthenticate(MAC, 3, station.now)
    station.listen()
    station.authenticate()
    station.listen()
    station.associate(elements=RATES_AND_RSN)
    station.listen()
    station.data(ARP)
    assert access_point.counters == {"not authorised": 1}
