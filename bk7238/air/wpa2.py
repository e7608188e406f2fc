"""WPA, WPA2 and WPA3 with a passphrase: the keys of one BSS and its stations, as an access point keeps them.

Unanswered messages are sent again after 100 ms, then every second, four times in all; after that the station is thrown
out with reason 15 (16 for a group key). A message 2 whose MIC does not match is one that was not answered: the device
has another passphrase. A new group key goes to the stations one message each, and is used once all have answered.
All randomness is that of `rng`. Source: IEEE 802.11-2020, 12.6 and 12.7; the times are hostapd's.
Not simulated: pre-authentication, the countermeasures that Michael calls for (a wrong MIC is dropped and counted).
"""

from __future__ import annotations

import random
from collections import Counter

from bk7238.air import admission, management
from bk7238.air.bss import Bss
from bk7238.air.events import (
    ConfirmMismatched,
    GroupRekeyed,
    HandshakeCompleted,
    HandshakeMessage,
    HandshakeRejected,
    HandshakeTimedOut,
    MicMismatched,
    StepDeauthenticated,
    StepIgnored,
)
from bk7238.air.handshake import CIPHERS, RSN_ELEMENT, WPA_ELEMENT, Asked, GroupKeys, Handshake, WrongElement, WrongMic
from bk7238.air.misbehaviour import GROUP_1, MESSAGE_1, MESSAGE_3, NONE, Misbehaviour
from bk7238.air.sae import Sae, SaeOptions
from bk7238.air.security import Authentication, answered
from bk7238.formats import ieee80211 as dot11
from bk7238.formats import rsn, wpa_keys
from bk7238.formats.bip import IntegrityKey
from bk7238.formats.ccmp import KEY_SIZE, MicError, Replayed
from bk7238.formats.passphrase import check_passphrase, is_key
from bk7238.formats.tkip import IcvError
from bk7238.network.addresses import mac_text
from bk7238.network.events import Events
from bk7238.peripherals.core import Actor, State

ATTEMPTS = 4
FIRST_WAIT, NEXT_WAIT = 100_000, 1_000_000  # microseconds for an answer

HANDSHAKE_TIMEOUT, GROUP_TIMEOUT, DIFFERENT_ELEMENT = 15, 16, 17  # reason codes (IEEE 802.11-2020, 9.4.1)

_NUMBER = {MESSAGE_1: 1, MESSAGE_3: 3}


