"""Faults of the radio: the access point, and what happens to frames on their way."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from bk7238.air import events, management
from bk7238.air.medium import Injector
from bk7238.air.wpa2 import Wpa2
from bk7238.faults.arguments import Argument, number, one_of, seconds, share
from bk7238.faults.fault import Fault
from bk7238.faults.targets import Targets
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header
from bk7238.formats.passphrase import is_key
from bk7238.network.addresses import mac_text
from bk7238.peripherals.core import Alarm, State, on_alarm

_MANAGEMENT = {
    "beacon": dot11.BEACON,
    "probe-request": dot11.PROBE_REQUEST,
    "probe-response": dot11.PROBE_RESPONSE,
    "authentication": dot11.AUTHENTICATION,
    "association-request": dot11.ASSOCIATION_REQUEST,
    "association-response": dot11.ASSOCIATION_RESPONSE,
}
_LEFT = 2  # reason code: the authentication is no longer valid
_KINDS = ("any", "data", "management", *_MANAGEMENT)


def is_kind(frame: bytes, kind: str) -> bool:
    """Whether a frame is what a fault is about."""
    if not frame:
        return False
    group, subtype = frame[0] >> 2 & 3, frame[0] >> 4
    if kind == "any":
        return True
    if kind == "data":
        return group == dot11.DATA and not subtype & dot11.NULL_BIT
    if kind == "management":
        return group == dot11.MANAGEMENT
    return group == dot11.MANAGEMENT and subtype == _MANAGEMENT[kind]


class Lasting(Fault):
    """A fault that lasts: from its moment on, for a while or for ever."""

    duration = Argument(seconds, default=None, doc="how long it lasts; to the end of the run where it is left out")

    def lasts(self, now: int) -> bool:
        """Whether it is under way."""
        return self.struck_at is not None and (self.ends is None or now < self.ends)


class ApGone(Fault):
    """The access point loses its power; where it comes back, all stations are strangers to it."""

    NAME, SECTION = "ap-gone", "Radio"
    FIRES = "the access point fell silent, and again when it came back"
    SWEPT = ("", "15s")
    duration = Argument(seconds, default=None, doc="until it is back; for ever where it is left out")
    back = Alarm()
    _gone: bool = State(False)

    def strike(self, targets: Targets) -> None:
        self._gone = True
        targets.access_point.switch_off()
        self.record("access point", "switched off")
        if self.duration is not None:
            self.back.start(self.duration)

    @on_alarm(back)
    def _back(self) -> None:
        targets, self._gone = self.targets, False
        assert targets is not None
        if any(isinstance(other, ApGone) and other._gone for other in targets.faults):
            return
        targets.access_point.switch_on(targets.machine.now, forget=True)
        self.record("access point", "switched on")


class BeaconsLost(Lasting):
    """No beacon reaches the device; everything else does."""

    NAME, SECTION = "beacons-lost", "Radio"
    FIRES = "a beacon was lost"

    def arm(self, targets: Targets) -> None:
        super().arm(targets)
        targets.air.frames.insert(self._filter)

    def _filter(self, frame: bytes, now: int, channel: int, from_device: bool) -> bytes | None:
        if from_device or not self.lasts(now) or not is_kind(frame, "beacon"):
            return frame
        self.record("air", f"beacon on channel {channel} lost")
        return None


class OfFrames(Lasting):
    """A fault of some frames: chosen by kind, direction and a rate."""

    rate = Argument(share, default=0.1, doc="of these frames, chosen by the seed")
    frames = Argument(one_of(*_KINDS), default="any", doc="which of them")
    direction = Argument(one_of("both", "to-device", "from-device"), default="both", doc="which way")
    VERB = ""

    def arm(self, targets: Targets) -> None:
        super().arm(targets)
        targets.machine.begins_anew(self.rng)
        self.rng.begin(targets.machine.resets)
        targets.air.frames.insert(self._filter)

    def _filter(self, frame: bytes, now: int, channel: int, from_device: bool) -> bytes | list[bytes] | None:
        way = "from-device" if from_device else "to-device"
        if not self.lasts(now) or self.direction not in ("both", way) or not is_kind(frame, self.frames):
            return self.passes(frame, from_device)
        if (self.rate < 1 and self.rng.random() >= self.rate) or not self.changes(frame, from_device):
            return self.passes(frame, from_device)
        self.record("air", f"{self.VERB}: {len(frame)} bytes {way.replace('-', ' ')} on channel {channel}")
        return self.change(frame, from_device)

    def passes(self, frame: bytes, _from_device: bool) -> bytes | list[bytes] | None:
        """One that the fault leaves alone."""
        return frame

    def changes(self, _frame: bytes, _from_device: bool) -> bool:
        """Whether there is something that it can do to this frame."""
        return True

    @abstractmethod
    def change(self, frame: bytes, from_device: bool) -> bytes | list[bytes] | None:
        """What the fault makes of the frame: another, several, or None where it is lost."""


class FrameLoss(OfFrames):
    """Frames are lost. One from the device is not acknowledged, so that it sends it again."""

    NAME, SECTION, VERB = "frame-loss", "Radio", "lost"
    FIRES = "a frame was lost"
    SWEPT = ("", "100%,data")

    def change(self, _frame: bytes, _from_device: bool) -> None:
        return None


class FrameDuplicate(OfFrames):
    """Frames arrive twice, without the retry bit that would let the receiver tell."""

    NAME, SECTION, VERB = "frame-duplicate", "Radio", "twice"
    FIRES = "a frame arrived twice"

    def change(self, frame: bytes, _from_device: bool) -> list[bytes]:
        return [frame, frame]


class FrameReorder(OfFrames):
    """A frame is overtaken by the next one of its direction."""

    NAME, SECTION, VERB = "frame-reorder", "Radio", "held back behind the next"
    FIRES = "a frame was held back"

    _held: dict[bool, list[bytes]] = State(factory=lambda: {True: [], False: []})

    def passes(self, frame: bytes, from_device: bool) -> list[bytes]:
        held, self._held[from_device] = self._held[from_device], []
        return [frame, *held]

    def changes(self, _frame: bytes, from_device: bool) -> bool:
        return not self._held[from_device]

    def change(self, frame: bytes, from_device: bool) -> None:
        self._held[from_device] = [frame]


class FrameCorrupt(OfFrames):
    """A bit behind the header flips and the frame's check sequence does not tell: what is above has to notice."""

    NAME, SECTION, VERB = "frame-corrupt", "Radio", "a bit flipped"
    FIRES = "a bit of a frame flipped"

    @staticmethod
    def _behind(frame: bytes) -> int:
        """Where the header is over; of data frames that of CCMP, too."""
        return 24 if frame[0] >> 2 & 3 == dot11.MANAGEMENT else 32

    def changes(self, frame: bytes, _from_device: bool) -> bool:
        return len(frame) > self._behind(frame)

    def change(self, frame: bytes, _from_device: bool) -> bytes:
        changed = bytearray(frame)
        changed[self.rng.randrange(self._behind(frame), len(frame))] ^= 1 << self.rng.randrange(8)
        return bytes(changed)


