"""What runs have ahead of them after an outage, so that what is the same for several of them is run once.

With the power a device loses all but its flash, the access point forgets it, and the servers give it up while it is
away. All outages of a sweep end at the same virtual time: from there on nothing tells two runs apart but their flash,
and what is remembered of the past and decides nothing (`_PAST`). A run stands there, and at `STANDS` after it, in a
state that is all of CPU, memories, blocks and world; a run that stands as another one stood has that one's future.

They need not agree in what that one overwrote before it read it: lines of the flash, and bytes of RAM. Of the flash
this is noted in each run. Watching RAM and the flash's window is slow, so that this is done where it would tell: in a
run that differs from an earlier one in nothing but that. What is not shown to agree is run to its end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from bk7238.engine.slice import Slice
from bk7238.engine.stops import Watch
from bk7238.engine.unicorn import EngineSnapshot, UnicornEngine
from bk7238.formats.plain import Writer
from bk7238.machine import Machine
from bk7238.machine.snapshot import places
from bk7238.peripherals.nor_endings import ERASE, SECTOR
from bk7238.peripherals.nor_flash import LINE, NorFlash
from bk7238.sweep.point import Outcome
from bk7238.update.result import Verdict

STANDS = (0, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000)  # microseconds after the power is back
_WATCHED = 64  # bytes of RAM at most: each has a hook
_NEAR = 64  # bytes that one instruction reaches
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")

_PAST = {  # what is remembered and decides nothing, by the class of the actor
    "Machine": {"flash_operations"},
    "Console": {"output"},
    "DigestJournal": {"_whole", "_rest"},
    "DeadEnd": {"_frames", "_at_reset"},  # what came since then stands beside it
    "Events": {"recent"},
    "Medium": {"sent", "received", "_number"},
    "FlashOperations": {"begun"},  # what is to strike at a later one would be in `_moments`
    "Story": {"phases", "versions", "_began"},
}
_TOLD = {"Story": {"lines", "bootloader_lines", "complaint", "downloaded"}, "Failures": {"newest"}}  # quoted in reasons
SLICE = ("idle_check", "lines", "idle_stack", "stop", "held", "blocks")  # of it what decides,
LEFT = {  # and what does not
    "of this host": {"uc", "reg_read", "reg_write", "emu_start", "emu_stop", "mem_read", "sink", "pages", "schedule"},
    "set anew as a slice begins": {"budget", "target", "until"},  # together the time, which stands beside it
    "counted; what has come since stands beside it": {"skipped", "last_exception"},
    "left of the slice before": {"size", "reason", "exception", "block", "pc", "cpsr", "filled_for"},
    "a debugger's": {"hit_tick", "hit_old", "hit_rest", "hit_address", "hit_size", "hit_kind", "attention", "pass_"},
}
_FAULTS = "machine.actors.update.faults.all."  # the outage, which is over


@dataclass(frozen=True)
class Stand:
    """A run at one of STANDS: `decides` is a digest of what decides how it goes on, RAM and flash excepted, `told` one
    of what a reason may quote. RAM and flash are in pieces of SECTOR bytes."""

    decides: bytes
    told: bytes
    flash: tuple[bytes, ...]
    ram: tuple[bytes, ...]

    @classmethod
    def of(cls, machine: Machine) -> Stand:
        """Where a machine stands, between two blocks of code. What it has to do is numbered anew."""
        engine = _engine(machine)
        engine.clock.renumber()
        snapshot = engine.snapshot()
        decides, told = _digests(machine, snapshot)
        ram = tuple(piece for memory in snapshot.memories for piece in pieces(memory))
        return cls(decides, told, tuple(pieces(machine.flash.data)), ram)

    @property
    def boot(self) -> bytes:
        """A digest of all of it."""
        return hashlib.blake2b(b"".join((self.decides, self.told, *self.flash, *self.ram))).digest()


@dataclass
class Future:
    """How a run went on. By the place in `stands`: `overwritten` are the lines of the flash whose first use from there
    on was an erase, `unread` offsets in RAM that were not read before they were written, `read` those that were. Where
    it is `watched_from` on, the CPU has read nothing of the flash's window that a cut of this sweep can change."""

    outcome: Outcome
    quotes: tuple[str, ...]
    stands: list[Stand] = field(default_factory=list)
    overwritten: list[set[int]] = field(default_factory=list)
    unread: dict[int, set[int]] = field(default_factory=dict)
    read: dict[int, set[int]] = field(default_factory=dict)
    watched_from: int | None = None

    def serves(self, place: int, stand: Stand) -> bool | set[int]:
        """Whether it is that of a run that stands so: where that is not known, the offsets in RAM to look at."""
        mine = self.stands[place] if place < len(self.stands) else None
        if mine is None or mine.decides != stand.decides:
            return False
        if self.outcome.verdict != Verdict.NEW_APP_RUNS.value and mine.told != stand.told:
            return False  # its reason may quote what the other one has not
        lines = {at // LINE for at in _differing(mine.flash, stand.flash, LINE)}
        if not lines <= self.overwritten[place]:
            return False
        bytes_ = set(_differing(mine.ram, stand.ram, 1))
        if bytes_ & self.read.get(place, set()):
            return False
        known = not lines or (self.watched_from is not None and self.watched_from <= place)
        return True if known and bytes_ <= self.unread.get(place, set()) else bytes_

    def of(self, point: str, did: str, quotes: Iterable[str]) -> Outcome:
        """The outcome of a point that has this future."""
        reason = self.outcome.reason
        for mine, other in zip(self.quotes, quotes, strict=True):
            reason = reason.replace(mine, other)
        return replace(
            self.outcome, id=point, reason=reason, did=(did,), digest="", story=(), shared=self.outcome.id, seconds=0.0
        )


class Futures:
    """Those that are known so far."""

    def __init__(self) -> None:
        self.all: list[Future] = []
        self._boots: dict[bytes, int] = {}
        self._pieces: dict[bytes, bytes] = {}

    def add(self, future: Future) -> None:
        """Keep one; what it has in common with others is kept once."""
        future.stands = [
            Stand(one.decides, one.told, self._kept(one.flash), self._kept(one.ram)) for one in future.stands
        ]
        self.all.append(future)
        if future.stands:
            self.knows(future.stands[0].boot, len(self.all) - 1)

    def knows(self, boot: bytes, number: int) -> None:
        """A run that begins so has the future of this number."""
        self._boots[boot] = number

    def find(self, place: int, stand: Stand) -> int | set[int] | None:
        """The number of the future of a run that stands so. Where a look at some of its RAM would tell, offsets there;
        None where there is none."""
        if not place and (known := self._boots.get(stand.boot)) is not None:
            return known
        wanted: set[int] | None = None
        for number, future in enumerate(self.all):
            serves = future.serves(place, stand)
            if serves is True:
                return number
            if serves is not False:
                wanted = (wanted or set()) | serves
        return wanted

    def _kept(self, pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(self._pieces.setdefault(piece, piece) for piece in pieces)


class _Noted(NorFlash):
    """A chip that notes in `sets` which lines are read of it."""

    sets: list[set[int]]

    @property
    def steady(self) -> bool:
        return False  # each read is noted

    def read(self, address: int, length: int) -> bytes:
        lines = range(address // LINE, -(-(address + length) // LINE))
        for used in self.sets:
            used.update(lines)
        return super().read(address, length)


class Recorder:
    """Notes of a run from the return of the power on what makes its future another one's."""

    def __init__(self, machine: Machine, window: Iterable[tuple[int, int]]) -> None:
        """`window` are the ranges of the flash (physical, start and end) in which cuts of this sweep differ."""
        self.stands: list[Stand] = []
        self.overwritten: list[set[int]] = []
        self.unread: dict[int, set[int]] = {}
        self.read: dict[int, set[int]] = {}
        self.watched_from: int | None = None
        self._machine, self._engine = machine, _engine(machine)
        self._window = list(window)
        self._used: list[set[int]] = []
        self._watches: dict[int, Watch] = {}  # by offset in RAM
        self._place = -1
        chip = machine.flash
        chip.__class__ = _Noted
        assert isinstance(chip, _Noted)
        chip.sets = self._used
        chip.on_steadiness()
        machine.board.flash.operated.connect(self._operated)

    def stand(self, stand: Stand) -> None:
        """The run stands at the next of STANDS."""
        self.stands.append(stand)
        self.overwritten.append(set())
        self._used.append(set())

    def watch(self, place: int, ram: set[int]) -> None:
        """Look from here on at the flash's window and at these bytes of RAM, where they are few."""
        if self.watched_from is not None:
            return
        self.watched_from = place
        if len(ram) <= _WATCHED:
            self._place = place
            self.unread[place], self.read[place] = set(ram), set()
            for offset in ram:
                self._watches[offset] = Watch(self._address(offset), 1, True, True)
        controller, codec = self._machine.board.flash, self._machine.chip.codec
        for start, end in self._window:
            first, last = start // codec.frame, -(-end // codec.frame)
            address = controller.window + first * codec.data
            self._engine.stops.add_watch(Watch(address, (last - first) * codec.data, True, False))
        for watch in self._watches.values():
            self._engine.stops.add_watch(watch)
        self._bus_read = self._engine.bus.read
        self._engine.bus.read = self._bus_reads  # type: ignore[method-assign]

    def halted(self) -> None:
        """The run has come to an access that is watched."""
        halt, s = self._engine.halt, self._engine.cpu.slice
        if halt is None or halt.watch is None or halt.late:
            return
        if halt.watch not in self._watches.values():  # the window
            self._forget_window()
        elif halt.written:
            for offset in [o for o in self._watches if s.hit_address <= self._address(o) < s.hit_address + s.hit_size]:
                self._unwatch(offset)
        else:
            self._reads(s.hit_address - _NEAR, s.hit_size + 2 * _NEAR)

    def end(self) -> None:
        """The run is over: none of the flash's lines that was not overwritten is unused, as they are looked at."""
        if self.watched_from is not None and self._fetched():
            self._forget_window()

    def _operated(self, kind: str, address: int, what: bytes | int) -> None:
        if kind != ERASE:
            return  # what it leaves depends on what stood there
        assert isinstance(what, int)
        for used, overwritten in zip(self._used, self.overwritten, strict=True):
            lines = set(range(address // LINE, (address + what) // LINE)) - used
            overwritten |= lines
            used |= lines

    # What is watched

    def _address(self, offset: int) -> int:
        for memory in self._engine.bus.rest:
            if offset < memory.size:
                return memory.address + offset
            offset -= memory.size
        raise AssertionError("beyond the memories")

    def _unwatch(self, offset: int) -> None:
        self._engine.stops.remove_watch(self._watches.pop(offset))

    def _reads(self, address: int, length: int) -> None:
        for offset in [o for o in self._watches if address <= self._address(o) < address + length]:
            self.unread[self._place].discard(offset)
            self.read[self._place].add(offset)
            self._unwatch(offset)

    def _bus_reads(self, address: int, length: int) -> bytes:
        self._reads(address, length)
        return self._bus_read(address, length)

    def _forget_window(self) -> None:
        """The CPU itself reads what cuts differ in: only runs with the same flash have this future."""
        for watch in [one for one in self._engine.stops.watches if one not in self._watches.values()]:
            self._engine.stops.remove_watch(watch)
        self.watched_from = len(STANDS)

    def _fetched(self) -> bool:
        """Whether code was ever fetched from what cuts differ in."""
        codec, window = self._machine.chip.codec, self._machine.board.flash.window
        ranges = [
            (window + start // codec.frame * codec.data, window + -(-end // codec.frame) * codec.data)
            for start, end in self._window
        ]
        return any(
            start < page + SECTOR and page < end for page in self._engine.cpu.code_pages for start, end in ranges
        )


def _engine(machine: Machine) -> UnicornEngine:
    assert isinstance(machine.engine, UnicornEngine)
    return machine.engine


def pieces(data: Any) -> Iterator[bytes]:
    """Data in pieces of SECTOR bytes."""
    for at in range(0, len(data), SECTOR):
        yield bytes(data[at : at + SECTOR])


def _differing(some: tuple[bytes, ...], other: tuple[bytes, ...], step: int) -> Iterator[int]:
    """Where pieces differ: the offsets of groups of `step` bytes."""
    for number, (one, two) in enumerate(zip(some, other, strict=True)):
        if one is not two and one != two:
            for at in range(0, len(one), step):
                if one[at : at + step] != two[at : at + step]:
                    yield number * SECTOR + at


def _digests(machine: Machine, snapshot: EngineSnapshot) -> tuple[bytes, bytes]:
    """Of what decides how a machine goes on, RAM and flash excepted, and of what a reason may quote."""
    actors = dict(places(machine))
    names = {id(actor): place for place, actor in actors.items()}
    writer = Writer(lambda value: names.get(id(value)))
    decides: list[Any] = [_engine(machine).clock.ticks]
    told = [repr(machine.dead_end.signs)]
    decides.append(_HEXADECIMAL.sub("0", told[0]))
    for place, actor in actors.items():
        if place.startswith(_FAULTS):
            continue
        kind = type(actor).__name__
        past, quoted = _PAST.get(kind, set()), _TOLD.get(kind, set())
        for name, value in actor.snapshot().items():
            if name in quoted:
                told.append(repr(writer.data(value)))
                decides.append(_HEXADECIMAL.sub("0", told[-1]))
            elif name not in past:
                decides.append([place, name, writer.data(value)])
    s = Slice.from_buffer_copy(snapshot.cpu.slice)
    decides += [snapshot.cpu.context, *(bytes(s.blocks) if name == "blocks" else getattr(s, name) for name in SLICE)]
    storm, position, progress = snapshot.storm, machine.instructions, machine.dead_end.progress()
    since = [position - at if at else 0 for at in storm.counts[2:]]  # instructions
    raging = [storm.raging, storm.places, storm.counts[:2], since, storm.progress == progress]
    aborts = [(record.time, record.text) for record in snapshot.log[0] if record.source == "cpu"]
    more = [snapshot.board, snapshot.clock, raging, snapshot.aborted_at, aborts, snapshot.stand, snapshot.state]
    decides.append(writer.data(more))
    return _digest(decides), _digest(told)


def _digest(data: Any) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(data)).digest()
