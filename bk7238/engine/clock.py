"""The virtual clock: time is counted in ticks, one for each instruction executed or skipped.

The engine owns the tick counter and gives it as `live`; blocks see whole microseconds. An event asked for
`microseconds` from now is due at tick (now + microseconds) * ticks_per_us, where `now` is rounded down: an engine
that stops exactly there shows the event exactly the microsecond it asked for. Events due at the same tick run in
the order in which they were asked for.
"""

from __future__ import annotations

import ctypes
import heapq
from collections.abc import Callable

from bk7238.peripherals.core import NEVER, Recurring, RunningAlarm

_FEW = 64  # cancelled events below this number are not worth a clean-up


class ScheduledEvent:
    """Something the clock will do, `at` a microsecond, unless it is cancelled before."""

    __slots__ = ("_clock", "at", "callback", "number")

    def __init__(self, clock: VirtualClock, at: int, number: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self.at = at
        self.number = number
        self.callback: Callable[[], None] | None = callback

    def __lt__(self, _other: ScheduledEvent) -> bool:
        return False  # of two in the same place one is cancelled

    def cancel(self) -> None:
        """It will not happen. Without effect once it has happened."""
        if self.callback is not None:
            self.callback = None
            self._clock._cancelled_one()


def _order(recurring: Recurring) -> tuple[int, int]:
    """Its place among what is due."""
    return recurring.ticks, recurring.number


class Schedule(ctypes.Structure):
    """What an engine needs to let recurring things go off by itself. `struct schedule` of slice.c."""

    _fields_ = (
        ("scheduled", ctypes.c_uint64),  # how much was asked for so far
        ("ticks_per_us", ctypes.c_int64),
        ("first", ctypes.c_void_p),  # of the recurring things
    )


class VirtualClock:
    """Virtual time since power-on. `live()` is the current tick, also in the middle of a slice.

    `on_sooner(deadline)` is called when what was asked for becomes the earliest of the events, so that an engine can
    shorten what it runs.
    """

    def __init__(self, ticks_per_us: int, live: Callable[[], int]) -> None:
        if ticks_per_us < 1:
            raise ValueError(f"{ticks_per_us} ticks in a microsecond: there must be at least one")
        self.ticks_per_us = ticks_per_us
        self.on_sooner: Callable[[int], None] = lambda _deadline: None
        self._live = live
        self._events: list[tuple[int, int, ScheduledEvent]] = []  # deadline, number
        self._cancelled = 0
        self._recurring: list[Recurring] = []
        self._started: list[Recurring] = []  # those of them that may go off
        self.schedule = Schedule(0, ticks_per_us)

    # What blocks see

    @property
    def now(self) -> int:
        """Whole microseconds since power-on."""
        return self._live() // self.ticks_per_us

    def after(self, microseconds: int, callback: Callable[[], None]) -> ScheduledEvent:
        """Call `callback` once, `microseconds` (zero or more) from now."""
        if microseconds < 0:
            raise ValueError(f"{microseconds} microseconds from now lies in the past")
        at = self._live() // self.ticks_per_us + microseconds
        deadline = at * self.ticks_per_us
        soonest = self.next_event
        event = ScheduledEvent(self, at, self._number(), callback)
        heapq.heappush(self._events, (deadline, event.number, event))
        if soonest is None or deadline < soonest:
            self.on_sooner(deadline)
        return event

    def add(self, recurring: Recurring) -> None:
        """Know something that may go off, a structure as slice.c has it."""
        self._recurring.append(recurring)
        recurring.following, self.schedule.first = self.schedule.first, ctypes.addressof(recurring)  # type: ignore[arg-type]

    def start(self, recurring: Recurring, microseconds: int) -> None:
        """Let it go off `microseconds` from now."""
        recurring.ticks = (self._live() // self.ticks_per_us + microseconds) * self.ticks_per_us
        recurring.number = self._number()
        self._note(recurring)
        self.on_sooner(recurring.ticks)

    def start_again(self, recurring: Recurring, deadline: int, number: int) -> None:
        """Let it go off at microsecond `deadline`, as what had that number in the order of a snapshot."""
        recurring.ticks, recurring.number = deadline * self.ticks_per_us, number
        self._note(recurring)

    def _note(self, recurring: Recurring) -> None:
        if recurring not in self._started:
            self._started.append(recurring)

    def microseconds(self, ticks: int) -> int:
        """So many ticks, in whole microseconds."""
        return ticks // self.ticks_per_us

    def _number(self) -> int:
        """The place of what is asked for now among what is due at the same tick."""
        number: int = self.schedule.scheduled
        self.schedule.scheduled = number + 1
        return number

    # What the engine sees

    @property
    def ticks(self) -> int:
        """The current tick."""
        return self._live()

    @property
    def next_event(self) -> int | None:
        """The tick at which the next event is due, None where nothing but recurring things may happen."""
        events = self._events
        while events and events[0][2].callback is None:
            heapq.heappop(events)
            self._cancelled -= 1
        return events[0][0] if events else None

    @property
    def next_ticks(self) -> tuple[int, int]:
        """The ticks at which the next event is due and at which the next recurring thing goes off, NEVER for none."""
        event, recurring = self.next_event, NEVER
        for one in self._started:
            if one.ticks < recurring:
                recurring = one.ticks
        return NEVER if event is None else event, recurring

    @property
    def next_deadline(self) -> int | None:
        """The tick at which the next thing is due, None where there is none."""
        soonest = min(self.next_ticks)
        return None if soonest == NEVER else soonest

    def run_due(self) -> int:
        """Run what is due at the current tick or before it, and what that asks for at once; answers how many.

        A callback that raises ends this; its event counts as run and the others stay scheduled.
        """
        count = 0
        while True:
            event, now, recurring = self.next_event, self._live(), None
            for one in self._started:
                if one.ticks <= now and (recurring is None or _order(one) < _order(recurring)):
                    recurring = one
            if recurring is not None and (event is None or _order(recurring) < self._events[0][:2]):
                recurring.expire()
            elif event is not None and event <= now:
                happening = heapq.heappop(self._events)[2]
                callback, happening.callback = happening.callback, None
                if callback is not None:
                    callback()
            else:
                return count
            count += 1

    def clear(self) -> None:
        """Forget everything that is to happen."""
        for *_, event in self._events:
            event.callback = None
        for recurring in self._recurring:
            recurring.stop()
        self._started.clear()
        self._events.clear()
        self._cancelled = 0

    # Snapshots

    def snapshot(self) -> int:
        """How much was asked for so far. What is pending is in the state of the alarms whose it is.

        Raises TypeError where another than an alarm waits: a function cannot be in a snapshot.
        """
        for *_, event in self._events:
            owner = getattr(event.callback, "__self__", None)
            if event.callback is not None and not isinstance(owner, RunningAlarm):
                raise TypeError(f"{event.callback!r} waits in the clock: only alarms can be in a snapshot")
        scheduled: int = self.schedule.scheduled
        return scheduled

    def renumber(self) -> None:
        """Number what is pending from 0 on, in its order: two clocks for which the same is to come are alike then."""
        pending: list[ScheduledEvent | Recurring] = [event for *_, event in self._events if event.callback is not None]
        pending += [one for one in self._recurring if one.ticks != NEVER]
        pending.sort(
            key=lambda one: (one.at * self.ticks_per_us if isinstance(one, ScheduledEvent) else one.ticks, one.number)
        )
        for number, one in enumerate(pending):
            one.number = number
        events = [one for one in pending if isinstance(one, ScheduledEvent)]
        self._events = [(one.at * self.ticks_per_us, one.number, one) for one in events]
        self.schedule.scheduled, self._cancelled = len(pending), 0

    def restore(self, scheduled: int) -> None:
        """Back to a snapshot, with nothing pending: each alarm asks for its event again."""
        self.clear()
        self.schedule.scheduled = scheduled

    def resume(self, at: int, number: int, callback: Callable[[], None]) -> ScheduledEvent:
        """Call `callback` at microsecond `at`, as the event that had that number in the order of a snapshot."""
        event = ScheduledEvent(self, at, number, callback)
        heapq.heappush(self._events, (at * self.ticks_per_us, number, event))
        return event

    def _cancelled_one(self) -> None:
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled > len(self._events) // 2:
            self._events = [entry for entry in self._events if entry[2].callback is not None]
            heapq.heapify(self._events)
            self._cancelled = 0
