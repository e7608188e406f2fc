"""What the radio has to tell: one small record a happening, as in `bk7238.network.events`.

Stations and BSSIDs are text, an SSID is bytes: 802.11 gives it no encoding.
"""

from __future__ import annotations

from bk7238.network.events import Event


class ProbeSeen(Event):
    """A probe request was on the air; `ssid` is empty where it asks everybody."""

    station: str
    ssid: bytes
    channel: int


class ProbeUnanswered(ProbeSeen):
    """As ProbeSeen, and no access point of that name is on that channel."""


class StationAuthenticated(Event):
    """Open-system authentication succeeded."""

    bssid: str
    station: str


class StationAssociated(Event):
    """The station is a member of the network (and, with a security object, has to prove its key next)."""

    bssid: str
    station: str
    aid: int
    reassociation: bool


class StationRefused(Event):
    """Authentication or association (`step`) was refused with an 802.11 status code."""

    bssid: str
    station: str
    status: int
    step: str = "association"


class StationLeft(Event):
    """The association is over, by the will of `cause`: `station` or `access point`, or by a `move` to another one.

    A device that restarts does not leave: it authenticates again.
    """

    bssid: str
    station: str
    reason: int
    cause: str


class StationUnknown(Event):
    """A frame that needs an association came from a station without one; it was told so with `reason`."""

    bssid: str
    station: str
    reason: int


class HandshakeMessage(Event):
    """Message 1 or 3 of the four goes out to the station, or 2 or 4 came from it and is right."""

    bssid: str
    station: str
    number: int


class HandshakeCompleted(Event):
    """The station has proved its key and has ours: its data may pass from now on."""

    bssid: str
    station: str


class MicMismatched(Event):
    """The MIC of message 2 does not match, for the first time in this handshake: another passphrase."""

    bssid: str
    station: str


class ConfirmMismatched(Event):
    """The station's confirm of SAE was made with another password."""

    bssid: str
    station: str


class HandshakeTimedOut(Event):
    """The station did not answer the message of that step, `message-1`, `message-3` or `group-1`."""

    bssid: str
    station: str
    step: str


class HandshakeRejected(Event):
    """The answer to that step's message was made with the right key, and does not agree with the association."""

    bssid: str
    station: str
    step: str


class GroupRekeyed(Event):
    """A new group key with that id was made, and goes out to the stations."""

    bssid: str
    key_id: int


class StepIgnored(Event):
    """The access point misbehaves: it does not do this step of joining (see `bk7238.air.misbehaviour`)."""

    bssid: str
    station: str
    step: str


class StepDeauthenticated(Event):
    """The access point misbehaves: it deauthenticates the station instead of this step of joining."""

    bssid: str
    station: str
    step: str
    reason: int


class NetworkFound(Event):
    """A scripted station has heard the network that it will join."""

    station: str
    bssid: str
    ssid: bytes
    channel: int


class NetworkJoined(Event):
    """A scripted station is associated with the device's own access point."""

    station: str
    bssid: str
    ssid: bytes
    channel: int
    aid: int


class NetworkLost(Event):
    """A scripted station was thrown out, with a reason code."""

    station: str
    bssid: str
    reason: int
