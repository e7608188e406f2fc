"""The air that the device shares with the access points: who hears whom, and when.

Frames of one channel follow each other: each takes 100 microseconds and its bytes at its rate, so nothing is answered
in the same instant. What the device sends reaches the access points when `transmit` is called: its own air time is
the MAC model's. Collisions and acknowledgment frames are not simulated.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bk7238.air.access_point import AccessPoint
from bk7238.air.downlink import Outgoing
from bk7238.air.events import ProbeSeen, ProbeUnanswered
from bk7238.formats import ieee80211 as dot11
from bk7238.network.addresses import mac_text
from bk7238.network.events import Events, Listener
from bk7238.network.network import Network

OVERHEAD = 100  # microseconds of a frame that are not its bytes: waiting for the medium, preamble, acknowledgment

FrameObserver = Callable[[int, bytes, int, bool], None]
"""Called with the time, the frame, the channel and whether the device sent it."""

FrameFilter = Callable[[int, bytes, int, bool], "bytes | None"]
"""Called as an observer is; returns the frame as it is received, or None where it is lost."""


@dataclass(frozen=True, order=True)
class Reception:
    """A frame that reaches the device: when (microseconds), on which channel, how loud (dBm), at which Mb/s."""

    time: int
    number: int  # keeps frames of the same microsecond in order
    frame: bytes
    channel: int
    rssi: int
    rate: int


class Medium:
    """All access points on all channels. `filters` may lose or damage frames on the way; observers see them before."""

    def __init__(self, access_points: Iterable[AccessPoint] = ()) -> None:
        self.access_points: list[AccessPoint] = []
        self.events = Events()  # of the air and its access points, not of the networks
        self.filters: list[FrameFilter] = []
        self.sent = 0  # frames from the device
        self.received = 0  # frames on their way to it that have ended
        self._networks: list[Network] = []
        self._observers: list[FrameObserver] = []
        self._listeners: list[Listener] = []
        self._busy: dict[int, int] = {}  # until when, by channel
        self._flying: list[Reception] = []
        self._landed: list[Reception] = []
        self._number = 0
        for access_point in access_points:
            self.add(access_point)

    def add(self, access_point: AccessPoint) -> None:
        """Put an access point on the air."""
        self.access_points.append(access_point)
        access_point.events.forward(self.events)
        network = access_point.network
        if not any(network is other for other in self._networks):
            self._networks.append(network)
            for listener in self._listeners:
                network.events.subscribe(listener)

    def on_frame(self, observer: FrameObserver) -> None:
        """Call `observer` with every frame in the air, in the order of time."""
        self._observers.append(observer)

    def on_event(self, listener: Listener) -> None:
        """Call `listener` with each event of the air and of the networks behind it."""
        self._listeners.append(listener)
        self.events.subscribe(listener)
        for network in self._networks:
            network.events.subscribe(listener)

    def __getstate__(self) -> dict:
        """A copy or a pickle has no observers, listeners or filters: they belong to whoever made the run."""
        return {**self.__dict__, "_observers": [], "_listeners": [], "filters": []}

    # The device's side

    def transmit(self, frame: bytes, channel: int, now: int) -> bool:
        """A frame from the device ends at `now`. True where nobody need acknowledge it, or an access point does."""
        self._advance(now)
        self.sent += 1
        self._busy[channel] = max(self._busy.get(channel, 0), now)
        self._observe(now, frame, channel, True)
        arrived = self._filter(now, frame, channel, True)
        if arrived is None:
            return _is_group_addressed(frame)
        hearing = [ap for ap in self.access_points if ap.online and ap.channel == channel]
        self._note_probe(arrived, channel, hearing, now)
        for access_point in hearing:
            access_point.receive(arrived, now)
            self._launch(access_point, access_point.poll(now), now)
        receiver = arrived[4:10]
        return _is_group_addressed(arrived) or any(ap.bssid == receiver for ap in hearing)

    def poll(self, now: int) -> list[Reception]:
        """The frames that have reached the device at or before `now`, in order."""
        self._advance(now)
        landed, self._landed = self._landed, []
        return landed

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do: a frame that lands, a beacon, a timer of the network."""
        if self._landed:
            return self._landed[0].time
        work = self._next_work()
        if self._flying and (work is None or self._flying[0].time <= work):
            return self._flying[0].time
        return work

    # Time

    def _next_work(self) -> int | None:
        """When the next access point or network has something to do."""
        times = [access_point.deadline for access_point in self.access_points]
        times += [network.deadline for network in self._networks]
        return min((time for time in times if time is not None), default=None)

    def _advance(self, now: int) -> None:
        """Do all that was due at or before `now`, each at its own time: how often we are asked changes nothing."""
        while True:
            work = self._next_work()
            if self._flying and self._flying[0].time <= now and (work is None or self._flying[0].time <= work):
                self._land(heapq.heappop(self._flying))
            elif work is not None and work <= now:
                self._work(work)
            else:
                return

    def _work(self, now: int) -> None:
        for network in self._networks:
            if network.deadline is not None and network.deadline <= now:
                for ethernet in network.poll(now):
                    for access_point in self.access_points:
                        if access_point.network is network and access_point.online:
                            access_point.send(ethernet, now)
        for access_point in self.access_points:
            self._launch(access_point, access_point.poll(now), now)

    def _launch(self, access_point: AccessPoint, frames: list[Outgoing], now: int) -> None:
        channel = access_point.channel
        for outgoing in frames:
            start = max(self._busy.get(channel, 0), now)
            end = start + OVERHEAD + -(-8 * len(outgoing.frame) // outgoing.rate)
            self._busy[channel] = end
            self._number += 1
            reception = Reception(end, self._number, outgoing.frame, channel, access_point.rssi, outgoing.rate)
            heapq.heappush(self._flying, reception)

    def _land(self, reception: Reception) -> None:
        self.received += 1
        self._observe(reception.time, reception.frame, reception.channel, False)
        frame = self._filter(reception.time, reception.frame, reception.channel, False)
        if frame is not None:
            if frame is not reception.frame:
                reception = Reception(
                    reception.time, reception.number, frame, reception.channel, reception.rssi, reception.rate
                )
            self._landed.append(reception)

    def _observe(self, now: int, frame: bytes, channel: int, from_device: bool) -> None:
        for observer in self._observers:
            observer(now, frame, channel, from_device)

    def _filter(self, now: int, frame: bytes, channel: int, from_device: bool) -> bytes | None:
        for change in self.filters:
            changed = change(now, frame, channel, from_device)
            if changed is None:
                return None
            frame = changed
        return frame

    def _note_probe(self, frame: bytes, channel: int, hearing: list[AccessPoint], now: int) -> None:
        if len(frame) < 24 or frame[0] != dot11.PROBE_REQUEST << 4:
            return
        ssid = dot11.find_element(frame[24:], dot11.SSID)
        if ssid is not None:
            kind = ProbeSeen if any(access_point.answers(ssid) for access_point in hearing) else ProbeUnanswered
            self.events.publish(kind(now, mac_text(frame[10:16]), ssid, channel))


def _is_group_addressed(frame: bytes) -> bool:
    return len(frame) >= 10 and dot11.is_group(frame[4:10])
