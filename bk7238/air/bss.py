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

    def answers(self, ssid: bytes) -> bool:
        """Whether a probe request for `ssid` is answered; the empty one asks everybody."""
        return ssid == self.ssid or (not ssid and not self.hidden)

    @property
    def capabilities(self) -> int:
        """Capability information."""
        slot = 0 if self.radio_mode.b_only else management.SHORT_SLOT
        return management.ESS | slot | (management.PRIVACY if self.security.privacy else 0)

    def next_beacon(self, now: int) -> int:
        """The first target beacon time after `now`: multiples of the interval, as the TSF is `now` itself."""
        step = self.interval * TIME_UNIT
        return (now // step + 1) * step

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
        elements = (
            element(dot11.SSID, ssid)
            + self.radio_mode.front()
            + element(dot11.DS_PARAMETER, bytes((self.channel,)))
            + indication
            + self.radio_mode.middle()
            + self.security.elements
            + self.radio_mode.last(self.channel)
        )
        return management.beacon(now, self.interval, self.capabilities, elements)