class Deauthenticate(Fault):
    """The access point throws the device out."""

    NAME, SECTION = "deauthenticate", "Radio"
    PASSING = True
    FIRES = "a station was told that it is out"
    reason = Argument(number, default=1, doc="reason code of IEEE 802.11")

    def check(self) -> None:
        if not 0 <= self.reason <= 0xFFFF:
            self.refuse("reason goes from 0 to 65535")

    def strike(self, targets: Targets) -> None:
        for station in targets.access_point.stations:
            self.record("access point", f"deauthenticated {station.address.hex(':')} with reason {self.reason}")
            targets.access_point.deauthenticate(station.address, self.reason, targets.machine.now)


class ForgedDeauthenticate(Deauthenticate):
    """Somebody throws the device out in the name of the access point, with a frame in the clear.

    A device that has agreed on protected management frames (802.11w) ignores it. Any other loses its association, of
    which the access point knows nothing. What the device does next tells which.
    """

    NAME = "forged-deauthenticate"
    FIRES = "a frame was forged, and again when the device has shown whether it heeds it"
    to = Argument(one_of("station", "everybody"), default="station", doc="whom the frame is addressed to")
    _SETTLED = 1_000_000  # microseconds within which what was on its way has been sent
    _awaited: dict[bytes, int] = State(factory=dict)  # when it was forged, by the station that was a member

    def arm(self, targets: Targets) -> None:
        super().arm(targets)
        targets.air.on_frame.connect(self._watch)

    def strike(self, targets: Targets) -> None:
        access_point, now = targets.access_point, targets.machine.now
        members = [station.address for station in access_point.stations.members()]
        self._awaited |= dict.fromkeys(members, now)
        attacker = Injector(access_point.channel, access_point.rssi)
        for to in members if self.to == "station" else [dot11.BROADCAST][: len(members)]:
            header = Header(
                dot11.MANAGEMENT,
                dot11.DEAUTHENTICATION,
                addr1=to,
                addr2=access_point.bssid,
                addr3=access_point.bssid,
                sequence=self.rng.getrandbits(12),
            )
            self.record("air", f"deauthenticated {mac_text(to)} in the access point's name, reason {self.reason}")
            targets.air.inject(header.pack() + management.reason(self.reason), attacker, now)

    def _watch(self, now: int, frame: bytes, _channel: int, from_device: bool) -> None:
        """Look for the first frame that needs an association, or a new one."""
        since = self._awaited.get(frame[10:16]) if from_device else None
        if since is None:
            return
        begins_anew = is_kind(frame, "authentication")
        if not begins_anew and (now - since < self._SETTLED or frame[0] >> 2 & 3 != dot11.DATA):
            return
        del self._awaited[frame[10:16]]
        effect = "loses its association, and begins anew" if begins_anew else "ignores it, and keeps its association"
        self.record(mac_text(frame[10:16]), effect)


