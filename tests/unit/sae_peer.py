"""A station that joins a WPA3 network: the other side of SAE, for the tests of the access point."""

from __future__ import annotations

import random
import struct

from station import MAC, RATES
from supplicant import PASSPHRASE, Supplicant, make_wpa2

from bk7238.air import management
from bk7238.formats import ieee80211 as dot11
from bk7238.formats import p256, rsn, sae, wpa_keys
from bk7238.formats.ieee80211 import element

BY_HASH = 126


def make_wpa3(**options):
    """Medium, access point, network and the access point's keys, of a network with SAE alone."""
    return make_wpa2(**{"offered": rsn.WPA3_SAE, **options})


class SaePeer(Supplicant):
    derive, version = staticmethod(wpa_keys.kdf), 0
    akm, capabilities = rsn.SAE, rsn.FRAME_PROTECTION_CAPABLE

    def __init__(self, medium, mac: bytes = MAC, *, passphrase: str = PASSPHRASE, by_hash: bool = True, **options):
        super().__init__(medium, mac, passphrase=passphrase, **options)
        self.password, self.by_hash = passphrase.encode(), by_hash
        self.rng = random.Random(mac)
        self.mine = self.secret()

    def secret(self) -> sae.Secret:
        if self.by_hash:
            pwe = sae.tie(sae.hash_to_element(self.ssid, self.password), self.mac, self.bssid)
        else:
            pwe = sae.hunt_and_peck(self.password, self.mac, self.bssid)
        return sae.secret(pwe, *(self.rng.randrange(2, p256.ORDER) for _ in "12"))

    def sae(self, transaction: int, content: bytes, status: int = 0) -> tuple[int, int, bytes] | None:
        """Send an authentication frame; the answer's transaction, status and what follows them."""
        self.management(dot11.AUTHENTICATION, struct.pack("<HHH", 3, transaction, status) + content)
        answers = [
            body for header, body in self.listen(5_000) if (header.kind, header.subtype) == (0, dot11.AUTHENTICATION)
        ]
        if not answers:
            return None
        [body] = answers
        algorithm, transaction, status = struct.unpack_from("<HHH", body)
        assert algorithm == management.SAE
        return transaction, status, body[6:]

    def commit(self, token: bytes = b"") -> tuple[int, int, bytes] | None:
        """Send the commit; takes the keys from the answer, where that is one."""
        commit = sae.Commit(self.mine.commit.scalar, self.mine.commit.element, token)
        answer = self.sae(sae.COMMIT, commit.pack(self.by_hash), BY_HASH if self.by_hash else 0)
        if answer is not None and answer[:2] == (sae.COMMIT, BY_HASH if self.by_hash else 0):
            self.peer = sae.parse_commit(answer[2], self.by_hash)
            self.master = sae.keys(self.mine, self.peer)
            self.pmk = self.master.pmk
        return answer

    def confirm(self, count: int = 1) -> tuple[int, int, bytes] | None:
        """Send the confirm."""
        return self.sae(sae.CONFIRM, sae.confirm(self.master.kck, count, self.mine.commit, self.peer))

    def asks_for(self, *pmkids: bytes) -> bytes:
        """The elements of an association request."""
        asked = rsn.Rsn(management=(self.akm,), capabilities=self.capabilities, pmkids=pmkids)
        extension = element(dot11.RSN_EXTENSION, bytes((sae.HASH_TO_ELEMENT,))) if self.by_hash else b""
        self.rsn = element(dot11.RSN, asked.pack())
        return RATES + self.rsn + extension

    def start(self) -> None:
        self.mine = self.secret()
        self.commit()
        transaction, status, content = self.confirm()
        assert (transaction, status) == (sae.CONFIRM, 0)
        assert sae.confirm_matches(content, self.master.kck, self.peer, self.mine.commit)
        self.wait_to_be_missed(self.asks_for())
        self.associate(self.ssid, self.asks_for())

    def wait_to_be_missed(self, elements: bytes) -> None:
        """The access point asks for a while whether the station is still there, if it thinks so: it is not."""
        [access_point] = [one for one in self.medium.access_points if one.bssid == self.bssid]
        if access_point.security.protects_management(self.mac):
            self.associate(self.ssid, elements)
            [(_, body), *_] = self.listen(1_000)
            assert body[2:4] == b"\x1e\0"
            self.keys = None
            self.listen(1_100_000)

    def return_with(self, *pmkids: bytes) -> int:
        """Associate with keys of an earlier time alone; the status."""
        self.installed = False
        self.authenticate()
        self.listen(5_000)
        self.wait_to_be_missed(self.asks_for(*pmkids))
        self.associate(self.ssid, self.asks_for(*pmkids))
        self.first = self.listen(1_000)
        return int.from_bytes(self.first[0][1][2:4], "little")
