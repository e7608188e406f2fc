"""The air that the device shares with access points and scripted stations: who hears whom, and when.

One exchange of a channel follows the other: a frame and, where it is for one station, its ACK (formats/airtime.py).
Whoever wants to send waits for the end of the last exchange and then as 802.11's DCF does, with the mean of the random
wait. Between two frames of an access point the device has its turn, where it wants one: its MAC asks with `claim` and
hands over its frame with `transmit` when that has ended. Collisions and the ACK frames themselves are not simulated;
whoever is in the air hears the device only.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from bk7238.air.access_point import AccessPoint
from bk7238.air.events import ProbeSeen, ProbeUnanswered
from bk7238.air.station import Station
from bk7238.air.stations import Outgoing
from bk7238.formats import airtime
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.airtime import Rate
from bk7238.machine.radio import Reception
from bk7238.network.addresses import mac_text
from bk7238.network.events import Events
from bk7238.network.link import Link
from bk7238.peripherals.core import Actor, Signal, State, Tap

_JOINING = (dot11.ASSOCIATION_REQUEST << 4, dot11.REASSOCIATION_REQUEST << 4)  # frame control


class Injector(NamedTuple):
    """Somebody who sends what he likes on a channel, and whom the device hears at `rssi` dBm."""

    channel: int
    rssi: int


Sender = AccessPoint | Station | Injector


class _Waiting(NamedTuple):
    """A frame that somebody has had ready since a time (microseconds)."""

    since: int
    sender: Sender
    outgoing: Outgoing


class Medium(Actor):
    """All access points on all channels.

    `on_frame` is told every frame in the air, in the order of time: when, its bytes, its channel, and whether the
    device sent it. `frames` is the tap for frames on their way, which those have seen: its stages get the frame, and
    the time, the channel and whether the device sent it. `on_record` is told the rate (in 500 kb/s; 0x80 + MCS for HT)
    and the RSSI (dBm) as well, None where they are not known, and whether nothing of the frame came out of the tap.
    `on_event` is told each event of the air and of the networks behind it, `on_change` that something has to be done
    sooner than `deadline` had said.
    """

    sent: int = State(0)  # frames from the device
    received: int = State(0)  # frames on their way to it that have ended
    _busy: dict[int, int] = State(factory=dict)  # by channel: when the last exchange ends, to its ACK
    _claimed: dict[int, int] = State(factory=dict)  # by channel: when the device's own exchange was to begin
    _waiting: dict[int, deque[_Waiting]] = State(factory=dict)  # by channel, in order
    _flying: list[Reception] = State(factory=list)
    _landed: list[Reception] = State(factory=list)
    _number: int = State(0)

    def __init__(self, access_points: Iterable[AccessPoint] = ()) -> None:
        self.access_points: list[AccessPoint] = []
        self.stations: list[Station] = []
        self.events = Events()  # of the air and its access points, not of the networks
        self.frames = Tap()
        self.on_frame, self.on_record, self.on_event, self.on_change = Signal(), Signal(), Signal(), Signal()
        self.events.on_event.connect(self.on_event)
        self._networks: list[Link] = []
        self._others: list[Link | Station] = []  # who have deadlines, besides access points
        for access_point in access_points:
            self.add(access_point)

    def add(self, access_point: AccessPoint) -> None:
        """Put an access point on the air."""
        self.access_points.append(access_point)
        access_point.events.on_event.connect(self.events.publish)
        access_point.on_change.connect(self.on_change)
        network = access_point.network
        if not any(network is other for other in self._networks):
            self._networks.append(network)
            self._others.append(network)
            network.events.on_event.connect(self.on_event)
            network.on_change.connect(self.on_change)
        self.on_change()

    def add_station(self, station: Station) -> None:
        """Put a scripted station on the air: one for the device's own access point."""
        self.stations.append(station)
        self._others.append(station)
        station.events.on_event.connect(self.events.publish)
        self.on_change()

    def inject(self, frame: bytes, sender: Injector, now: int, rate: int = 1) -> None:
        """Send a frame at `rate` Mb/s once the channel is free. The device alone hears it."""
        self._launch(sender, [Outgoing(frame, rate)], now)
        self.on_change()

    # The device's side

    def claim(self, channel: int, duration: int, now: int) -> int:
        """In how many microseconds the channel is the device's, for `duration` microseconds from then on.

        A duration of 0 gives back what was claimed last.
        """
        self._advance(now)
        busy = self._busy.get(channel, 0)
        if duration:
            start = max(busy, now)
            self._claimed[channel], self._busy[channel] = start, start + duration
            return start - now
        self._busy[channel] = min(busy, max(now, self._claimed.get(channel, 0)))
        return 0

    def transmit(self, frame: bytes, channel: int, now: int, rate: int | None = None, *, short: bool = False) -> bool:
        """A frame from the device ends at `now`; `rate` is as for recorders, and 1 Mb/s where it is not known, `short`
        a short preamble.

        True where nobody need acknowledge it, or an access point or a station does.
        """
        modulation = airtime.SLOWEST if rate is None else Rate.of_half_megabits(rate)._replace(long_preamble=not short)
        began = now - airtime.frame_time(modulation, len(frame) + dot11.FCS)
        self._advance(began)
        self._busy[channel] = max(self._busy.get(channel, 0), began + airtime.exchange_time(modulation, frame))
        self._advance(now)
        self.sent += 1
        arriving = self._cross(now, frame, channel, True, rate, None)
        acknowledged = [self._hear(heard, channel, now) for heard in arriving]
        return any(acknowledged) or dot11.is_group_addressed(frame)

    def _hear(self, frame: bytes, channel: int, now: int) -> bool:
        """Hand a frame of the device to all on its channel; whether one of them acknowledges it."""
        hearing = [ap for ap in self.access_points if ap.online and ap.channel == channel]
        self._note_probe(frame, channel, hearing, now)
        for access_point in hearing:
            access_point.receive(frame, now)
            self._note_move(frame, access_point, now)
            self._launch(access_point, access_point.poll(now), now)
        receiver = frame[4:10]
        listening = [station for station in self.stations if station.online and station.channel == channel]
        for station in listening:
            station.receive(frame, now)
            self._launch(station, station.poll(now), now)
        return any(ap.bssid == receiver for ap in hearing) or any(one.address == receiver for one in listening)

    def poll(self, now: int) -> list[Reception]:
        """The frames that have reached the device at or before `now`, in order."""
        self._advance(now)
        landed, self._landed = self._landed, []
        return landed

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do that others see: a frame that lands, a timer of the network."""
        if self._landed:
            return self._landed[0].time
        first = self._next_work(audible=True)
        if self._flying and (first is None or self._flying[0].time < first):
            first = self._flying[0].time
        if self._waiting:
            begins, _ = self._next_beginning()
            first = begins if first is None or begins < first else first
        return first

    def occupy(self, channel: int, duration: int, now: int) -> None:
        """Somebody else has a channel, for `duration` microseconds from now on or from when it is free."""
        self._advance(now)
        self._busy[channel] = max(self._busy.get(channel, 0), now) + duration

    def device_restarts(self, now: int) -> None:
        """The device was without power: it claims nothing, and of exchanges that are over nothing is known."""
        self._claimed.clear()
        self._busy = {channel: end for channel, end in self._busy.items() if end > now}

    # Time

    def _next_beginning(self) -> tuple[int, int]:
        """When the next of the frames that wait, of which there are some, may contend for its channel, and that
        channel."""
        first = None
        for channel, frames in self._waiting.items():
            begins = max(self._busy.get(channel, 0), frames[0].since), channel
            if first is None or begins < first:
                first = begins
        assert first is not None
        return first

    def _next_work(self, *, audible: bool = False) -> int | None:
        """When the next access point, network or station has something to do, or with `audible` something that may be
        heard."""
        first = None
        for one in self._others:
            time = one.deadline
            if time is not None and (first is None or time < first):
                first = time
        for access_point in self.access_points:
            time = access_point.audible if audible else access_point.deadline
            if time is not None and (first is None or time < first):
                first = time
        return first

    def _advance(self, now: int) -> None:
        """Do all that was due at or before `now`, each at its own time: how often we are asked changes nothing."""
        work = self._next_work()
        while True:
            lands = self._flying[0].time if self._flying else None
            first = lands if work is None or (lands is not None and lands < work) else work
            if self._waiting:
                begins, channel = self._next_beginning()
                if first is None or begins < first:
                    if begins > now:
                        return
                    self._begin(channel, begins)
                    continue  # nobody has heard of it
            if first is None or first > now:
                return
            if first == lands:
                self._land(heapq.heappop(self._flying))
            else:
                self._work(first)
            work = self._next_work()

    def _work(self, now: int) -> None:
        for network in self._networks:
            if network.deadline is not None and network.deadline <= now:
                for ethernet in network.poll(now):
                    for access_point in self.access_points:
                        if access_point.network is network and access_point.online:
                            access_point.send(ethernet, now)
        for access_point in self.access_points:
            self._launch(access_point, access_point.poll(now), now)
        for station in self.stations:
            if station.deadline is not None and station.deadline <= now:
                self._launch(station, station.poll(now), now)

    def _launch(self, sender: Sender, frames: list[Outgoing], now: int) -> None:
        for outgoing in frames:
            self._waiting.setdefault(sender.channel, deque()).append(_Waiting(now, sender, outgoing))

    def _begin(self, channel: int, now: int) -> None:
        """The first frame that waits for a channel that is free gets it, unless its sender has been switched off."""
        waiting = self._waiting[channel]
        _, sender, (frame, megabits) = waiting.popleft()
        if not waiting:
            del self._waiting[channel]
        start, rate = now + airtime.ACCESS, Rate.of_megabits(megabits)
        if isinstance(sender, AccessPoint):
            if not sender.online:
                return
            frame = dot11.with_timestamp(frame, sender.tsf(start))
        end = start + airtime.frame_time(rate, len(frame) + dot11.FCS)
        self._busy[channel] = end if dot11.is_group_addressed(frame) else end + airtime.answer_time(rate)
        self._number += 1
        heapq.heappush(self._flying, Reception(end, self._number, frame, channel, sender.rssi, megabits))

    def _land(self, reception: Reception) -> None:
        self.received += 1
        time, _, sent, channel, rssi, rate = reception
        for frame in self._cross(time, sent, channel, False, 2 * rate, rssi):
            self._landed.append(reception if frame is sent else reception._replace(frame=frame))

    def _cross(
        self, now: int, frame: bytes, channel: int, from_device: bool, rate: int | None, rssi: int | None
    ) -> list[bytes]:
        """Tell of a frame, and what arrives of it."""
        self.on_frame(now, frame, channel, from_device)
        arriving = self.frames.passed(frame, now, channel, from_device)
        if self.on_record.heard:
            self.on_record(now, frame, channel, from_device, rate, rssi, not arriving)
        return arriving

    def _note_move(self, frame: bytes, access_point: AccessPoint, now: int) -> None:
        """A station that joins one access point has left the others of the same network, which hear so by wire."""
        joins = len(frame) >= 24 and frame[0] in _JOINING and frame[4:10] == access_point.bssid
        if not joins or access_point.stations.member(frame[10:16]) is None:
            return
        for other in self.access_points:
            if other is not access_point and other.network is access_point.network:
                other.moved(frame[10:16], now)

    def _note_probe(self, frame: bytes, channel: int, hearing: list[AccessPoint], now: int) -> None:
        if len(frame) < 24 or frame[0] != dot11.PROBE_REQUEST << 4:
            return
        ssid = dot11.find_element(frame[24:], dot11.SSID)
        if ssid is not None:
            kind = ProbeSeen if any(access_point.answers(ssid) for access_point in hearing) else ProbeUnanswered
            self.events.publish(kind(now, mac_text(frame[10:16]), ssid, channel))
