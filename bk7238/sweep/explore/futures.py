"""What runs have ahead of them after an outage, so that what is the same for several of them is run once.

With the power a device loses all but its flash, the access point forgets it, and the servers give it up while it is
away. All outages of a sweep end at the same virtual time: from there on nothing tells two runs apart but their flash,
and what is remembered of the past and decides nothing (`_PAST`). A run stands there, and at `STANDS` after it, in a
state that is all of CPU, memories, blocks and world; a run that stands as another one stood has that one's future.

They need not agree in what that one overwrote before it read it: lines of the flash, and bytes of RAM. Of the flash,
and of the window in which the CPU sees it, this is noted in each run. Watching RAM is slow, so that this is done where
it would tell: in a run that differs from an earlier one in nothing but that.

A run that differs at first in lines of the flash alone is the other one, with these lines, until one of them is used:
it goes on from the last of STANDS before that. What is not shown to agree is run to its end.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import re
import zlib
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
from bk7238.machine.snapshot import places, set_states, states
from bk7238.peripherals.nor_endings import ERASE, SECTOR
from bk7238.peripherals.nor_flash import LINE, NorFlash
from bk7238.sweep.point import Outcome
from bk7238.update.verdict import Verdict

STANDS = tuple(range(0, 12_500_000, 500_000))  # microseconds after the power is back
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
    "of this host": {"uc", "reg_read", "reg_write", "emu_start", "emu_stop", "mem_read", "pages", "schedule", "window"}
    | {"memories"},
    "of the board": {"sink", "window_at", "window_size"},
    "set anew as a slice begins": {"budget", "target", "until"},  # together the time, which stands beside it
    "counted; what has come since stands beside it": {"skipped", "last_exception"},
    "left of the slice before": {"size", "reason", "exception", "block", "pc", "cpsr", "filled_for"},
    "a debugger's": {"attention", "pass_", "watched", "hit_tick", "hit_old", "hit_rest"}
    | {"hit_address", "hit_size", "hit_kind"},
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


@dataclass(frozen=True)
class Way:
    """From the return of the power to one of STANDS: the lines of the flash that were `used` as they had been, those
    that were `overwritten`, and all that is needed to go on from there but RAM and flash, packed."""

    used: frozenset[int]
    overwritten: frozenset[int]
    rest: bytes


@dataclass
class Future:
    """How a run went on. By the place in `stands`: `overwritten` are the lines of the flash whose first use from there
    on was an erase, `unread` offsets in RAM that were not read before they were written, `read` those that were, `ways`
    what led there."""

    outcome: Outcome
    quotes: tuple[str, ...]
    stands: list[Stand | None] = field(default_factory=list)  # None: it was another run there
    overwritten: list[set[int]] = field(default_factory=list)
    unread: dict[int, set[int]] = field(default_factory=dict)
    read: dict[int, set[int]] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    boot: bytes = b""

    def serves(self, place: int, stand: Stand) -> bool | set[int]:
        """Whether it is that of a run that stands so: where that is not known, the offsets in RAM to look at."""
        mine = self.stands[place] if place < len(self.stands) else None
        if mine is None or mine.decides != stand.decides:
            return False
        if self.outcome.verdict != Verdict.NEW_APP_RUNS.value and mine.told != stand.told:
            return False  # its reason may quote what the other one has not
        if not {at // LINE for at in _differing(mine.flash, stand.flash, LINE)} <= self.overwritten[place]:
            return False
        bytes_ = set(_differing(mine.ram, stand.ram, 1))
        if bytes_ & self.read.get(place, set()):
            return False
        return True if bytes_ <= self.unread.get(place, set()) else bytes_

    def leads(self, stand: Stand) -> int:
        """The last place to which it is the way of a run that begins so, but for the flash; 0 for none."""
        mine = self.stands[0] if self.ways else None
        if mine is None or (mine.decides, mine.told, mine.ram) != (stand.decides, stand.told, stand.ram):
            return 0
        lines = {at // LINE for at in _differing(mine.flash, stand.flash, LINE)}
        return max((place for place, way in enumerate(self.ways) if not lines & way.used), default=0)

    def go(self, machine: Machine, place: int) -> None:
        """Take a machine that stands where `leads` found that to this place."""
        way, begun, there = self.ways[place], self.stands[0], self.stands[place]
        assert begun is not None and there is not None
        flash, chip = bytearray(b"".join(there.flash)), machine.flash
        for at in _differing(begun.flash, tuple(pieces(chip.data)), LINE):
            if at // LINE not in way.overwritten:
                flash[at : at + LINE] = chip.data[at : at + LINE]
        changed = list(_differing(tuple(pieces(chip.data)), tuple(pieces(flash)), SECTOR))
        chip.data[:] = flash
        for at in changed:
            machine.board.flash.refresh(at, SECTOR)
        engine, actors = pickle.loads(zlib.decompress(way.rest))
        ram, memories, at = b"".join(there.ram), [], 0
        for memory in _engine(machine).bus.rest:
            memories.append(ram[at : at + memory.size])
            at += memory.size
        window = _engine(machine).bus.window.pages()
        _engine(machine).restore(dataclasses.replace(engine, window=window, memories=memories))
        own = dict(states(machine))
        set_states(machine, [(name, own[name] if name.startswith(_FAULTS) else data) for name, data in actors])

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
            one and Stand(one.decides, one.told, self._kept(one.flash), self._kept(one.ram)) for one in future.stands
        ]
        self.all.append(future)
        if future.boot:
            self.knows(future.boot, len(self.all) - 1)

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

    def way(self, stand: Stand) -> tuple[int, int]:
        """The number of the future that is the way of a run that begins so, and the last place to which it is that: 0
        where there is none."""
        return max(
            ((number, one.leads(stand)) for number, one in enumerate(self.all)), key=lambda way: way[1], default=(0, 0)
        )

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
    """Notes of a run from the return of the power on what makes its future another one's, and its beginning."""

    def __init__(self, machine: Machine) -> None:
        self.stands: list[Stand | None] = []
        self.overwritten: list[set[int]] = []
        self.unread: dict[int, set[int]] = {}
        self.read: dict[int, set[int]] = {}
        self.ways: list[Way] = []
        self._machine, self._engine = machine, _engine(machine)
        self._used: list[set[int]] = []
        self._programmed: set[int] = set()  # since the power was back, and not overwritten before
        self._watches: dict[int, Watch] = {}  # by offset in RAM
        self._place = -1
        chip = machine.flash
        chip.__class__ = _Noted
        assert isinstance(chip, _Noted)
        chip.sets = self._used
        chip.on_steadiness()
        machine.board.flash.operated.connect(self._operated)
        self._bus_read = self._engine.bus.read
        self._engine.bus.read = self._bus_reads  # type: ignore[method-assign]

    def stand(self, stand: Stand) -> None:
        """The run stands at the next of STANDS."""
        self._look()
        self.stands.append(stand)
        self.overwritten.append(set())
        self._used.append(set())
        if len(self.ways) == len(self.stands) - 1:
            used = self._used[0] - self.overwritten[0] | self._programmed
            engine = dataclasses.replace(self._engine.snapshot(), window=(), memories=[])
            rest = zlib.compress(pickle.dumps((engine, states(self._machine))), 1)
            self.ways.append(Way(frozenset(used), frozenset(self.overwritten[0]), rest))

    def skip(self, places: int) -> None:
        """The run has gone so many of STANDS as another one."""
        self._look()
        self.stands += [None] * places
        for one in (self.overwritten, self._used):
            one += [set() for _ in range(places)]

    def watch(self, place: int, ram: set[int]) -> None:
        """Look from here on at these bytes of RAM, where they are few."""
        if self._place >= 0 or len(ram) > _WATCHED:
            return
        self._place = place
        self.unread[place], self.read[place] = set(ram), set()
        for offset in ram:
            watch = self._watches[offset] = Watch(self._address(offset), 1, True, True)
            self._engine.stops.add_watch(watch)

    def halted(self) -> None:
        """The run has come to an access that is watched."""
        halt, s = self._engine.halt, self._engine.cpu.slice
        if halt is None or halt.watch is None or halt.late:
            return
        if halt.written:
            for offset in [o for o in self._watches if s.hit_address <= self._address(o) < s.hit_address + s.hit_size]:
                self._unwatch(offset)
        else:
            self._reads(s.hit_address - _NEAR, s.hit_size + 2 * _NEAR)

    def end(self) -> None:
        """The run is over."""
        self._look()

    def _operated(self, kind: str, address: int, what: bytes | int) -> None:
        if kind == ERASE:
            assert isinstance(what, int)
            for used, overwritten in zip(self._used, self.overwritten, strict=True):
                lines = set(range(address // LINE, (address + what) // LINE)) - used
                overwritten |= lines
                used |= lines
        else:  # what it leaves depends on what stood there
            assert isinstance(what, bytes)
            self._programs(address, len(what))

    def _programs(self, address: int, length: int) -> None:
        if self.overwritten:
            lines = set(range(address // LINE, -(-(address + length) // LINE)))
            self._programmed |= lines - self.overwritten[0]

    def _look(self) -> None:
        """Note what the CPU may have read of the flash's window, since the last look or before."""
        shown: set[int] = set()
        for page in self._engine.cpu.seen():
            shown |= self._shown(page, SECTOR)
        for used, overwritten in zip(self._used, self.overwritten, strict=True):
            overwritten -= shown  # it is not known what came first
            used |= shown

    def _shown(self, address: int, length: int) -> set[int]:
        """The lines of the flash that show in a part of the window."""
        codec, at = self._machine.chip.codec, address - self._machine.board.flash.window
        first, last = at // codec.data * codec.frame, -(-(at + length) // codec.data) * codec.frame
        return set(range(first // LINE, -(-last // LINE)))

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
        window = self._engine.bus.window
        if window.address < address + length and address < window.address + window.size:
            for used, overwritten in zip(self._used, self.overwritten, strict=True):
                used |= self._shown(address, length) - overwritten
        return self._bus_read(address, length)


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
