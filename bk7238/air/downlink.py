"""What an access point sends, in order, and what it keeps for stations that sleep (IEEE 802.11-2020, 11.2)."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial

from bk7238.air.management import traffic_indication
from bk7238.air.security import EAPOL, Security
from bk7238.air.stations import StationEntry, Stations
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header
from bk7238.peripherals.core import Actor, State

_GROUP_FRAMES = 64  # kept for the next beacon


@dataclass(frozen=True)
class Outgoing:
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
        bssid: bytes,
        slow: int,
        stations: Stations,
        security: Security,
        rng: random.Random,
        counters: Counter[str],
    ) -> None:
        self._slow = slow
        self._bssid, self._stations, self._security, self._counters = bssid, stations, security, counters
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
        """A management frame."""
        sequence = self._next_sequence()
        header = Header(
            dot11.MANAGEMENT, subtype, addr1=receiver, addr2=self._bssid, addr3=self._bssid, sequence=sequence
        )
        self._put(header.pack() + body, self._slow, now)

    def ethernet(self, frame: bytes, now: int) -> None:
        """An Ethernet frame for one of the stations, or for all; others are not ours."""
        destination = frame[:6]
        members = self._stations.members()
        if not dot11.is_group(destination):
            station = self._stations.member(destination)
            if station is not None:
                self._send_or_keep(station, frame, now)
        elif any(station.asleep for station in members):
            self._group.append(frame)
        elif members:
            self._send_group(frame, now)

    def eapol(self, address: bytes, packets: list[bytes], now: int) -> None:
        """Packets of the key handshake."""
        for packet in packets:
            self.ethernet(address + self._bssid + EAPOL + packet, now)

    # Stations that sleep

    def indication(self) -> bytes:
        """The TIM: who has something waiting."""
        waiting = [station.aid for station in self._stations.members() if station.waiting]
        return traffic_indication(waiting, bool(self._group))

    def release_group(self, now: int) -> None:
        """After a beacon everyone is awake: send what waited for all."""
        while self._group:
            self._send_group(self._group.popleft(), now, more=bool(self._group))

    def set_sleep(self, station: StationEntry, asleep: bool, now: int) -> None:
        """The station's power-management bit. What waited for it is sent when it wakes up."""
        station.asleep = asleep
        while not asleep and station.waiting:
            self._send(station, station.waiting.popleft(), now)

    def release_one(self, station: StationEntry, now: int) -> None:
        """The answer to a PS-Poll: one frame that waits, or a null frame to say that there is none."""
        if station.waiting:
            frame = station.waiting.popleft()
            self._send(station, frame, now, more=bool(station.waiting))
        else:
            header = self._header(station.address, self._bssid, self._next_sequence(), subtype=dot11.NULL_BIT)
            self._put(header.pack(), self._slow, now)

    def _send_or_keep(self, station: StationEntry, frame: bytes, now: int) -> None:
        if station.asleep:
            station.waiting.append(frame)
        else:
            self._send(station, frame, now)

    # Frames

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
        return Header(dot11.DATA, subtype, flags, 0, receiver, self._bssid, source, sequence, qos=qos)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 & 0xFFF
        return self._sequence

    def _put(self, frame: bytes, rate: int, now: int) -> None:
        if self.since is None:
            self.since = now
        self._queue.append(Outgoing(frame, rate))