class WrongKey(Fault):
    """The access point has another passphrase than the device was told. Needs a protected network.

    Later than the power-on it is changed: who is there is thrown out.
    """

    NAME, SECTION = "wrong-key", "Radio"
    FIRES = "the access point saw a key that is not its own"

    def arm(self, targets: Targets) -> None:
        if not isinstance(targets.access_point.security, Wpa2):
            self.refuse("the network is open; give it a passphrase")
        self._first = targets.access_point.security.passphrase  # before any fault
        targets.air.on_event.connect(self._event)
        super().arm(targets)

    def strike(self, targets: Targets) -> None:
        access_point = targets.access_point
        assert isinstance(access_point.security, Wpa2)
        now = access_point.security.passphrase
        letters = "012" if is_key(now) else "xyz"
        last = next(letter for letter in letters if letter not in (self._first[-1], now[-1]))
        access_point.security.change(now[:-1] + last)
        for station in access_point.stations:
            access_point.deauthenticate(station.address, _LEFT, targets.machine.now)

    def _event(self, event: Any) -> None:
        if self.struck_at is None:
            return
        if isinstance(event, events.MicMismatched):
            self.record("access point", "the MIC of message 2 of the key handshake is wrong")
        elif isinstance(event, events.ConfirmMismatched):
            self.record("access point", "the confirm of SAE is wrong")


class Rssi(Fault):
    """The device hears the access point louder or fainter."""

    NAME, SECTION = "rssi", "Radio"
    FIRES = "the level changed"
    SWEPT = ("-85",)
    dbm = Argument(number, doc="level in dBm, such as -90")

    def check(self) -> None:
        if not -127 <= self.dbm <= 0:
            self.refuse("dbm goes from -127 to 0")

    def strike(self, targets: Targets) -> None:
        before, targets.access_point.rssi = targets.access_point.rssi, self.dbm
        if before != self.dbm:
            self.record("access point", f"{before} dBm became {self.dbm} dBm")


KINDS = (
    ApGone,
    BeaconsLost,
    FrameLoss,
    FrameDuplicate,
    FrameReorder,
    FrameCorrupt,
    Deauthenticate,
    ForgedDeauthenticate,
    WrongKey,
    Rssi,
)
