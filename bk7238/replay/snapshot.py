"""A snapshot of a whole machine: CPU, memories, blocks, flash, eFuse, consoles, air and network.

A run that goes on from a restored snapshot is the run that went on from it before, to the instruction. Who listens to
the machine (a recorder) is not part of it and stays connected; the machine's companions go back with it. A snapshot
belongs to the process and the machine that it was taken in. It shares with earlier ones what has not changed.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from typing import Any

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.companion import Companion
from bk7238.engine.unicorn import EngineSnapshot, UnicornEngine
from bk7238.machine import Machine
from bk7238.network.events import Events
from bk7238.network.network import Network
from bk7238.randomness import Randomness

_SECTOR = 0x1000
_SHARED = 0x1000  # bytes from which on an immutable object is shared instead of copied
_LISTENING = {"_observers", "_recorders", "_listeners", "filters", "_outside"}  # the world's: not part of the state


@dataclass(frozen=True)
class Snapshot:
    """`position` is the number of instructions, `time` the virtual microsecond at which it was taken."""

    position: int
    time: int
    engine: EngineSnapshot
    flash: tuple[bytes, ...]
    flash_status: int
    mark: dict[str, Any]
    air: _AirSnapshot | None
    companions: list[tuple[Companion, Any]] = field(default_factory=list)


class Snapshots:
    """Takes and restores snapshots of one machine. Raises TypeError for an engine that has none."""

    def __init__(self, machine: Machine) -> None:
        engine = machine.engine
        if not isinstance(engine, UnicornEngine):
            raise TypeError(f"the engine {engine.name} has no snapshots; use unicorn")
        self.machine, self.engine = machine, engine
        self._sectors: tuple[bytes, ...] = ()
        self._flash = b""

    def take(self) -> Snapshot:
        """The machine as it stands. Not from within a callback of its run."""
        air = self.machine.air
        return Snapshot(
            self.engine.position,
            self.machine.now,
            self.engine.snapshot(),
            self._flash_sectors(),
            self.machine.flash.status,
            self.machine.mark(),
            None if air is None else _AirSnapshot.of(air),
            [(companion, companion.snapshot()) for companion in self.machine.companions],
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot of this machine, any number of times."""
        flash = self.machine.flash
        flash.data[:] = b"".join(snapshot.flash)
        flash.status = snapshot.flash_status
        if snapshot.air is not None:
            snapshot.air.restore()
        self.engine.restore(snapshot.engine)
        self.machine.go_back(snapshot.mark)
        for companion, state in snapshot.companions:
            companion.restore(state)

    def _flash_sectors(self) -> tuple[bytes, ...]:
        data = self.machine.flash.data
        if data != self._flash:
            old, self._flash = self._flash, bytes(data)
            fresh = len(old) != len(data)
            parts = [self._flash[at : at + _SECTOR] for at in range(0, len(data), _SECTOR)]
            if not fresh:
                parts = [was if was == part else part for was, part in zip(self._sectors, parts, strict=True)]
            self._sectors = tuple(parts)
        return self._sectors


@dataclass(frozen=True)
class _AirSnapshot:
    """The medium and all that hangs on it. What others hold (the medium, access points, networks, what they tell and
    draw) keeps its identity and gets its old state; the rest is made again."""

    kept: list[Any]
    states: bytes
    told: list[list[Any]]
    shared: list[Any]
    drawn: list[tuple[Randomness, Any]]

    @staticmethod
    def of(air: Medium) -> _AirSnapshot:
        stream = io.BytesIO()
        pickler = _Pickler(stream)
        pickler.persistent_id(air)
        done = 0
        while done < len(pickler.kept):
            pickler.dump(_state(pickler.kept[done]))
            done += 1
        told = [list(events.recent) for events in pickler.events]
        drawn = [(source, source.getstate()) for source in pickler.sources]
        return _AirSnapshot([*pickler.kept, *pickler.events], stream.getvalue(), told, pickler.shared, drawn)

    def restore(self) -> None:
        unpickler = _Unpickler(io.BytesIO(self.states), self)
        states = [unpickler.load() for _ in range(len(self.kept) - len(self.told))]
        for thing, state in zip(self.kept, states, strict=False):
            vars(thing).update(state)
        for events, recent in zip(self.kept[len(states) :], self.told, strict=True):
            events.recent.clear()
            events.recent.extend(recent)
        for source, state in self.drawn:
            source.setstate(state)


def _state(thing: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(thing).items() if name not in _LISTENING}


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self.kept: list[Any] = []
        self.events: list[Events] = []
        self.shared: list[Any] = []
        self.sources: list[Randomness] = []
        self._numbers: dict[int, tuple[str, int]] = {}

    def persistent_id(self, thing: Any) -> tuple[str, int] | None:
        kind = type(thing)
        if kind is bytes:
            return self._number("shared", self.shared, thing) if len(thing) >= _SHARED else None
        if issubclass(kind, (Medium, AccessPoint, Network)):
            return self._number("kept", self.kept, thing)
        if kind is Events:
            return self._number("events", self.events, thing)
        if kind is Randomness:
            return self._number("sources", self.sources, thing)
        return None

    def _number(self, table: str, things: list[Any], thing: Any) -> tuple[str, int]:
        number = self._numbers.get(id(thing))
        if number is None:
            number = self._numbers[id(thing)] = table, len(things)
            things.append(thing)
        return number


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, air: _AirSnapshot) -> None:
        super().__init__(stream)
        self._air = air

    def persistent_load(self, number: Any) -> Any:
        table, index = number
        air = self._air
        if table == "shared":
            return air.shared[index]
        if table == "sources":
            return air.drawn[index][0]
        return air.kept[index if table == "kept" else len(air.kept) - len(air.told) + index]
