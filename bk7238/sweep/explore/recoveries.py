"""What a boot loader makes of states of the flash, once for all that are alike to it.

Two states are alike where they agree in everything that the boot loader reads before it erases it, and in all that it
leaves alone: it then does the same, and the flash becomes the same. So a recovery, which is one run from a state until
it meets the undisturbed installation or ends, is that of every state that agrees with its own in these places
(`depends`). What lies beyond is overwritten unread, whatever stood there: a cut around an operation that touches
nothing else leads back to the same recovery, and needs no look at the flash.

All reads are noted: those through the flash controller by the chip, those of the CPU's window by a watch on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import NamedTuple

from bk7238.engine.stops import Watch
from bk7238.engine.unicorn import UnicornEngine
from bk7238.peripherals.nor_endings import ERASE, SHAPES, STATUS, Operation
from bk7238.peripherals.nor_flash import LINE, NorFlash
from bk7238.sweep.explore.trunk import Follower, Trunk, ranges
from bk7238.sweep.point import Job

Range = tuple[int, int]
_MOST = 4096  # lines that are read by way of the window before it is taken to depend on all


class Recovery(NamedTuple):
    """How a boot loader goes on. `depends` are the ranges of the flash (physical) whose content decides that,
    `operations` what it does until it meets the undisturbed run behind its operation number `met`, or where it never
    does, until an app runs."""

    depends: tuple[Range, ...]
    operations: tuple[Operation, ...]
    met: int | None
    verdict: str
    reason: str

    @property
    def name(self) -> str:
        """What tells it from other ones."""
        return hashlib.blake2b(repr(self).encode(), digest_size=6).hexdigest()


class Recoveries:
    """Those that are known so far, for the installation that `trunk` is of."""

    def __init__(self, job: Job, trunk: Trunk) -> None:
        self._job, self._trunk = job, trunk
        self._changed = tuple(ranges(trunk.operations))
        self._known: dict[tuple[Range, ...], dict[bytes, Recovery]] = {}
        self.runs = 0

    def of(self, chip: NorFlash) -> Recovery:
        """That of a chip that differs from the undisturbed one in nothing but what the installation changes."""
        for depends, known in self._known.items():
            found = known.get(_content(chip, depends))
            if found is not None:
                return found
        self.runs += 1
        recovery = _Run(self._job, self._trunk, chip, self._changed).recovery()
        self._known.setdefault(recovery.depends, {})[_content(chip, recovery.depends)] = recovery
        return recovery

    def after_another(
        self, chip: NorFlash, ways: tuple[str, ...], made: Callable[[int, str], Random]
    ) -> Iterator[tuple[int, str, Recovery, int]]:
        """The recoveries after one more cut in the recovery of a chip: the operation (from 1), the way to cut, what
        follows, and for how many such cuts it stands. `made` gives the source of chance of a cut.

        Behind the place where a recovery meets the undisturbed run its states are those of single cuts.
        """
        recovery = self.of(chip)
        state = chip.copy()
        skipped = 0
        for number, operation in enumerate(recovery.operations, 1):
            fitting = [how for how in ways if operation.kind in SHAPES[how].of]
            if not _overlap(operation.around, recovery.depends):
                skipped += len(fitting)
            else:
                for how in fitting:
                    left = state.copy()
                    left.perform(operation, how, made(number, how))
                    yield number, how, self.of(left), 1
            state.perform(operation)
        if skipped:
            yield 0, "", recovery, skipped


def _overlap(addresses: range, places: tuple[Range, ...]) -> bool:
    return any(start < addresses.stop and addresses.start < end for start, end in places)


def _content(chip: NorFlash, places: tuple[Range, ...]) -> bytes:
    """What stands in these places, with bits there that read differently, and the status register."""
    content = b"".join(bytes(chip.data[start:end]) for start, end in places)
    unstable = [one for one in sorted(chip.unstable.items()) if any(start <= one[0] < end for start, end in places)]
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
