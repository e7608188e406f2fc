"""What an access point is called and what it offers: the part that beacons and responses repeat."""

from __future__ import annotations

from bk7238.air import management
from bk7238.air.radio_mode import RadioMode
from bk7238.air.security import Security
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element
from bk7238.peripherals.core import Actor, State

TIME_UNIT = 1024  # microseconds


class Bss(Actor):
    """One basic service set. `interval` is the beacon interval in time units of 1,024 microseconds."""

    channel: int = State()
    bssid: bytes = State()
    since: int = State(0)  # virtual microseconds at which the TSF was 0
    leaves_for: tuple[int, int] | None = State()  # the channel it moves to, and after how many beacons

    def __init__(
        self,
        ssid: bytes,
        bssid: bytes,
        channel: int,
        interval: int,
        radio_mode: RadioMode,
        hidden: bool,
        security: Security,
    ) -> None:
        if not 0 < len(ssid) <= 32:
            raise ValueError(f"an SSID has 1 to 32 bytes, not {len(ssid)}")
        if not 0 < interval < 0x10000:
            raise ValueError(f"a beacon interval has 1 to 65535 time units, not {interval}")
        radio_mode.check(channel)
        self.ssid, self.bssid, self.channel, self.interval = ssid, bssid, channel, interval
        self.radio_mode, self.hidden, self.security = radio_mode, hidden, security
        self._made_of: tuple[object, ...] = ()
        self._elements = b""  # those of a beacon are mostly those of the one before
        self.shortest = len(self.beacon(0, management.traffic_indication((), False)))  # bytes of a beacon's body

    def answers(self, ssid: bytes) -> bool:
        """Whether a probe request for `ssid` is answered; the empty one asks everybody."""
        return ssid == self.ssid or (not ssid and not self.hidden)

    @property
    def capabilities(self) -> int:
        """Capability information."""
        slot = 0 if self.radio_mode.b_only else management.SHORT_SLOT
        return management.ESS | slot | (management.PRIVACY if self.security.privacy else 0)

    def next_beacon(self, now: int) -> int:
        """The first target beacon time after `now`: multiples of the interval on the TSF."""
        step = self.interval * TIME_UNIT
        return self.since + ((now - self.since) // step + 1) * step

    def to_dtim(self, now: int) -> int:
        """How many beacons come before the next DTIM, 0 in one: the first beacon of the TSF is one."""
        return -((now - self.since) // (self.interval * TIME_UNIT)) % self.radio_mode.dtim

    def move(self, channel: int) -> None:
        """Be on another channel."""
        self.channel, self.leaves_for = channel, None

    def count_down(self) -> None:
        """A beacon comes: a switch that was announced is one nearer, or due."""
        if self.leaves_for is None:
            return
        channel, left = self.leaves_for
        if left:
            self.leaves_for = channel, left - 1
        else:
            self.move(channel)

    def beacon(self, now: int, indication: bytes) -> bytes:
        """A beacon's body, with the TIM."""
        return self._advertisement(b"" if self.hidden else self.ssid, indication, now)

    def probe_response(self, now: int) -> bytes:
        """A probe response's body."""
        return self._advertisement(self.ssid, b"", now)

    def association_response(self, status: int, aid: int, more: bytes = b"") -> bytes:
        """The body of an association or reassociation response, with `more` elements."""
        elements = self.radio_mode.associated() + more + self.radio_mode.last(self.channel)
        return management.association(self.capabilities, status, aid, elements)

    def _advertisement(self, ssid: bytes, indication: bytes, now: int) -> bytes:
        made_of = ssid, self.channel, indication, self.leaves_for, self.security.elements
        if made_of != self._made_of:
            self._made_of, self._elements = made_of, self._made(*made_of)
        return management.beacon(now, self.interval, self.capabilities, self._elements)

    def _made(
        self, ssid: bytes, channel: int, indication: bytes, leaves_for: tuple[int, int] | None, protection: bytes
    ) -> bytes:
        """The elements."""
        mode = self.radio_mode
        return (
            element(dot11.SSID, ssid)
            + mode.front()
            + element(dot11.DS_PARAMETER, bytes((channel,)))
            + indication
            + _announcement(leaves_for)
            + mode.middle()
            + protection
            + mode.last(channel)
        )


def _announcement(leaves_for: tuple[int, int] | None) -> bytes:
    """The channel switch that lies ahead, where one does: until then stations may send."""
    return b"" if leaves_for is None else element(dot11.CHANNEL_SWITCH, bytes((0, *leaves_for)))
