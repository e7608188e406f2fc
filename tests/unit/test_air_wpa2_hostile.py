"""Whatever stations send during and after the handshake does no harm: no exception, no storm, no way in."""

from hypothesis import given
from hypothesis import strategies as st
from station import MAC, OTHER
from supplicant import RSN, Supplicant, make_wpa2

from bk7238.formats import eapol
from bk7238.formats import ieee80211 as dot11

MOST_FRAMES = 2_000  # that a single action of a station may lead to


class Attacker(Supplicant):
    """Does what it is told, right or wrong; it need not know the passphrase."""

    def act(self, action, data, number):
        if action == "authenticate":
            self.authenticate()
        elif action == "associate":
            self.associate(self.ssid, data[: number % 40] + RSN + bytes((12, 2, 4, 11, 22)))
        elif action == "start":
            self.installed = False
            self.start(RSN)
        elif action == "eapol":
            self.send(data)
        elif action == "key frame":
            frame = eapol.KeyFrame(number & 0xFFFF, number >> 16 & 7, data[:32].ljust(32, b"\0"), data=data)
            self.send(frame.pack(None if self.keys is None else self.keys.kck))
        elif action == "damaged answer" and self.keys is not None:
            packet = bytearray(eapol.KeyFrame(0x010A, number & 3, self.nonce, data=RSN).pack(self.keys.kck))
            packet[number % len(packet)] ^= 1 + number % 255
            self.send(bytes(packet))
        elif action == "sealed" and self.keys is not None:
            self.transmit(self.sealed(dot11.BROADCAST + self.mac + data.ljust(2, b"\0"), number=number & 0xFFFF))
        elif action == "protected":
            header = dot11.Header(
                2, number & 8, 0x41, 0, self.bssid, self.mac, data[:6].ljust(6, b"\0"), number & 0xFFF
            )
            self.transmit(header.pack() + data)
        elif action == "serve":
            self.serve(50_000)
        elif action == "rekey":
            self.medium.access_points[0].security.rekey(self.now)
        elif action == "wait":
            self.now += number


ACTIONS = [
    "authenticate",
    "associate",
    "start",
    "eapol",
    "key frame",
    "damaged answer",
    "sealed",
    "protected",
    "serve",
    "rekey",
    "wait",
]
NUMBERS = st.one_of(st.integers(0, 200_000), st.sampled_from([0x0001_010A, 0x0002_030A, 0x0002_0302, 0x0001_090A]))


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(ACTIONS), st.binary(max_size=120), NUMBERS), max_size=25),
    st.booleans(),
)
def test_hostile_stations_do_no_harm(actions, knows):
    medium, access_point, _, keys = make_wpa2(rekey_every=1)
    passphrase = {} if knows else {"passphrase": "not that one"}
    both = Attacker(medium, **passphrase), Attacker(medium, OTHER, **passphrase)
    now = both[0].now
    for second, *action in actions:
        attacker = both[second]
        attacker.now = now
        before = medium.received
        attacker.act(*action)
        now = attacker.now
        medium.poll(now)
        assert medium.received - before < MOST_FRAMES
    if not knows:
        assert not keys.authorised(MAC) and not keys.authorised(OTHER)
    assert len(access_point.events.recent) < MOST_FRAMES
    honest = Supplicant(medium, bytes.fromhex("c8478c000003"))
    honest.now = now
    honest.join()
    assert keys.authorised(honest.mac)