class Wpa2(Actor):
    """A `Security` for `AccessPoint`. `offered` says with which key management and ciphers stations may come by the RSN
    element, `wpa` by the WPA element; None is none. The group cipher is that of both. `rekey_every` is in seconds; 0
    changes the group key on `rekey` only.

    `counters` counts frames and packets that were dropped, by cause. Raises ValueError for what cannot be.
    """

    passphrase: str = State()
    counters: Counter[str] = State(factory=Counter)
    pmks: list[bytes] = State(factory=list)
    group_keys: list[bytes] = State(factory=list)
    _next_rekey: int | None = State()
    _group: GroupKeys = State()
    _next_group: GroupKeys | None = State()  # given out, and not yet in use
    _psk: bytes = State(b"")
    _asked: dict[bytes, Asked] = State(factory=dict)
    _members: dict[bytes, Handshake] = State(factory=dict)
    _expelled: list[tuple[int, bytes, int]] = State(factory=list)  # time, station, reason

    privacy = True

    def __init__(
        self,
        passphrase: str,
        rng: random.Random,
        *,
        offered: rsn.Rsn | None = rsn.WPA2_PSK,
        wpa: rsn.Rsn | None = None,
        rekey_every: float = 0,
        sae: SaeOptions | None = None,
    ) -> None:
        self._rng, self._sae_options = rng, sae or SaeOptions()
        self._offered = [(kind, one) for kind, one in ((RSN_ELEMENT, offered), (WPA_ELEMENT, wpa)) if one is not None]
        offers = [one for _, one in self._offered]
        if len({one.group for one in offers}) != 1:
            raise ValueError("a protected network needs an RSN or a WPA element, and one group cipher for both")
        self._group_cipher = CIPHERS[offers[0].group]
        self._knows_psk, self._knows_sae = (any(akm in one.management for one in offers) for akm in (rsn.PSK, rsn.SAE))
        self._take(passphrase)
        self._protects_management = any(one.protects_management for one in offers)
        self.elements = b"" if offered is None else dot11.element(dot11.RSN, offered.pack())
        self._sae: Sae | None = None
        if self._knows_sae:
            self.elements += self._sae_options.element
        self._wpa_element = b"" if wpa is None else dot11.element(dot11.VENDOR, wpa.pack_wpa())
        self.elements += self._wpa_element
        self._rekey_every = round(rekey_every * 1e6)
        self._next_rekey = self._rekey_every or None
        self._events, self._misbehaviour = Events(), NONE
        self._group = self._group_keys(1)

    def start(self, bss: Bss, events: Events, misbehaviour: Misbehaviour) -> None:
        """Derive the pre-shared key from passphrase and SSID, and begin with SAE."""
        self._bss, self._events, self._misbehaviour = bss, events, misbehaviour
        self._take_psk()
        if self._knows_sae:
            self._sae = Sae(bss, self._rng, self._wrong_password, self._sae_options)

    @property
    def keys(self) -> list[bytes]:
        """The keys that data frames are protected with now: group keys, and those of the stations."""
        groups = [group.data for group in (self._group, self._next_group) if group is not None]
        sending = [*groups, *(member.sending for member in self._members.values())]
        receiving = [member.receiving for member in self._members.values()]
        return [key.key for key in (*sending, *receiving) if key is not None]

    def restart(self) -> None:
        """Take a new group key, and forget who had a master key."""
        self._group, self._next_group = self._group_keys(1), None
        if self._sae is not None:
            self._sae.forget()

    def change(self, passphrase: str) -> None:
        """Another passphrase, for handshakes that begin from now on. Raises ValueError for an impossible one."""
        self._take(passphrase)
        self._take_psk()
        if self._sae is not None:
            self._sae.forget()

    def _take(self, passphrase: str) -> None:
        """Raises ValueError for a passphrase that this network cannot have."""
        check_passphrase(passphrase)
        if self._knows_sae and is_key(passphrase):
            raise ValueError("SAE needs a passphrase, not a key")
        self.passphrase = passphrase

    def rekey(self, now: int) -> None:
        """Change the group key: the messages go out with the next `poll`."""
        self._next_rekey = now

    # Who belongs

    def authenticate(self, station: bytes, body: bytes, now: int) -> Authentication:
        """Go on with SAE, where this network has it."""
        if self._sae is None or int.from_bytes(body[:2], "little") != management.SAE:
            return answered(body, management.NO_ALGORITHM)
        return self._sae.authenticate(station, self.passphrase, body, now)

    def admit(self, station: bytes, elements: bytes) -> int:
        """Judge the RSN or WPA element that the station asks to join with. Returns the status code."""
        for kind, offered in self._offered:
            element = dot11.find_element(elements, *kind)
            if element is not None:
                return self._judge(station, element, offered, by_wpa=kind == WPA_ELEMENT)
        return admission.INVALID_ELEMENT

    def _judge(self, station: bytes, element: bytes, offered: rsn.Rsn, *, by_wpa: bool) -> int:
        try:
            asked = rsn.parse_wpa(element) if by_wpa else rsn.parse(element)
        except ValueError:
            return admission.INVALID_ELEMENT
        status = admission.judge(asked, offered)
        if status:
            return status
        [akm], [cipher] = asked.management, asked.pairwise
        protects = asked.protects_management and offered.protects_management
        if akm != rsn.SAE:
            self._asked[station] = Asked(element, akm, cipher, self._psk, b"", protects, by_wpa)
            return status
        assert self._sae is not None  # it is offered
        keys = self._sae.master_key(station, asked.pmkids)
        if keys is None:
            return admission.INVALID_PMKID
        if keys.pmk not in self.pmks:
            self.pmks.append(keys.pmk)
        self._asked[station] = Asked(element, akm, cipher, keys.pmk, keys.pmkid, protects)
        return status

    def joined(self, station: bytes, now: int) -> list[bytes]:
        """Begin the handshake. Returns its message 1."""
        member = Handshake(self._bss.bssid, station, self._asked.pop(station), self._random(32))
        self._members[station] = member
        return self._ask(member, MESSAGE_1, now)

    def left(self, station: bytes) -> None:
        """Forget the station's keys, and take a new group key."""
        self._members.pop(station, None)
        self._asked.pop(station, None)
        self._use_next_group()

    # Handshakes

    def receive(self, station: bytes, packet: bytes, now: int) -> list[bytes]:
        """Go on with the station's handshake. Returns the EAPOL packets to send."""
        member = self._members.get(station)
        if member is None:
            return []
        try:
            step = member.answer(packet)
        except WrongMic:
            self._wrong_mic(member, now)
        except WrongElement:
            self._events.publish(HandshakeRejected(now, *self._names(station), MESSAGE_1))
            self._expel(member, DIFFERENT_ELEMENT, now)
        except ValueError:
            self.counters["unexpected EAPOL"] += 1
        else:
            return self._answered(member, step, now)
        return []

    @property
    def deadline(self) -> int | None:
        """When a message is due again, a station to be deauthenticated, or a new group key."""
        first = self._next_rekey
        for member in self._members.values():
            if member.due is not None and (first is None or member.due < first):
                first = member.due
        for time, _, _ in self._expelled:
            if first is None or time < first:
                first = time
        return first

    def poll(self, now: int) -> list[tuple[bytes, bytes | int]]:
        """Repeat messages, give up handshakes, and renew the group key. Returns as in `Security`."""
        out: list[tuple[bytes, bytes | int]] = []
        if self._next_rekey is not None and self._next_rekey <= now:
            self._next_rekey = now + self._rekey_every if self._rekey_every else None
            out += self._start_rekey(now)
        for member in list(self._members.values()):
            if member.due is not None and member.due <= now and member.asked is not None:
                if member.attempts < ATTEMPTS:
                    out += [(member.station, packet) for packet in self._ask(member, member.asked, now)]
                else:
                    self._give_up(member, now)
        expelled, self._expelled = self._expelled, []
        return out + [(station, reason) for _, station, reason in expelled]

    def _ask(self, member: Handshake, step: str, now: int) -> list[bytes]:
        """Send a message, for the first time or once more, if this access point does."""
        group = self._next_group or self._group
        packet = member.ask(step, self._wpa_element if member.by_wpa else self.elements, group)
        member.due = None
        if self._misbehaviour.silent_at == step:
            self._events.publish(StepIgnored(now, *self._names(member.station), step))
            return []
        if self._misbehaviour.deauthenticate_at == step:
            reason = self._misbehaviour.reason
            self._events.publish(StepDeauthenticated(now, *self._names(member.station), step, reason))
            self._expel(member, reason, now)
            return []
        member.due = now + (FIRST_WAIT if member.attempts == 1 else NEXT_WAIT)
        if step in _NUMBER:
            self._events.publish(HandshakeMessage(now, *self._names(member.station), _NUMBER[step]))
        return [packet]

    def _answered(self, member: Handshake, step: str, now: int) -> list[bytes]:
        names = self._names(member.station)
        if step == GROUP_1:
            self._use_next_group()
            return []
        self._events.publish(HandshakeMessage(now, *names, _NUMBER[step] + 1))
        if step == MESSAGE_1:
            return self._ask(member, MESSAGE_3, now)
        self._events.publish(HandshakeCompleted(now, *names))
        if self._sae is not None:
            self._sae.proved(member.station)
        if member.group is not (self._next_group or self._group):
            return self._ask(member, GROUP_1, now)  # the group key has changed since message 3
        self._use_next_group()
        return []

    def _wrong_mic(self, member: Handshake, now: int) -> None:
        self.counters["EAPOL MIC"] += 1
        if member.asked == MESSAGE_1 and not member.wrong_key:
            member.wrong_key = True
            self._events.publish(MicMismatched(now, *self._names(member.station)))

    def _give_up(self, member: Handshake, now: int) -> None:
        assert member.asked is not None
        if not member.wrong_key:
            self._events.publish(HandshakeTimedOut(now, *self._names(member.station), member.asked))
        self._expel(member, GROUP_TIMEOUT if member.asked == GROUP_1 else HANDSHAKE_TIMEOUT, now)

    def _expel(self, member: Handshake, reason: int, now: int) -> None:
        member.due = member.asked = None
        self._expelled.append((now, member.station, reason))

    # The group key

    def _start_rekey(self, now: int) -> list[tuple[bytes, bytes | int]]:
        self._next_group = self._group_keys(3 - self._group.data.key_id)
        out: list[tuple[bytes, bytes | int]] = []
        for member in self._members.values():
            if member.sending is not None:
                member.asked = None  # another group key may not have been answered yet
                out += [(member.station, packet) for packet in self._ask(member, GROUP_1, now)]
        self._events.publish(GroupRekeyed(now, mac_text(self._bss.bssid), self._next_group.data.key_id))
        self._use_next_group()
        return out

    def _use_next_group(self) -> None:
        """Once every station has the new group key, it is used."""
        if self._next_group is not None and not any(m.asked in (MESSAGE_3, GROUP_1) for m in self._members.values()):
            self._group, self._next_group = self._next_group, None

    # Data

    def authorised(self, station: bytes) -> bool:
        """Whether the station's handshake has come so far that it has a pairwise key."""
        member = self._members.get(station)
        return member is not None and member.sending is not None

    def protects_management(self, station: bytes) -> bool:
        """Whether that was agreed on with the station, and it has its keys."""
        member = self._members.get(station)
        return member is not None and member.protects_management and member.sending is not None

    def protect(self, receiver: bytes, frame: bytes) -> bytes:
        """Encrypt a frame with the receiver's pairwise key or the group key, or sign it for a group; a management frame
        where that was agreed on."""
        is_data = _is_data(frame)
        if dot11.is_group(receiver):
            integrity = self._group.management
            return self._group.data.protect(frame) if is_data else integrity.protect(frame) if integrity else frame
        member = self._members.get(receiver)
        if not is_data and not self.protects_management(receiver):
            return frame
        return frame if member is None or member.sending is None else member.sending.protect(frame)

    def unprotect(self, station: bytes, frame: bytes) -> bytes | None:
        """Decrypt a frame of the station's. None where it has no key, or the frame is not accepted."""
        member = self._members.get(station)
        if not _is_data(frame) and not self.protects_management(station):
            return None if frame[1] & dot11.PROTECTED else frame
        if member is None:
            return None
        if not frame[1] & dot11.PROTECTED:
            return frame if member.sending is None else None
        if member.receiving is None:
            self.counters["no key"] += 1
            return None
        try:
            return member.receiving.unprotect(frame)
        except ValueError as error:
            causes = {MicError: "MIC", IcvError: "ICV", Replayed: "replayed"}
            self.counters[causes.get(type(error), "malformed")] += 1
            return None

    def _group_keys(self, key_id: int) -> GroupKeys:
        data = self._group_cipher.sending(self._random(self._group_cipher.key_size), key_id)
        self.group_keys.append(data.key)
        if not self._protects_management:
            return GroupKeys(data)
        return GroupKeys(data, IntegrityKey(self._random(KEY_SIZE), key_id + 3))

    def _take_psk(self) -> None:
        """Derive the pre-shared key, where one is used."""
        if self._knows_psk:
            self._psk = wpa_keys.pmk(self.passphrase, self._bss.ssid)
            self.pmks.append(self._psk)

    def _wrong_password(self, now: int, station: bytes) -> None:
        self.counters["SAE confirm"] += 1
        self._events.publish(ConfirmMismatched(now, *self._names(station)))

    def _names(self, station: bytes) -> tuple[str, str]:
        return mac_text(self._bss.bssid), mac_text(station)

    def _random(self, size: int) -> bytes:
        return self._rng.getrandbits(8 * size).to_bytes(size, "little")


def _is_data(frame: bytes) -> bool:
    return frame[0] >> 2 & 3 == dot11.DATA
