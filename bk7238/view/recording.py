"""What was seen of a run: frames, events, flash operations and milestones, in their order.

A run that is gone through once more gives the same once more: what is known already is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from bk7238.bench.bench import Bench
from bk7238.formats import ieee80211 as dot11
from bk7238.network.events import Event
from bk7238.update.alone import Alone
from bk7238.update.session import Update
from bk7238.update.story import Happening

FRAME, EVENT, FLASH, STORY, PHASE = "frame", "event", "flash", "story", "phase"

_MANAGEMENT = {
    dot11.ASSOCIATION_REQUEST: "association",
    dot11.ASSOCIATION_RESPONSE: "association",
    dot11.REASSOCIATION_REQUEST: "association",
    dot11.REASSOCIATION_RESPONSE: "association",
    dot11.PROBE_REQUEST: "probe",
    dot11.PROBE_RESPONSE: "probe",
    dot11.BEACON: "beacon",
    dot11.DISASSOCIATION: "deauthentication",
    dot11.AUTHENTICATION: "authentication",
    dot11.DEAUTHENTICATION: "deauthentication",
}
_EAPOL = dot11.LLC_SNAP + b"\x88\x8e"


def frame_kind(frame: bytes) -> str:
    """The kind of an 802.11 frame, one word for people."""
    if len(frame) < 2:
        return "other"
    group, subtype = frame[0] >> 2 & 3, frame[0] >> 4
    if group == dot11.MANAGEMENT:
        return _MANAGEMENT.get(subtype, "other")
    if group == dot11.CONTROL:
        return "control"
    if subtype & dot11.NULL_BIT:
        return "null"
    return "handshake" if _EAPOL in frame[24:40] else "data"


@dataclass(slots=True)
class Sight:
    """One thing that was seen at a time (microseconds): `what` is plain data, by the kind of sight; of an event its
    name, and what it says or the event itself. `data` are the bytes of a frame, which is `lost` where a fault has kept
    it from arriving, or holds it back."""

    kind: str
    time: int
    what: list[Any] = field(default_factory=list)
    data: bytes = b""
    lost: bool = False

    def as_json(self) -> list[Any]:
        """Plain data: of a frame its kind, whether the device sent it, bytes, channel, RSSI (dBm) and whether it was
        lost; of an event its name and what it says."""
        if self.kind == FRAME:
            from_device, channel, rssi = self.what
            what = [frame_kind(self.data), from_device, len(self.data), channel, rssi, self.lost]
        elif self.kind == EVENT:
            name, event = self.what
            what = [name, event if isinstance(event, dict) else event_fields(event)]
        else:
            what = self.what
        return [self.kind, self.time, *what]


class Recording:
    """The sights of one run. `cursor` is how many of them lie before the moment at which the machine stands."""

    def __init__(self, sights: Iterable[Sight] = ()) -> None:
        self.sights = list(sights)
        self.cursor = len(self.sights)

    def note(self, sight: Sight) -> None:
        """Something was seen."""
        if self.cursor == len(self.sights):
            self.sights.append(sight)
        self.cursor += 1

    def fork(self) -> Recording:
        """What was seen up to here."""
        return Recording(self.sights[: self.cursor])


class Observer:
    """Tells `note` each event, operation of the flash and milestone of one bench, from now on."""

    def __init__(self, note: Callable[[Sight], object]) -> None:
        self._note = note

    def follow(self, bench: Update | Alone | Bench) -> None:
        """Look at a bench that has just been made."""
        bench.air.on_event.connect(self._event)
        bench.machine.board.flash.operations.connect(self._operated)

    def tell(self, happening: Happening) -> None:
        """A milestone of the update; how far a download is stands in the events."""
        if happening.share is None:
            self._note(Sight(STORY, happening.time, [happening.text]))

    def _event(self, event: Event) -> None:
        self._note(Sight(EVENT, event.time, [type(event).__name__, event]))

    def _operated(self, operations: list[tuple[int, str, int, bytes | int]]) -> None:
        for time, kind, address, what in operations:
            self._note(Sight(FLASH, time, [kind, address, what if isinstance(what, int) else len(what)]))


class Onlooker(Observer):
    """Tells frames and phases as well: all that is to be seen."""

    def __init__(self, note: Callable[[Sight], object]) -> None:
        super().__init__(note)
        self._bench: Update | Alone | Bench | None = None

    def follow(self, bench: Update | Alone | Bench) -> None:
        """Look at a bench that has just been made."""
        super().follow(bench)
        self._bench = bench
        bench.air.on_record.connect(self._frame)
        if isinstance(bench, Update):
            bench.story.on_phase.connect(self._phase)
        elif isinstance(bench, Alone):
            bench.on_join.connect(lambda: self._phase("joined"))

    def begin(self) -> None:
        """The device is switched on."""
        self._phase(self._bench.story.phase if isinstance(self._bench, Update) else "joins")

    def _phase(self, name: str) -> None:
        assert self._bench is not None
        self._note(Sight(PHASE, self._bench.machine.now, [name]))

    def _frame(
        self, time: int, frame: bytes, channel: int, from_device: bool, _rate: int | None, rssi: int | None, lost: bool
    ) -> None:
        self._note(Sight(FRAME, time, [from_device, channel, rssi], frame, lost))


def event_fields(event: Event) -> dict[str, Any]:
    """What an event says besides its time, as plain data."""
    found = {one.name: getattr(event, one.name) for one in fields(event) if one.name != "time"}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, (str, int, float, bool)) else str(value)
