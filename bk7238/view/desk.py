"""A device on the desk: run, stopped, taken back in its time, and led on from there another way.

States are kept as it runs and somebody looks, and a moment between two of them is reached by running again from the one
before, or from the power-on, which is the same run. What somebody does to the device is a `Deed` of its history, done
at its time whenever the machine passes there. A deed in the past begins another `History`; the one that was known
stays.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace

from bk7238.bench.bench import network_alone
from bk7238.bench.settings import Settings
from bk7238.debug import attach
from bk7238.debug.gdbserver import GdbServer
from bk7238.faults import FaultError
from bk7238.image import FlashImage, Package
from bk7238.machine import Machine
from bk7238.machine.snapshot import Snapshot, SnapshotError, Snapshots
from bk7238.things.board_things import BoardThings
from bk7238.update.alone import Alone
from bk7238.update.result import Result
from bk7238.update.session import Update
from bk7238.view.recording import STORY, Onlooker, Recording, Sight

EVERY = 4_000_000  # virtual microseconds from one state that is kept to the next
MOST = 240  # of them; then every second one of the older half goes
PRESS = 200_000  # virtual microseconds for which a button is held
TYPED = 4096  # characters at a time at most
_JUDGED = ("result", "judged_at", "judged_deeds", "why")  # what a history has from its verdict on
FAULT, TYPE, PIN, LINK, THING = "fault", "type", "pin", "link", "thing"


@dataclass(frozen=True)
class Deed:
    """What somebody did at a time, in virtual microseconds: a fault was added, a text typed on console `number`, pin
    `number` driven to a level (None: let go), the access point switched on or off, or the `control` of the thing called
    `text` used, with a `value` where it takes one. What `follows` is the end of another deed."""

    time: int
    kind: str
    text: str = ""
    number: int = 0
    level: int | None = None
    control: str = ""
    value: float | str | None = None
    follows: bool = False

    def __str__(self) -> str:
        level = "let go" if self.level is None else f"driven to {self.level}"
        return {
            FAULT: f"fault {self.text}",
            TYPE: f"{self.text!r} typed on UART{self.number}",
            PIN: f"P{self.number} {level}",
            LINK: "access point " + ("on" if self.level else "off"),
            THING: f"{self.control} {self.text}" + ("" if self.value is None else f": {self.value!r}"),
        }[self.kind]


@dataclass(frozen=True)
class KeptState:
    """The machine as it stood once: so many deeds were done, so many sights seen, and the judge had `closed` or not."""

    snapshot: Snapshot
    done: int
    cursor: int
    closed: bool


@dataclass(eq=False)
class History:
    """One course of events. `faults` are there from the power-on, `fork` is where it left the one before it, `end` how
    far it is known: virtual microseconds. `judged_deeds` is how many were done before the result, `why` the moment that
    decided it, and what happened then."""

    number: int
    faults: tuple[str, ...]
    parent: int | None = None
    fork: int = 0
    deeds: list[Deed] = field(default_factory=list)
    states: list[KeptState] = field(default_factory=list)
    seen: Recording = field(default_factory=Recording)
    end: int = 0
    result: Result | None = None
    judged_at: int = 0
    judged_deeds: int = 0
    why: tuple[int, str] = (0, "")

    def all_faults(self, done: int) -> tuple[str, ...]:
        """The faults that there are once so many deeds are done."""
        return (*self.faults, *(deed.text for deed in self.deeds[:done] if deed.kind == FAULT))


class Desk:
    """A device with `image`, and a `package` for it or none, that stands at its power-on. Raises ValueError for what
    the device cannot be told."""

    def __init__(self, image: FlashImage, package: Package | None, settings: Settings) -> None:
        self.image, self.package, self.settings = image, package, settings
        self.can_go_back = not settings.reaches_host
        self.gdb: GdbServer | None = None
        self.looked_at = False  # else no state is kept, and the way back is from the power-on
        self.epoch = 0  # counts how often the machine was put to another moment
        self.bench: Update | Alone
        self._faults: tuple[str, ...] = ()
        self._onlooker: Onlooker
        self._done, self._closed = 0, False
        self.history: History
        self.histories: list[History] = []
        self._power_on(History(0, tuple(map(str, settings.faults))))

    @property
    def machine(self) -> Machine:
        """The board, as long as the desk is not at another moment."""
        return self.bench.machine

    @property
    def things(self) -> BoardThings:
        """What hangs on the board."""
        return BoardThings(self.machine.board)

    @property
    def now(self) -> int:
        """Virtual microseconds since power-on."""
        return self.machine.now

    @property
    def deeds_done(self) -> int:
        """How many deeds of the history are done here."""
        return self._done

    def look_at(self, somebody: bool) -> None:
        """Somebody looks from now on, or nobody."""
        self.looked_at = somebody
        if self.gdb is None:
            self._keep()

    # Forwards

    def advance(self, until: int) -> bool:
        """Run to virtual microsecond `until`, or to where the update is judged: whether that has come now."""
        machine, history, limit = self.machine, self.history, round(self.settings.within * 1e6)
        judged = False
        while machine.now < until and not judged:
            self._keep()
            due = [deed.time for deed in history.deeds[self._done : self._done + 1]]
            if self.package is not None and machine.now < limit:
                due.append(limit)
            machine.run(until=min(until, (machine.now // EVERY + 1) * EVERY, *due))
            self._do_due()
            judged = self._judge(machine.now >= limit)
            history.end = max(history.end, machine.now)
        return judged

    def _do_due(self) -> None:
        deeds = self.history.deeds
        while self._done < len(deeds) and deeds[self._done].time <= self.now:
            self._do(deeds[self._done])
            self._done += 1

    def _do(self, deed: Deed) -> None:
        machine, bench = self.machine, self.bench
        if deed.kind == FAULT:
            bench.faults.add(deed.text)
            self._faults = (*self._faults, deed.text)
        elif deed.kind == TYPE:
            (machine.uart1, machine.uart2)[deed.number - 1].send(deed.text.encode())
        elif deed.kind == PIN:
            machine.board.gpio.set_pin(deed.number, deed.level)
        elif deed.kind == THING:
            self.things.do(deed.text, deed.control, deed.value)
        elif deed.level:
            bench.access_point.switch_on(machine.now, forget=True)
        else:
            bench.access_point.switch_off()
        self._note(Sight(STORY, machine.now, [str(deed)]))

    def _judge(self, over: bool) -> bool:
        """Whether the judge has come to an end only now; what it found is the history's."""
        update = self.bench
        if self._closed or not isinstance(update, Update) or not (over or update.judge.verdict):
            return False
        self._closed = True
        result = update.end(0.0)
        if self.history.result is None:
            self.history.result, self.history.judged_at, self.history.judged_deeds = result, self.now, self._done
            self.history.why = self._decided(update)
        return True

    def _decided(self, update: Update) -> tuple[int, str]:
        """The moment that decided the verdict: the last strike of a fault, else the newest failure, else where the
        last phase but the end began."""
        strikes = [(firing.time, str(fault)) for fault in update.faults.all for firing in fault.firings]
        if strikes:
            return max(strikes)
        failures = update.judge.failures
        if failures.newest is not None and failures.time >= 0:
            return failures.time, failures.newest.text
        last = update.story.phases[-1]
        return last.start, f"the phase `{last.name}` begins, which ends in the verdict"

    # What is done to it

    def act(self, deed: Deed, *more: Deed) -> None:
        """Do something now, which begins another history where this one is known further; `more` are what follows.
        Raises ValueError for what cannot be done, and nothing has happened."""
        before = self.history
        if self.now < before.end:
            self._fork()
        deeds = self.history.deeds
        known = list(deeds)
        deeds[self._done :] = sorted([deed, *more, *deeds[self._done :]], key=lambda one: one.time)
        try:
            self._do_due()
        except ValueError:
            deeds[:] = known
            if self.history is not before:
                self.histories.remove(self.history)
                self.history = before
            raise

    def fault(self, text: str) -> bool:
        """Add a fault. Whether it could join this run: else the device stands at the power-on of another one that has
        it from there. Raises FaultError."""
        if self.bench.faults.can_join(text):
            self.act(Deed(self.now, FAULT, text))
            return True
        if not self.can_go_back:
            raise FaultError(f"{text}: this run cannot begin anew; give it with --fault")
        faults = (*self.history.all_faults(self._done), text)
        deeds = [deed for deed in self.history.deeds[: self._done] if deed.kind != FAULT]
        self._power_on(History(len(self.histories), faults, self.history.number, 0, deeds))
        return False

    def _fork(self) -> None:
        old, done = self.history, self._done
        deeds = [*old.deeds[:done], *(deed for deed in old.deeds[done:] if deed.follows)]
        states = [one for one in old.states if one.snapshot.time <= self.now and one.done <= done]
        known = {name: getattr(old, name) for name in _JUDGED} if self._closed else {}
        self._adopt(
            History(
                len(self.histories), old.faults, old.number, self.now, deeds, states, old.seen.fork(), self.now, **known
            )
        )

    def _adopt(self, history: History) -> None:
        self.histories.append(history)
        self.history = history

    # Another moment

    def goto(self, time: int, number: int | None = None) -> None:
        """Stand at virtual microsecond `time` of this history or of that number, as far as it is known. Raises
        IndexError for a history that is not there, ValueError for a run that cannot be taken back."""
        if not self.can_go_back:
            raise ValueError(
                "a run whose state cannot be kept, as one that is connected to the host, cannot be taken back"
            )
        history = self.history if number is None else self.histories[number]
        time = max(0, min(time, history.end))
        other = history is not self.history or self.gdb is not None
        self.stop_debugging()
        self.history = history
        if other or time < self.now or any(self.now < one.snapshot.time <= time for one in history.states):
            known = [one for one in history.states if one.snapshot.time <= time]
            if known:
                self._restore(known[-1])
            else:
                self._assemble(history.faults)
                self._begin()
        while self.now < time:
            self.advance(time)

    def _restore(self, state: KeptState) -> None:
        faults = self.history.all_faults(state.done)
        if faults != self._faults:
            self._assemble(faults)
        self._snapshots.restore(state.snapshot)
        self._done, self._closed, self.history.seen.cursor = state.done, state.closed, state.cursor
        self.epoch += 1

    def _keep(self) -> None:
        """Keep the state here, where somebody looks and it is far from others that are kept."""
        states, now = self.history.states, self.now
        place = bisect_right(states, now, key=_time)
        near = any(abs(now - _time(one)) < EVERY for one in states[max(0, place - 1) : place + 1])
        if self.can_go_back and self.looked_at and not near:
            try:
                snapshot = self._snapshots.take()
            except (SnapshotError, TypeError):  # another package's, which declares too little
                self.can_go_back = False
                return
            states.insert(place, KeptState(snapshot, self._done, self.history.seen.cursor, self._closed))
            if len(states) > MOST:
                half = MOST // 2
                states[:half] = states[:half:2]

    # The bench

    def _power_on(self, history: History) -> None:
        """Stand at the beginning of a new history."""
        self._assemble(history.faults)
        self._adopt(history)
        self._begin()

    def _begin(self) -> None:
        self._done, self._closed, self.history.seen.cursor = 0, False, 0
        self._onlooker.begin()
        if isinstance(self.bench, Update):
            self.bench.begin()
        self._do_due()
        self.epoch += 1

    def _assemble(self, faults: tuple[str, ...]) -> None:
        """Put a bench together that has these faults. Raises ValueError, and the one that there is stays."""
        settings, onlooker = replace(self.settings, faults=faults), Onlooker(self._note)
        bench: Update | Alone
        if self.package is None:
            bench = Alone(self.image, settings, network_alone, more_faults=True)
        else:
            bench = Update(self.image, self.package, settings, onlooker.tell, more_faults=True)
        onlooker.follow(bench)
        self.bench, self._faults, self._onlooker, self._snapshots = bench, faults, onlooker, Snapshots(bench.machine)

    def _note(self, sight: Sight) -> None:
        self.history.seen.note(sight)

    # A debugger

    def debug(self) -> tuple[str, int]:
        """Serve GDB on a port of this host, from this moment on, in a history of its own. Returns where. Raises
        ValueError for a run that cannot be taken back."""
        if not self.can_go_back:
            raise ValueError("a run whose state cannot be kept cannot be debugged here: see bk7238 gdb")
        if self.gdb is None:
            self._fork()
            self.gdb = attach.serve(self.machine)
        return self.gdb.address

    def turn(self) -> None:
        """Let the debugger do a little, where there is one."""
        if self.gdb is not None:
            self.gdb.turn(0)
            self.history.end = max(self.history.end, self.now)
            if self.gdb.over:
                self.goto(self.history.fork, self.history.parent)

    def stop_debugging(self) -> None:
        """Serve GDB no more. What the debugger has made of the machine cannot be gone to again: of this history the
        fork remains, and the machine is only good to be put elsewhere."""
        if self.gdb is not None:
            self.gdb.close()
            self.gdb, self._faults = None, ("", *self._faults)  # no bench that anybody wants
            history = self.history
            history.end = history.fork
            history.seen = Recording(one for one in history.seen.sights if one.time <= history.fork)


def _time(state: KeptState) -> int:
    return state.snapshot.time
