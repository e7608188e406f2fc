"""What a boot loader makes of states of the flash, once for all that are alike to it.

Two states are alike where they agree in everything that the boot loader reads before it erases it, and in all that it
leaves alone: it then does the same, and the flash becomes the same. So a recovery, which is one run from a state until
it meets the undisturbed installation or ends, is that of every state that agrees with its own in these places
(`depends`). What lies beyond is overwritten unread, whatever stood there.

With more cuts to come states are alike where all that may follow is: where they agree in what the recovery depends on,
and in what each recovery depends on that a cut in it leads to, but for what it has erased by then. A cut around an
operation that touches none of this leads to what the boot loader makes of the state before it, and needs no look at the
flash.

All reads are noted: those through the flash controller by the chip, those of the CPU's window by a watch on it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Generic, NamedTuple, TypeVar

from bk7238.engine.stops import Watch
from bk7238.engine.unicorn import UnicornEngine
from bk7238.peripherals.nor_endings import ERASE, SHAPES, STATUS, UNSTABLE, WEAK, Operation
from bk7238.peripherals.nor_flash import LINE, NorFlash
from bk7238.sweep.explore.trunk import MODES, Follower, Trunk, ranges, union
from bk7238.sweep.point import Job

Range = tuple[int, int]
Path = tuple[tuple[int, str], ...]
"""Cuts one after the other: the operation, counted from the cut before (from 1), and the way to cut."""
Chance = Callable[[int, int, str], Random]
"""The source of chance of a cut, by its place among the cuts of a run (the first is 0), its operation, counted from the
power-on, and the way to cut."""
T = TypeVar("T")
_MOST = 4096  # lines that are read by way of the window before it is taken to depend on all


@dataclass(frozen=True, eq=False)
class Recovery:
    """How a boot loader goes on. `depends` are the ranges of the flash (physical) whose content decides that,
    `operations` what it does until it meets the undisturbed run behind its operation number `met`, or where it never
    does, until an app runs."""

    depends: tuple[Range, ...]
    operations: tuple[Operation, ...]
    met: int | None
    verdict: str
    reason: str

    @cached_property
    def name(self) -> str:
        """What tells it from other ones."""
        return hashlib.blake2b(repr(self).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, eq=False)
class Outlook:
    """What may follow a state if the power goes up to so many times more.

    `tally` is how many states there are, this one among them, from which the boot loader goes on in each way;
    `examples` are cuts that lead to one of them; `behind` is how many cuts more are in what a recovery has in common
    with the undisturbed run. All of it is decided by the content of `depends`, and where it is `drawn`, by chance.
    """

    depends: tuple[Range, ...]
    tally: Counter[Recovery]
    examples: dict[Recovery, Path]
    behind: int
    drawn: bool


class Cut(NamedTuple):
    """A cut around an operation (from 1) of a recovery, in any of these ways, and what may follow it. `looked` is
    whether what it leaves matters for that, `erased` are the places that had been erased by then."""

    number: int
    ways: tuple[str, ...]
    outlook: Outlook
    looked: bool
    erased: tuple[Range, ...]


class Recoveries:
    """Those that are known so far, for the installation that `trunk` is of, and what may follow them where the power is
    cut in these `ways`, by `chance` where that has a part in it."""

    def __init__(self, job: Job, trunk: Trunk, ways: tuple[str, ...], chance: Chance) -> None:
        self._job, self._trunk, self._ways, self._chance = job, trunk, ways, chance
        self._changed = tuple(ranges(trunk.operations))
        self._known = _Known[Recovery]()
        self._outlooks: dict[int, _Known[Outlook]] = {}
        self.runs = 0

    def of(self, chip: NorFlash) -> Recovery:
        """That of a chip that differs from the undisturbed one in nothing but what the installation changes."""
        found = self._known.of(chip)
        if found is None:
            self.runs += 1
            found = _Run(self._job, self._trunk, chip, self._changed).recovery()
            self._known.keep(chip, found.depends, found)
        return found

    def outlook(self, chip: NorFlash, more: int, place: int, operation: int) -> Outlook:
        """What may follow the state of a chip with up to so many cuts `more`. Behind it are the cuts before `place`,
        the last one of which was around this operation, counted from the power-on."""
        recovery = self.of(chip)
        if not more:
            return Outlook(recovery.depends, Counter([recovery]), {recovery: ()}, 0, drawn=False)
        known = self._outlooks.setdefault(more, _Known())
        found = known.of(chip)
        if found is None:
            found = self._explored(chip, recovery, more, place, operation)
            if not found.drawn:
                known.keep(chip, found.depends, found)
        return found

    def cuts(self, chip: NorFlash, more: int, place: int, operation: int) -> Iterator[Cut]:
        """Every cut in the recovery of a chip, of which `more` are to come, this one included.

        Behind the place where a recovery meets the undisturbed run its states are those of fewer cuts.
        """
        state, erased = chip.copy(), tuple[Range, ...]()
        here: Outlook | None = None  # of the state as it is
        for number, one in enumerate(self.of(chip).operations, 1):
            fitting = [how for how in self._ways if one.kind in SHAPES[how].of]
            at = operation + number
            here = here or self.outlook(state, more - 1, place + 1, at)
            touches = _overlap(one.around, here.depends)
            looked = fitting
            if not touches:  # two ways change what unstable bits read as, wherever these are
                looked = [how for how in fitting if how in (UNSTABLE, WEAK) and _unstable(state, here.depends)]
            alike = tuple(how for how in fitting if how not in looked)
            if alike:
                yield Cut(number, alike, here, False, erased)
            for how in looked:
                left = state.copy()
                left.perform(one, how, self._chance(place, at, how))
                yield Cut(number, (how,), self.outlook(left, more - 1, place + 1, at), True, erased)
            state.perform(one)
            if touches:
                here = None
            if one.kind == ERASE:
                erased = tuple(union([*erased, (one.address, one.address + one.length)]))

    def _explored(self, chip: NorFlash, recovery: Recovery, more: int, place: int, operation: int) -> Outlook:
        tally, examples = Counter([recovery]), {recovery: Path()}
        behind, drawn, depends = self._behind(recovery), False, list(recovery.depends)
        numbers: Counter[Outlook] = Counter()
        for cut in self.cuts(chip, more, place, operation):
            around = recovery.operations[cut.number - 1].around
            if cut.looked or cut.outlook not in numbers:
                more_places = [(around.start, around.stop)] if cut.looked else []  # of which it leaves something
                depends += _without((*cut.outlook.depends, *more_places), cut.erased)
                for way, path in cut.outlook.examples.items():
                    examples.setdefault(way, ((cut.number, cut.ways[0]), *path))
            drawn = drawn or (cut.looked and cut.ways[0] not in MODES)
            numbers[cut.outlook] += len(cut.ways)
        for outlook, number in numbers.items():
            drawn = drawn or outlook.drawn
            behind += number * outlook.behind
            for way, states in outlook.tally.items():
                tally[way] += number * states
        return Outlook(tuple(union(depends)), tally, examples, behind, drawn)

    def _behind(self, recovery: Recovery) -> int:
        """Cuts in what is left of the undisturbed installation behind the place where it is met."""
        left = self._trunk.operations[recovery.met :] if recovery.met is not None else ()
        return sum(one.kind in SHAPES[how].of for one in left for how in self._ways)


class _Known(Generic[T]):
    """What is known of chips, by the content of the places that it depends on."""

    def __init__(self) -> None:
        self._all: dict[tuple[Range, ...], dict[bytes, T]] = {}

    def of(self, chip: NorFlash) -> T | None:
        """What is known of this one."""
        for depends, known in self._all.items():
            found = known.get(_content(chip, depends))
            if found is not None:
                return found
        return None

    def keep(self, chip: NorFlash, depends: tuple[Range, ...], what: T) -> None:
        """Know it of this chip, and of all that have the same in these places."""
        self._all.setdefault(depends, {})[_content(chip, depends)] = what


def _without(places: Iterable[Range], erased: tuple[Range, ...]) -> Iterator[Range]:
    """These places, but for what was erased (ranges in their order that do not touch)."""
    for start, end in places:
        for first, last in erased:
            if first < end and start < last:
                if start < first:
                    yield start, first
                start = last
        if start < end:
            yield start, end


def _overlap(addresses: range, places: tuple[Range, ...]) -> bool:
    return any(start < addresses.stop and addresses.start < end for start, end in places)


def _unstable(chip: NorFlash, places: tuple[Range, ...]) -> list[tuple[int, tuple[int, int]]]:
    """The bytes in these places that have bits which read differently, and these bits."""
    return sorted(one for one in chip.unstable.items() if any(start <= one[0] < end for start, end in places))


def _content(chip: NorFlash, places: tuple[Range, ...]) -> bytes:
    """What stands in these places, with bits there that read differently, and the status register."""
    content = b"".join(bytes(chip.data[start:end]) for start, end in places)
    unstable = _unstable(chip, places)
    more = repr((chip.status, unstable, chip.snapshot() if unstable else None))
    return hashlib.blake2b(content + more.encode()).digest()


class _Noted(NorFlash):
    """A chip as another one, which notes the lines that are read of it."""

    def __init__(self, chip: NorFlash, jedec_id: int) -> None:
        super().__init__(chip.size, jedec_id)
        self.data[:] = chip.data
        self.restore(deepcopy(chip.snapshot()))
        self.lines: set[int] = set()

    @property
    def steady(self) -> bool:
        return False  # each read is noted

    def read(self, address: int, length: int) -> bytes:
        self.lines.add(address % self.size // LINE)
        return super().read(address, length)


class _Run:
    """A run from a state on. It is the attendant of its chip."""

    def __init__(self, job: Job, trunk: Trunk, chip: NorFlash, changed: tuple[Range, ...]) -> None:
        self._trunk, self._changed = trunk, changed
        self._update = update = job.update()
        self._machine = machine = update.machine
        self._chip = _Noted(chip, machine.flash.jedec_id)
        machine.flash = self._chip
        machine.board.flash.insert(self._chip)
        self._chip.attendant = self
        self._follower = Follower(trunk, self._chip, self._meets)
        self._operations: list[Operation] = []
        self._overwritten: set[int] = set()
        self._read: set[int] = set()
        self._met: int | None = None
        self._all = False  # of the flash decides

    def recovery(self) -> Recovery:
        """Carry it out."""
        update, machine, engine = self._update, self._machine, self._machine.engine
        assert isinstance(engine, UnicornEngine)
        controller, codec = machine.board.flash, machine.chip.codec
        watches = []
        for start, end in self._changed:
            first, last = start // codec.frame, -(-end // codec.frame)
            watches.append(Watch(controller.window + first * codec.data, (last - first) * codec.data, True, False))
            engine.stops.add_watch(watches[-1])
        limit = round(update.settings.within * 1e6)
        self._follower.boot()
        update.begin()
        while self._met is None and update.judge.verdict is None and machine.now < limit:
            machine.run(limit)
            if engine.halt is not None and engine.halt.watch is not None and not self._all:
                self._note_window(engine.cpu.slice.hit_address - controller.window, engine.cpu.slice.hit_size)
                self._all = self._all or update.story.app_started
                if self._all:
                    for watch in watches:
                        engine.stops.remove_watch(watch)
        if self._met is not None:
            result = self._trunk.result
        else:
            result = update.run()
            self._all = True  # an app has run, of which nothing is noted
        return Recovery(self._depends(), tuple(self._operations), self._met, result.verdict.value, result.reason)

    def _depends(self) -> tuple[Range, ...]:
        changed = ranges((*self._trunk.operations, *self._operations))
        if self._all:
            return tuple(changed)
        lines = [line for start, end in changed for line in range(start // LINE, -(-end // LINE))]
        deciding = [line for line in lines if line not in self._overwritten]
        return tuple(ranges([Operation("", line * LINE, LINE) for line in deciding]))

    def _note_window(self, logical: int, length: int) -> None:
        codec = self._machine.chip.codec
        first, last = logical // codec.data * codec.frame, -(-(logical + length) // codec.data) * codec.frame
        self._use(range(first // LINE, -(-last // LINE)))
        self._all = len(self._read) > _MOST

    def _use(self, lines: range) -> None:
        self._read.update(line for line in lines if line not in self._overwritten)

    def _meets(self, count: int) -> None:
        self._met = count
        self._machine.stop()

    # The chip's side

    def before(self, operation: Operation) -> bool:
        if operation.kind == STATUS or self._update.story.app_started:
            return True
        return self._follower.before(operation)

    def after(self, operation: Operation, was: bytes) -> None:
        if operation.kind == STATUS or self._met is not None or self._update.story.app_started:
            return
        self._operations.append(operation)
        if operation.kind == ERASE:
            lines = set(range(operation.address // LINE, (operation.address + operation.length) // LINE))
            self._overwritten |= lines - self._read - self._chip.lines
        self._follower.after(operation, was)

    def identified(self) -> None:
        pass
