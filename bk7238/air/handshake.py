"""The key handshakes of an access point with one station: four messages, later two for each new group key.

Only the messages are here; when they are sent again and what a failure leads to is the matter of `wpa2`.
Source: IEEE 802.11-2020, 12.7.6 and 12.7.7.
"""

from __future__ import annotations

from typing import NamedTuple

from bk7238.air.misbehaviour import GROUP_1, MESSAGE_1, MESSAGE_3
from bk7238.formats import eapol, wpa_keys
from bk7238.formats.bip import IntegrityKey
from bk7238.formats.ccmp import KEY_SIZE, ReceivingKey, SendingKey
from bk7238.formats.eapol import (
    ACK,
    ENCRYPTED,
    INSTALL,
    MIC,
    PAIRWISE,
    SECURE,
    VERSION_AES,
    VERSION_MASK,
    VERSION_OF_AKM,
    KeyFrame,
)
from bk7238.formats.ieee80211 import RSN, find_element
from bk7238.formats.plain import Record
from bk7238.formats.rsn import SAE
from bk7238.formats.wpa_keys import PairwiseKeys

_FROM_STATION = VERSION_MASK | PAIRWISE | ACK | MIC | SECURE | eapol.REQUEST | eapol.ERROR
_ANSWERS = {MESSAGE_1: PAIRWISE | MIC, MESSAGE_3: PAIRWISE | MIC | SECURE, GROUP_1: MIC | SECURE}


class WrongMic(ValueError):
    """The answer was made with other keys than ours."""


class WrongElement(ValueError):
    """Message 2 repeats another RSN element than the association request had: somebody changed one of them."""


class Asked(NamedTuple):
    """What an association was granted for: the content of its RSN element, the key management (a suite) and the
    pairwise master key, with its name where SAE has given it one, and whether management frames will be protected."""

    rsn: bytes
    akm: bytes
    pmk: bytes
    pmkid: bytes = b""
    protects_management: bool = False


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
        self._by_sha256 = asked.akm == SAE
        self._version = VERSION_OF_AKM if self._by_sha256 else VERSION_AES
        self._keys: PairwiseKeys | None = None
        self._counter = 0  # the replay counter of the last message
        self._oldest = 0  # and of the first that asked for the same answer

    def ask(self, step: str, advertised: bytes, group: GroupKeys) -> bytes:
        """The packet of `step`, for the first time or once more. `advertised` is our whole RSN element."""
        self._counter += 1
        if step != self.asked:
            self.asked, self.attempts, self._oldest, self.group = step, 0, self._counter, group
        self.attempts += 1
        if step == MESSAGE_1:
            info, pmkid = self._version | PAIRWISE | ACK, self._granted.pmkid
            data = wpa_keys.pmkid_data(pmkid) if pmkid else b""
            return KeyFrame(info, self._counter, self._anonce, KEY_SIZE, data=data).pack()
        assert self._keys is not None and self.group is not None
        key, integrity = self.group
        info = self._version | ACK | MIC | SECURE | ENCRYPTED
        data, nonce, length = wpa_keys.group_key_data(key.key_id, key.key), bytes(32), 0
        if integrity is not None and self.protects_management:
            data += wpa_keys.integrity_key_data(integrity.key_id, integrity.packet_number, integrity.key)
        if step == MESSAGE_3:
            info |= PAIRWISE | INSTALL
            data, nonce, length = advertised + data, self._anonce, KEY_SIZE
        wrapped = wpa_keys.wrap(self._keys.kek, data)
        return KeyFrame(info, self._counter, nonce, length, key.packet_number, wrapped).pack(self._keys.kck)

    def answer(self, packet: bytes) -> str:
        """The step that this packet answers, which is over then.

        Raises WrongMic, WrongElement, and ValueError for everything else that is not the answer awaited.
        """
        frame = eapol.parse(packet)
        step = self.asked
        if step is None or frame.info & _FROM_STATION != self._version | _ANSWERS[step]:
            raise ValueError(f"an EAPOL-Key frame with key information 0x{frame.info:04x} that nobody asked for")
        if not self._oldest <= frame.replay_counter <= self._counter:
            raise ValueError(f"an EAPOL-Key frame with replay counter {frame.replay_counter}, not {self._counter}")
        keys = self._keys
        if step == MESSAGE_1:
            pmk, derive = self._granted.pmk, wpa_keys.kdf if self._by_sha256 else wpa_keys.prf
            keys = wpa_keys.pairwise(pmk, self._authenticator, self.station, self._anonce, frame.nonce, derive)
        assert keys is not None
        if not eapol.mic_matches(packet, keys.kck):
            raise WrongMic(f"the MIC of the answer to {step} does not match")
        if step == MESSAGE_1:
            if find_element(frame.data, RSN) != self._granted.rsn:
                raise WrongElement("message 2 has another RSN element than the association request")
            self._keys, self.receiving = keys, ReceivingKey(keys.tk)
        elif step == MESSAGE_3:
            self.sending = SendingKey(keys.tk)
        self.asked = self.due = None
        return step
