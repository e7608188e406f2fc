"""What an access point remembers of each station, what it sends, in order, and what it keeps for stations that sleep
(IEEE 802.11-2020, 11.2)."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from bk7238.air.bss import Bss
from bk7238.air.management import traffic_indication
from bk7238.air.security import EAPOL, Security
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header
from bk7238.peripherals.core import Actor, State

STATIONS = 32  # authenticated or associated at a time
WAITING = 32  # frames kept for one that sleeps; the oldest goes
KEPT = 10_000_000  # microseconds, or twice the listen interval where that is longer, as Linux does
_GROUP_FRAMES = 64  # kept for the next DTIM


class WaitingFrame(NamedTuple):
    """What waits for a station since a time (microseconds): an Ethernet frame, or the body of an action frame."""

    since: int
    content: bytes
    action: bool = False


@dataclass
class StationEntry:
    """One station. `aid` is 0 until it is associated; while it is `asleep` frames are `waiting`, for `kept_for`
    microseconds at most."""

    address: bytes
    aid: int = 0
    qos: bool = False
    rate: int = 6  # Mb/s, of what is sent to it
    asleep: bool = False
    waiting: deque[WaitingFrame] = field(default_factory=lambda: deque(maxlen=WAITING))
    kept_for: int = KEPT
    heard: dict[int, int] = field(
        default_factory=dict
    )  # the last sequence control, by TID and what else has a counter of its own
    sequence: int = 0  # of the QoS data sent to it

    @property
    def associated(self) -> bool:
        """Whether it has an association ID."""
        return self.aid != 0

    def repeats(self, tid: int, order: int, retry: bool) -> bool:
        """Whether a frame was received before: a retry of the last one, whose acknowledgment was lost."""
        again = retry and self.heard.get(tid) == order
        self.heard[tid] = order
        return again


@dataclass(frozen=True)
class MacFilter:
    """Which MAC addresses may authenticate: none of `deny`, and where there is an `allow`, nobody else."""

    allow: Collection[bytes] | None = None
    deny: Collection[bytes] = ()

    def lets_in(self, address: bytes) -> bool:
        """Whether a station of this MAC address may join."""
        return address not in self.deny and (self.allow is None or address in self.allow)


class Stations(Actor):
    """The stations by address, in the order in which they authenticated."""

    _all: dict[bytes, StationEntry] = State(factory=dict)

    def __iter__(self) -> Iterator[StationEntry]:
        return iter(list(self._all.values()))

    def find(self, address: bytes) -> StationEntry | None:
        """The station of a MAC address, associated or not."""
        return self._all.get(address)

    def member(self, address: bytes) -> StationEntry | None:
        """The station, if it is associated."""
        station = self._all.get(address)
        return station if station is not None and station.aid else None

    def members(self) -> list[StationEntry]:
        """The associated stations."""
        return [station for station in self._all.values() if station.aid]

    def keeping(self) -> list[StationEntry]:
        """The associated stations for which something waits."""
        return [station for station in self._all.values() if station.waiting and station.aid]

    def add(self, address: bytes) -> StationEntry | None:
        """A station that has authenticated; the oldest without an association makes room. None when there is none."""
        self._all.pop(address, None)
        if len(self._all) >= STATIONS:
            idle = next((station for station in self._all.values() if not station.aid), None)
            if idle is None:
                return None
            del self._all[idle.address]
        station = self._all[address] = StationEntry(address)
        return station

    def remove(self, address: bytes) -> None:
        """Forget the station of a MAC address, if it is known."""
        self._all.pop(address, None)

    def free_aid(self) -> int:
        """The lowest association id that is free, from 1. There are always some: the table is smaller."""
        taken = {station.aid for station in self._all.values()}
        return next(aid for aid in range(1, STATIONS + 2) if aid not in taken)


class Outgoing(NamedTuple):
    """A frame to send, and its rate in Mb/s."""

    frame: bytes
    rate: int


class Downlink(Actor):
    """Builds frames from management bodies and Ethernet frames. `since` is when the oldest in the queue came.

    `slow` is the rate of management and group frames in Mb/s.
    """

    since: int | None = State()
    _sequence: int = State()
    _group: deque[bytes] = State(factory=partial(deque, maxlen=_GROUP_FRAMES))
    _queue: list[Outgoing] = State(factory=list)

    def __init__(
        self,
        bss: Bss,
        slow: int,
        stations: Stations,
        security: Security,
        rng: random.Random,
        counters: Counter[str],
    ) -> None:
        self._bss, self._slow = bss, slow
        self._stations, self._security, self._counters = stations, security, counters
        self.restart(rng)

    def restart(self, rng: random.Random) -> None:
        """Number what is sent from somewhere on."""
        self._sequence = rng.getrandbits(12)

    def take(self) -> list[Outgoing]:
        """The queue, which is empty then."""
        queue, self._queue = self._queue, []
        self.since = None
        return queue

    def clear(self) -> None:
        """Forget what is queued and what waits for all."""
        self.take()
        self._group.clear()

    def management(self, subtype: int, receiver: bytes, body: bytes, now: int) -> None:
        """A management frame. An action frame waits for a station that sleeps."""
        station = self._stations.find(receiver) if subtype == dot11.ACTION else None
        if station is not None and station.asleep:
            station.waiting.append(WaitingFrame(now, body, action=True))
        else:
            self._send_management(subtype, receiver, body, now)

    def ethernet(self, frame: bytes, now: int) -> None:
        """An Ethernet frame for one of the stations, or for all; others are not ours."""
        destination = frame[:6]
        members = self._stations.members()
        if not dot11.is_group(destination):
            station = self._stations.member(destination)
            if station is not None:
                self._send_or_keep(station, frame, now)
        elif self._group or any(station.asleep for station in members):
            self._group.append(frame)
        elif members:
            self._send_group(frame, now)

    def eapol(self, address: bytes, packets: list[bytes], now: int) -> None:
        """Packets of the key handshake."""
        for packet in packets:
            self.ethernet(address + self._bss.bssid + EAPOL + packet, now)

    # Stations that sleep

    def indication(self, left: int, dtim: int, now: int) -> bytes:
        """The TIM, `left` beacons before a DTIM, of which there is one every `dtim`: who has something waiting."""
        keeping = self._stations.keeping()
        waiting = tuple([one.aid for one in keeping if self._keeps(one, now)]) if keeping else ()
        return traffic_indication(waiting, bool(self._group), left, dtim)

    def _keeps(self, station: StationEntry, now: int) -> bool:
        """Drop what a station that sleeps has not come for in time; whether there is something left."""
        while station.waiting and now - station.waiting[0].since > station.kept_for:
            station.waiting.popleft()
            self._counters["expired"] += 1
        return bool(station.waiting)

    def release_group(self, now: int) -> None:
        """After a DTIM everyone is awake: send what waited for all."""
        while self._group:
            self._send_group(self._group.popleft(), now, more=bool(self._group))

    def set_sleep(self, station: StationEntry, asleep: bool, now: int) -> None:
        """The station's power-management bit. What waited for it is sent when it wakes up."""
        station.asleep = asleep
        while not asleep and station.waiting:
            self._release(station, now)

    def release_one(self, station: StationEntry, now: int) -> None:
        """The answer to a PS-Poll: one frame that waits, or a null frame to say that there is none."""
        if station.waiting:
            self._release(station, now, poll=True)
        else:
            header = self._header(station.address, self._bss.bssid, self._next_sequence(), subtype=dot11.NULL_BIT)
            self._put(header.pack(), self._slow, now)

    def _release(self, station: StationEntry, now: int, *, poll: bool = False) -> None:
        """Send the first frame that waits; in one that was asked for (`poll`) say whether there are more."""
        _, content, action = station.waiting.popleft()
        more = poll and bool(station.waiting)
        if action:
            self._send_management(dot11.ACTION, station.address, content, now, more=more)
        else:
            self._send(station, content, now, more=more)

    def _send_or_keep(self, station: StationEntry, frame: bytes, now: int) -> None:
        if station.asleep:
            station.waiting.append(WaitingFrame(now, frame))
        else:
            self._send(station, frame, now)

    # Frames

    def _send_management(self, subtype: int, receiver: bytes, body: bytes, now: int, *, more: bool = False) -> None:
        flags, bssid = dot11.MORE_DATA if more else 0, self._bss.bssid
        frame = dot11.pack_management(subtype, receiver, bssid, bssid, self._next_sequence(), flags) + body
        if dot11.is_robust(frame):
            frame = self._security.protect(receiver, frame)
        self._put(frame, self._slow, now)

    def _send_group(self, ethernet: bytes, now: int, *, more: bool = False) -> None:
        header = self._header(ethernet[:6], ethernet[6:12], self._next_sequence(), more=more)
        self._put(self._security.protect(ethernet[:6], header.pack() + dot11.msdu(ethernet)), self._slow, now)

    def _send(self, station: StationEntry, ethernet: bytes, now: int, *, more: bool = False) -> None:
        if ethernet[12:14] != EAPOL and not self._security.authorised(station.address):
            self._counters["not authorised"] += 1
            return
        if station.qos:
            station.sequence = station.sequence + 1 & 0xFFF
            header = self._header(
                station.address, ethernet[6:12], station.sequence, subtype=dot11.QOS_BIT, qos=0, more=more
            )
        else:
            header = self._header(station.address, ethernet[6:12], self._next_sequence(), more=more)
        frame = self._security.protect(station.address, header.pack() + dot11.msdu(ethernet))
        self._put(frame, station.rate, now)

    def _header(
        self,
        receiver: bytes,
        source: bytes,
        sequence: int,
        *,
        subtype: int = 0,
        qos: int | None = None,
        more: bool = False,
    ) -> Header:
        flags = dot11.FROM_DS | (dot11.MORE_DATA if more else 0)
        return Header(dot11.DATA, subtype, flags, 0, receiver, self._bss.bssid, source, sequence, qos=qos)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 & 0xFFF
        return self._sequence

    def _put(self, frame: bytes, rate: int, now: int) -> None:
        if self.since is None:
            self.since = now
        self._queue.append(Outgoing(frame, rate))
