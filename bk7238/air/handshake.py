"""The key handshakes of an access point with one station: four messages, later two for each new group key. With WPA the
group key comes in two messages of its own from the beginning.

Only the messages are here; when they are sent again and what a failure leads to is the matter of `wpa2`.
Source: IEEE 802.11-2020, 12.7.6 and 12.7.7; WPA as hostapd has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from bk7238.air.misbehaviour import GROUP_1, MESSAGE_1, MESSAGE_3
from bk7238.formats import ccmp, eapol, rsn, tkip, wpa_keys
from bk7238.formats.bip import IntegrityKey
from bk7238.formats.eapol import (
    ACK,
    ENCRYPTED,
    INSTALL,
    KEY_ID_SHIFT,
    MIC,
    PAIRWISE,
    RSN_DESCRIPTOR,
    SECURE,
    VERSION_AES,
    VERSION_MASK,
    VERSION_OF_AKM,
    VERSION_RC4,
    WPA_DESCRIPTOR,
    KeyFrame,
)
from bk7238.formats.ieee80211 import RSN, VENDOR, find_element
from bk7238.formats.plain import Record
from bk7238.formats.wpa_keys import PairwiseKeys

SendingKey = ccmp.SendingKey | tkip.TkipSendingKey
ReceivingKey = ccmp.ReceivingKey | tkip.TkipReceivingKey


class Cipher(NamedTuple):
    """A cipher of data: the classes of its keys, their size in bytes, and the version of EAPOL-Key frames where it is
    the pairwise one."""

    sending: Callable[[bytes, int], SendingKey]
    receiving: Callable[[bytes], ReceivingKey]
    key_size: int
    version: int


CIPHERS: Mapping[bytes, Cipher] = {
    rsn.CCMP: Cipher(ccmp.SendingKey, ccmp.ReceivingKey, ccmp.KEY_SIZE, VERSION_AES),
    rsn.TKIP: Cipher(tkip.TkipSendingKey, tkip.TkipReceivingKey, tkip.KEY_SIZE, VERSION_RC4),
}

RSN_ELEMENT, WPA_ELEMENT = (RSN, b""), (VENDOR, rsn.WPA)  # number and beginning

_FROM_STATION = VERSION_MASK | PAIRWISE | ACK | MIC | SECURE | eapol.REQUEST | eapol.ERROR
_ANSWERS = {MESSAGE_1: PAIRWISE | MIC, MESSAGE_3: PAIRWISE | MIC | SECURE, GROUP_1: MIC | SECURE}


class WrongMic(ValueError):
    """The answer was made with other keys than ours."""


class WrongElement(ValueError):
    """Message 2 repeats another RSN element than the association request had: somebody changed one of them."""


class Asked(NamedTuple):
    """What an association was granted for: the content of its RSN or `wpa` element, the key management and the pairwise
    cipher (suites), and the pairwise master key, with its name where SAE has given it one, and whether management
    frames will be protected."""

    element: bytes
    akm: bytes
    pairwise: bytes
    pmk: bytes
    pmkid: bytes = b""
    protects_management: bool = False
    wpa: bool = False


class GroupKeys(NamedTuple):
    """What is sent to all with: the key of data, and that of management frames where they are protected."""

    data: SendingKey
    management: IntegrityKey | None = None


class Handshake(Record):
    """What the access point knows of one station's keys.

    `asked` is the step whose answer is awaited, None where there is none; `attempts` counts how often it was sent and
    `due` (microseconds) is when it is sent again.
    """

    def __init__(
        self,
        authenticator: bytes,
        station: bytes,
        asked: Asked,
        anonce: bytes,
    ) -> None:
        self.station = station
        self.asked: str | None = None
        self.attempts = 0
        self.due: int | None = None
        self.wrong_key = False  # a MIC of message 2 did not match
        self.sending: SendingKey | None = None  # from message 4 on
        self.receiving: ReceivingKey | None = None  # from message 2 on: the station may have its keys before we know
        self.group: GroupKeys | None = None  # what the last message 3 or group message held
        self.protects_management = asked.protects_management
        self._authenticator, self._granted, self._anonce = authenticator, asked, anonce
        self._by_sha256 = asked.akm == rsn.SAE
        self._version = VERSION_OF_AKM if self._by_sha256 else CIPHERS[asked.pairwise].version
        self._descriptor = WPA_DESCRIPTOR if asked.wpa else RSN_DESCRIPTOR
        self._keys: PairwiseKeys | None = None
        self._counter = 0  # the replay counter of the last message
        self._oldest = 0  # and of the first that asked for the same answer

    @property
    def by_wpa(self) -> bool:
        """Whether the station came for the WPA element."""
        return self._granted.wpa

    def ask(self, step: str, advertised: bytes, group: GroupKeys) -> bytes:
        """The packet of `step`, for the first time or once more. `advertised` are our whole elements."""
        self._counter += 1
        if step != self.asked:
            self.asked, self.attempts, self._oldest = step, 0, self._counter
            self.group = None if self._granted.wpa and step != GROUP_1 else group
        self.attempts += 1
        length = CIPHERS[self._granted.pairwise].key_size
        if step == MESSAGE_1:
            info, pmkid = self._version | PAIRWISE | ACK, self._granted.pmkid
            data = wpa_keys.pmkid_data(pmkid) if pmkid else b""
            return self._packed(KeyFrame(info, self._counter, self._anonce, length, data=data))
        if self._granted.wpa:
            return self._ask_wpa(step, advertised, length)
        assert self.group is not None
        key, integrity = self.group
        info = self._version | ACK | MIC | SECURE | ENCRYPTED
        data, nonce = wpa_keys.group_key_data(key.key_id, key.key), bytes(32)
        if integrity is not None and self.protects_management:
            data += wpa_keys.integrity_key_data(integrity.key_id, integrity.packet_number, integrity.key)
        if step == MESSAGE_3:
            info |= PAIRWISE | INSTALL
            data, nonce = advertised + data, self._anonce
        else:
            length = 0
        return self._packed(KeyFrame(info, self._counter, nonce, length, key.packet_number, data), encrypted=True)

    def _ask_wpa(self, step: str, advertised: bytes, length: int) -> bytes:
        """Message 3 without a group key, or the message of the group key alone."""
        info = self._version | ACK | MIC
        if step == MESSAGE_3:
            frame = KeyFrame(info | PAIRWISE | INSTALL, self._counter, self._anonce, length, data=advertised)
            return self._packed(frame)
        assert self.group is not None
        key = self.group.data
        info |= SECURE | key.key_id << KEY_ID_SHIFT
        frame = KeyFrame(info, self._counter, self._anonce, len(key.key), key.packet_number, key.key)
        return self._packed(frame, encrypted=True)

    def _packed(self, frame: KeyFrame, *, encrypted: bool = False) -> bytes:
        """The packet, with its key data encrypted, and signed once there are keys."""
        frame = replace(frame, descriptor=self._descriptor)
        keys = self._keys
        if keys is None or not frame.info & MIC:
            return frame.pack()
        if encrypted and self._version == VERSION_RC4:
            number = int.from_bytes(self._anonce[16:], "big") + self._counter
            iv = (number & (1 << 128) - 1).to_bytes(16, "big")  # never twice with one key
            frame = replace(frame, iv=iv, data=wpa_keys.encrypt(keys.kek, iv, frame.data))
        elif encrypted:
            frame = replace(frame, data=wpa_keys.wrap(keys.kek, frame.data))
        return frame.pack(keys.kck)

    def answer(self, packet: bytes) -> str:
        """The step that this packet answers, which is over then.

        Raises WrongMic, WrongElement, and ValueError for everything else that is not the answer awaited.
        """
        frame = eapol.parse(packet)
        step = self.asked
        wanted = 0 if step is None else self._version | _ANSWERS[step]
        if self._granted.wpa and step == MESSAGE_3:
            wanted &= ~SECURE
        kind = frame.descriptor, frame.info & _FROM_STATION
        if step is None or kind != (self._descriptor, wanted):
            raise ValueError(f"an EAPOL-Key frame with key information 0x{frame.info:04x} that nobody asked for")
        if not self._oldest <= frame.replay_counter <= self._counter:
            raise ValueError(f"an EAPOL-Key frame with replay counter {frame.replay_counter}, not {self._counter}")
        keys, cipher = self._keys, CIPHERS[self._granted.pairwise]
        if step == MESSAGE_1:
            keys = wpa_keys.pairwise(
                self._granted.pmk,
                self._authenticator,
                self.station,
                self._anonce,
                frame.nonce,
                wpa_keys.kdf if self._by_sha256 else wpa_keys.prf,
                cipher.key_size,
            )
        assert keys is not None
        if not eapol.mic_matches(packet, keys.kck):
            raise WrongMic(f"the MIC of the answer to {step} does not match")
        if step == MESSAGE_1:
            element = WPA_ELEMENT if self._granted.wpa else RSN_ELEMENT
            if find_element(frame.data, *element) != self._granted.element:
                raise WrongElement("message 2 has another element than the association request")
            self._keys, self.receiving = keys, cipher.receiving(keys.tk)
        elif step == MESSAGE_3:
            self.sending = cipher.sending(keys.tk, 0)
        self.asked = self.due = None
        return step
