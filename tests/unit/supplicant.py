"""A station that joins a WPA2 network: the other side of the handshake, for the tests of the access point."""

from __future__ import annotations

import random

from station import MAC, RATES, Station, make_air

from bk7238.air.wpa2 import Wpa2
from bk7238.formats import ccmp, eapol, rsn, tkip, wpa_keys
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header, element

PASSPHRASE = "correct horse battery"
RSN = element(dot11.RSN, bytes.fromhex("0100000fac040100000fac040100000fac028000"))  # as the firmware sends it
EAPOL = b"\x88\x8e"


def make_wpa2(
    *,
    passphrase: str = PASSPHRASE,
    seed: int = 1,
    rekey_every: float = 0,
    offered=rsn.WPA2_PSK,
    wpa=None,
    sae=None,
    **options,
):
    """Medium, access point, network and the access point's keys."""
    keys = Wpa2(passphrase, random.Random(seed + 2), rekey_every=rekey_every, offered=offered, wpa=wpa, sae=sae)
    return (*make_air(seed=seed, security=keys, **options), keys)


def swapped(key: bytes) -> bytes:
    """A key of TKIP with its MIC keys as a station has them."""
    return key[:16] + key[24:] + key[16:24]


class Supplicant(Station):
    derive, version, rsn = staticmethod(wpa_keys.prf), eapol.VERSION_AES, RSN
    descriptor, key_size = eapol.RSN_DESCRIPTOR, ccmp.KEY_SIZE

    def __init__(self, medium, mac: bytes = MAC, *, passphrase: str = PASSPHRASE, ssid: bytes = b"Bench", **options):
        super().__init__(medium, mac, **options)
        self.ssid = ssid
        self.pmk = wpa_keys.pmk(passphrase, ssid)
        self.nonce = bytes(range(32))
        self.keys = None
        self.group = {}  # by id
        self.number = 0  # the last packet number sent
        self.installed = False
        self.kinds = []  # key information of the EAPOL-Key frames heard

    def start(self, rsn: bytes = RSN) -> None:
        """Authenticate and associate; the answer to that is the last management frame heard."""
        self.authenticate()
        self.listen(5_000)
        self.associate(self.ssid, RATES + rsn)

    def associated(self) -> bytes:
        """The first EAPOL packet after an association."""
        self.start()
        [packet] = self.packets(5_000)
        return packet

    def join(self) -> None:
        self.start()
        self.serve(40_000)
        assert self.installed

    def packets(self, microseconds: int = 50_000) -> list[bytes]:
        """The EAPOL packets heard in that time."""
        return [frame[14:] for frame in self.ethernet(microseconds) if frame[12:14] == EAPOL]

    def serve(self, microseconds: int = 50_000, step: int = 5_000) -> list[bytes]:
        """Take part in handshakes for that time; the Ethernet frames of everything else."""
        rest = []
        for _ in range(microseconds // step):
            for frame in self.ethernet(step):
                if frame[12:14] == EAPOL:
                    self.answer(frame[14:])
                else:
                    rest.append(frame)
        return rest

    def answer(self, packet: bytes) -> None:
        """What a supplicant answers to this message."""
        frame = eapol.parse(packet)
        self.kinds.append(frame.info)
        if not frame.info & eapol.MIC:
            self.send(self.message_2(frame))
            return
        assert eapol.mic_matches(packet, self.keys.kck) and frame.descriptor == self.descriptor
        self.take_group_key(frame)
        if frame.info & eapol.PAIRWISE:
            self.send(self.message_4(frame))
            self.installed = True
        else:
            self.send(self.signed(0x0300, frame))

    def take_group_key(self, frame) -> None:
        data = self.opened(frame)
        key_id, key = wpa_keys.find_group_key(data)
        self.group[key_id] = key
        self.integrity = wpa_keys.find_integrity_key(data)

    def opened(self, frame) -> bytes:
        """The key data of a message, decrypted."""
        if self.version == eapol.VERSION_RC4:
            return wpa_keys.encrypt(self.keys.kek, frame.iv, frame.data)
        return wpa_keys.unwrap(self.keys.kek, frame.data)

    def signed(self, info: int, frame, nonce: bytes = bytes(32), data: bytes = b"") -> bytes:
        """The answer to a message."""
        counter = frame.replay_counter
        answer = eapol.KeyFrame(info | self.version, counter, nonce, data=data, descriptor=self.descriptor)
        return answer.pack(self.keys.kck)

    def message_2(self, frame, rsn: bytes | None = None) -> bytes:
        self.keys = wpa_keys.pairwise(
            self.pmk, self.bssid, self.mac, frame.nonce, self.nonce, self.derive, self.key_size
        )
        return self.signed(0x0108, frame, self.nonce, self.rsn if rsn is None else rsn)

    def message_4(self, frame) -> bytes:
        return self.signed(0x0308, frame)

    def send(self, packet: bytes) -> None:
        """An EAPOL packet, encrypted once there is a key."""
        self.data(self.bssid + self.mac + EAPOL + packet)

    def data(self, ethernet: bytes, *, flags: int = 0, repeat: bool = False) -> bool:
        if not self.installed:
            return super().data(ethernet, flags=flags, repeat=repeat)
        return self.transmit(self.sealed(ethernet))

    def sealed(self, ethernet: bytes, number: int | None = None) -> bytes:
        """An encrypted data frame with the next packet number, or this one."""
        self.sequence += 1
        if number is None:
            number = self.number = self.number + 1
        subtype, qos = (8, 5) if self.qos else (0, None)
        flags = dot11.TO_DS | dot11.PROTECTED
        head = Header(2, subtype, flags, 0, self.bssid, self.mac, ethernet[:6], self.sequence & 0xFFF, qos=qos)
        if self.key_size == tkip.KEY_SIZE:
            sending = tkip.TkipSendingKey(swapped(self.keys.tk))
            sending.packet_number = number - 1
            return sending.protect(head.pack() + dot11.msdu(ethernet))
        body = ccmp.ccmp_header(number, 0) + dot11.msdu(ethernet)
        return ccmp.encrypt(self.keys.tk, head.pack() + body)

    def listen(self, microseconds: int = 50_000) -> list:
        """As a station's, without what is for others, with protected frames decrypted."""
        found = []
        for header, body in super().listen(microseconds):
            if header.addr1 not in (self.mac, dot11.BROADCAST):
                continue
            if header.flags & dot11.PROTECTED:
                pairwise = None if self.keys is None else self.keys.tk
                key = self.group.get(ccmp.key_id(body)) if dot11.is_group(header.addr1) else pairwise
                if key is None:
                    continue
                frame = header.pack() + body
                if len(key) == tkip.KEY_SIZE:
                    body = dot11.parse(tkip.TkipReceivingKey(swapped(key)).unprotect(frame))[1]
                else:
                    body = dot11.parse(ccmp.decrypt(key, frame))[1][ccmp.HEADER_SIZE :]
            found.append((header, body))
        return found
