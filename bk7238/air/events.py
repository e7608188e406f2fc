"""What the radio has to tell: one small record a happening, as in `bk7238.network.events`.

Stations and BSSIDs are text, an SSID is bytes: 802.11 gives it no encoding.
"""

from __future__ import annotations

from dataclasses import dataclass

from bk7238.network.events import Event


@dataclass(frozen=True)
class ProbeSeen(Event):
    """A probe request was on the air; `ssid` is empty where it asks everybody."""

    station: str
    ssid: bytes
    channel: int


@dataclass(frozen=True)
class ProbeUnanswered(ProbeSeen):
    """As ProbeSeen, and no access point of that name is on that channel."""


@dataclass(frozen=True)
class StationAuthenticated(Event):
    """Open-system authentication succeeded."""

    bssid: str
    station: str


@dataclass(frozen=True)
class StationAssociated(Event):
    """The station is a member of the network (and, with a security object, has to prove its key next)."""

    bssid: str
    station: str
    aid: int
    reassociation: bool


@dataclass(frozen=True)
class StationRefused(Event):
    """Authentication or association was refused with an 802.11 status code."""

    bssid: str
    station: str
    status: int


@dataclass(frozen=True)
class StationLeft(Event):
    """The association is over, by the will of `cause`: `station` or `access point`.

    A device that restarts does not leave: it authenticates again.
    """

    bssid: str
    station: str
    reason: int
    cause: str


@dataclass(frozen=True)
class StationUnknown(Event):
    """A frame that needs an association came from a station without one; it was told so with `reason`."""

    bssid: str
    station: str
    reason: int
