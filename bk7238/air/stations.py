"""What an access point remembers of each station."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from bk7238.peripherals.core import Actor, State

STATIONS = 32  # authenticated or associated at a time
WAITING = 32  # frames kept for one that sleeps; the oldest goes


@dataclass
class StationEntry:
    """One station. `aid` is 0 until it is associated; `waiting` holds Ethernet frames while it is `asleep`."""

    address: bytes
    aid: int = 0
    qos: bool = False
    rate: int = 6  # Mb/s, of what is sent to it
    asleep: bool = False
    waiting: deque[bytes] = field(default_factory=lambda: deque(maxlen=WAITING))
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
