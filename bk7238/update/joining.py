"""Why a device does not join: what the access point saw, in words for the verdict."""

from __future__ import annotations

from bk7238.air import events as air
from bk7238.formats import ieee80211 as dot11
from bk7238.network.events import Event
from bk7238.peripherals.core import Actor, State

_ONE_LOOK = 5_000_000  # microseconds: a device scans once or twice before it tries to join
NOT_TRIED = (
    "the device finds the network and does not try to join it: "
    "what it was told does not suit what the access point offers"
)
_SILENCE = {
    "authentication": "does not answer the device's authentication",
    "association": "does not answer the device's association request",
    "message-1": "does not send message 1 of the key handshake",
    "message-3": "does not answer message 2 of the key handshake with message 3",
    "group-1": "does not send a new group key",
}
_STEPS = {
    "authentication": "authentication",
    "association": "association",
    "message-1": "message 1 of the key handshake",
    "message-3": "message 3 of the key handshake",
    "group-1": "message 1 of the group key handshake",
}


class Joining(Actor):
    """Follows one device on its way into a network."""

    _message: int = State(0)  # of the key handshake, the last that was seen
    _found: int | None = State()  # when an attempt first found the network, and nothing has followed yet
    _tried: bool = State(False)  # it has sent an authentication

    def forget(self) -> None:
        """The device has not begun to join."""
        self._message, self._found, self._tried = 0, None, False

    def hear(self, _time: int, frame: bytes, _channel: int, from_device: bool) -> None:
        """A frame was in the air, whether or not it arrived."""
        if from_device and frame[0] == dot11.AUTHENTICATION << 4:
            self._tried = True

    def failure(self, event: Event) -> str | None:
        """One line for an event that keeps the device from joining, None for all others."""
        if isinstance(event, air.ProbeSeen):
            return self._scanned(event)
        if isinstance(event, (air.StationAuthenticated, air.StationRefused, air.StepIgnored, air.StepDeauthenticated)):
            self._found = None
        if isinstance(event, (air.StationAssociated, air.HandshakeCompleted)):
            self._message = 0
        elif isinstance(event, air.HandshakeMessage):
            self._message = event.number
        elif isinstance(event, air.StationLeft) and event.cause != "move":
            where = f" in the key handshake, after message {self._message}," if self._message else ""
            who = "device" if event.cause == "station" else event.cause
            return f"the {who} ended the association{where} with reason {event.reason}"
        return _failure(event)

    def _scanned(self, event: air.ProbeSeen) -> str | None:
        """A scan that finds the network and leads to nothing but scans is a failure."""
        if isinstance(event, air.ProbeUnanswered) or not event.ssid:
            return None
        if self._found is not None and event.time - self._found < _ONE_LOOK:
            return None
        before, self._found = self._found, event.time
        if before is None:
            return None
        if self._tried:
            return "the device begins to join and comes to no end with it: frames are lost, or it does not go on"
        return NOT_TRIED


def _failure(event: Event) -> str | None:
    if isinstance(event, air.MicMismatched):
        return (
            "the MIC of message 2 of the key handshake is wrong: "
            "the device's passphrase is not the one of the access point"
        )
    if isinstance(event, air.ConfirmMismatched):
        return "the confirm of SAE is wrong: the device's password is not the one of the access point"
    if isinstance(event, air.HandshakeTimedOut):
        return f"the device does not answer {_STEPS[event.step]}"
    if isinstance(event, air.HandshakeRejected):
        return "message 2 of the key handshake has another RSN element than the device's association request"
    if isinstance(event, air.StepIgnored):
        return f"the access point {_SILENCE[event.step]}"
    if isinstance(event, air.StepDeauthenticated):
        return f"the access point deauthenticates the device at {_STEPS[event.step]}, reason {event.reason}"
    if isinstance(event, air.StationRefused):
        return f"the access point refused the device's {event.step} with status {event.status}"
    return None
