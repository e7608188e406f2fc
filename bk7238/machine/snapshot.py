"""A snapshot of a machine and of all that acts on it and around it, as data.

A run that goes on from a restored snapshot is the run that went on from it before, to the instruction: in this process
or, from the bytes of `pack`, in another one with a machine that was put together alike. What is in it is what is
declared: the blocks' state, and that of the actors that are found from the machine on. Who only listens is not in it
and stays connected. Snapshots share with earlier ones what has not changed. No pickle: formats/plain.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bk7238.engine.unicorn import EngineSnapshot, UnicornEngine
from bk7238.formats.plain import Data, Reader, Writer
from bk7238.machine.machine import Machine
from bk7238.peripherals.core import Actor

_SECTOR = 0x1000


class SnapshotError(ValueError):
    """A run that cannot be saved, or a snapshot that is not of this machine; the message is one line."""


@dataclass(frozen=True)
class Snapshot:
    """`position` is the number of instructions, `time` the virtual microsecond at which it was taken. `actors` are the
    declared states by the places of their actors."""

    position: int
    time: int
    engine: EngineSnapshot
    flash: tuple[bytes, ...]
    actors: list[tuple[str, Data]]

    def pack(self) -> Data:
        """All of it as plain data."""
        return Writer(lambda _value: None).data(self)

    @staticmethod
    def unpack(data: Data) -> Snapshot:
        """What `pack` gave. Raises ValueError for anything else."""
        snapshot = Reader(_nowhere).value(data)
        if not isinstance(snapshot, Snapshot):
            raise SnapshotError("this is no snapshot of a machine")
        return snapshot


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
        """The machine as it stands. Not from within a callback of its run. Raises SnapshotError for a run that is
        connected to the host."""
        if self.machine.outside:
            raise SnapshotError(f"a run that is connected to the host ({self.machine.outside}) cannot be saved")
        return Snapshot(
            self.engine.position,
            self.machine.now,
            self.engine.snapshot(),
            self._flash_sectors(),
            states(self.machine),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot of this machine or of one that was put together alike, any number of times. Raises
        SnapshotError for that of another machine."""
        actors = _same_places(self.machine, snapshot.actors)
        flash = self.machine.flash
        flash.data[:] = b"".join(snapshot.flash)
        self.engine.restore(snapshot.engine)
        _restore(actors, snapshot.actors)

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


def states(root: Actor) -> list[tuple[str, Data]]:
    """The declared states of `root` and of all actors that are found from it on, by their places. Raises SnapshotError
    for what cannot be data."""
    actors = dict(places(root))
    names = {id(actor): place for place, actor in actors.items()}
    writer = Writer(lambda value: names.get(id(value)))
    return [(place, _written(writer, place, actor)) for place, actor in actors.items()]


def set_states(root: Actor, states: list[tuple[str, Data]]) -> None:
    """Give `root`, and all actors that are found from it on, the states that those of another one had that was put
    together alike. Raises SnapshotError where it was not."""
    _restore(_same_places(root, states), states)


def places(root: Actor) -> Iterator[tuple[str, Actor]]:
    """All actors, each once and by its place: what leads to it from `root` on, through that of which others are put
    together. What is declared as state leads nowhere: it comes and goes."""
    seen = {id(root)}
    waiting = [(type(root).__name__.lower(), root)]
    for place, actor in waiting:
        yield place, actor
        for name, value in vars(actor).items():
            if name in actor._states or name in actor._handlers:
                continue
            for part, found in _parts(f"{place}.{name}", value):
                if isinstance(found, Actor) and id(found) not in seen:
                    seen.add(id(found))
                    waiting.append((part, found))


def _parts(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"{place}.{key}", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"{place}.{index}", item) for index, item in enumerate(value))
    else:
        yield place, value


def _written(writer: Writer, place: str, actor: Actor) -> Data:
    try:
        return [[name, writer.data(value)] for name, value in actor.snapshot().items()]
    except TypeError as error:
        raise SnapshotError(f"{place}: {error}") from None


def _same_places(root: Actor, states: list[tuple[str, Data]]) -> dict[str, Actor]:
    actors = dict(places(root))
    differs = sorted({place for place, _ in states} ^ actors.keys())
    if differs:
        raise SnapshotError(f"the snapshot is of a machine that was put together otherwise: {differs[0]}")
    return actors


def _restore(actors: dict[str, Actor], states: list[tuple[str, Data]]) -> None:
    reader = Reader(actors.__getitem__)
    for place, data in states:
        old = actors[place].snapshot()
        actors[place].restore({name: reader.value(value, old.get(name)) for name, value in data})


def _nowhere(place: str) -> Any:
    raise SnapshotError(f"the snapshot names {place} where nothing can be")
