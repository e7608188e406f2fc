"""What an access point says of its radio: rates, 802.11n, WMM, the country that it is in, and when all listen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bk7238.air import management
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element

G_RATES = (24, 18, 12, 9, 6)  # Mb/s at which a station is sent its data, the best that it knows
B_RATES = (11, 2, 1)
B_CHANNEL = 14  # where 802.11b alone is allowed


@dataclass(frozen=True)
class RadioMode:
    """`ht` is 802.11n, `n_only` 802.11n that refuses stations without it, and `ht40` 802.11n that announces channels of
    40 MHz. `b_only` leaves the rates of 802.11b alone. `wmm` is WMM where there is no 802.11n, which has it always.
    `country` is a code of two letters, `dtim` every how many beacons there is one after which group frames are sent.
    Raises ValueError for what cannot be or excludes each other."""

    ht: bool = False
    b_only: bool = False
    n_only: bool = False
    ht40: bool = False
    wmm: bool = False
    country: str | None = None
    dtim: int = 1

    def __post_init__(self) -> None:
        if self.b_only and self.has_ht:
            raise ValueError("an access point with 802.11b's rates only has no 802.11n")
        if self.country is not None and not re.fullmatch("[A-Z]{2}", self.country):
            raise ValueError(f"a country is a code of two capital letters such as DE, not {self.country!r}")
        if not 1 <= self.dtim <= 0xFF:
            raise ValueError(f"a DTIM comes every 1 to 255 beacons, not every {self.dtim}")

    @property
    def has_ht(self) -> bool:
        """Whether it offers 802.11n."""
        return self.ht or self.n_only or self.ht40

    @property
    def has_wmm(self) -> bool:
        """Whether it offers WMM."""
        return self.wmm or self.has_ht

    @property
    def rates(self) -> tuple[int, ...]:
        """Rates for data in Mb/s, the best first; the last is for management and group frames."""
        return B_RATES if self.b_only else G_RATES

    def check(self, channel: int) -> None:
        """Raises ValueError for a channel that it cannot be on."""
        if channel == B_CHANNEL and not self.b_only:
            raise ValueError(f"channel {channel} is for 802.11b's rates alone (b_only)")

    def front(self) -> bytes:
        """The elements that stand behind the SSID in beacons and probe responses."""
        return element(dot11.RATES, management.B_RATES if self.b_only else management.RATES)

    def middle(self) -> bytes:
        """Those behind channel and TIM."""
        country = b"" if self.country is None else management.country(self.country)
        if self.b_only:
            return country
        return country + element(dot11.ERP, b"\0") + management.extended_rates(self.n_only)

    def associated(self) -> bytes:
        """The first elements of an association response."""
        return self.front() + (b"" if self.b_only else management.extended_rates(self.n_only))

    def last(self, channel: int) -> bytes:
        """The last elements, of 802.11n and WMM."""
        ht = management.high_throughput(channel, self.ht40) if self.has_ht else b""
        return ht + (management.wmm() if self.has_wmm else b"")
