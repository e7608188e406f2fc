"""The virtual clock of the embedded engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.engine.clock import VirtualClock

TICKS = 30


class Counter:
    """Stands for the engine: a tick counter that is moved by hand."""

    def __init__(self, ticks_per_us: int = TICKS) -> None:
        self.ticks = 0
        self.clock = VirtualClock(ticks_per_us, lambda: self.ticks)

    def run(self, until: int) -> None:
        """Stop exactly at each event up to tick `until`."""
        while (deadline := self.clock.next_deadline) is not None and deadline <= until:
            self.ticks = max(self.ticks, deadline)
            self.clock.run_due()
        self.ticks = until


def test_time_is_whole_microseconds_of_a_live_counter():
    counter = Counter()
    counter.ticks = 2 * TICKS - 1
    assert (counter.clock.now, counter.clock.ticks) == (1, 59)
    counter.ticks += 1
    assert counter.clock.now == 2


def test_an_event_sees_exactly_the_microsecond_it_was_asked_for():
    counter, clock = Counter(), Counter().clock
    clock = counter.clock
    counter.ticks = 10 * TICKS + 29
    seen: list[tuple[int, int]] = []
    clock.after(5, lambda: seen.append((clock.now, clock.ticks)))
    assert clock.next_deadline == 15 * TICKS
    counter.run(1000)
    assert seen == [(15, 15 * TICKS)]


def test_events_of_one_tick_run_in_the_order_of_asking():
    counter = Counter()
    seen: list[str] = []
    for name, delay in (("a", 7), ("b", 3), ("c", 7), ("d", 3)):
        counter.clock.after(delay, lambda name=name: seen.append(name))
    counter.run(1000)
    assert seen == ["b", "d", "a", "c"]


def test_an_overshoot_runs_all_that_is_due_in_order():
    counter = Counter()
    seen: list[str] = []
    counter.clock.after(2, lambda: seen.append("late"))
    counter.clock.after(1, lambda: seen.append("early"))
    counter.clock.after(4, lambda: seen.append("not yet"))
    counter.ticks = 3 * TICKS
    assert counter.clock.run_due() == 2
    assert seen == ["early", "late"]


def test_an_event_asked_for_now_runs_in_the_same_round():
    counter = Counter()
    seen: list[int] = []
    counter.clock.after(1, lambda: counter.clock.after(0, lambda: seen.append(counter.clock.now)))
    counter.ticks = TICKS
    assert counter.clock.run_due() == 2
    assert seen == [1]


def test_a_cancelled_event_is_not_waited_for():
    counter = Counter()
    seen: list[str] = []
    first = counter.clock.after(1, lambda: seen.append("first"))
    counter.clock.after(2, lambda: seen.append("second"))
    first.cancel()
    first.cancel()
    assert counter.clock.next_deadline == 2 * TICKS
    counter.run(1000)
    assert seen == ["second"]
    assert counter.clock.next_deadline is None


def test_cancelling_what_has_happened_changes_nothing():
    counter = Counter()
    event = counter.clock.after(1, lambda: None)
    counter.clock.after(2, lambda: None)
    counter.run(TICKS)
    event.cancel()
    assert counter.clock.next_deadline == 2 * TICKS


def test_an_event_may_cancel_one_of_the_same_tick():
    counter = Counter()
    seen: list[str] = []
    counter.clock.after(1, lambda: victim.cancel())
    victim = counter.clock.after(1, lambda: seen.append("victim"))
    counter.run(1000)
    assert seen == []


def test_the_engine_is_told_of_a_sooner_event_only():
    counter = Counter()
    sooner: list[int] = []
    counter.clock.on_sooner = sooner.append
    counter.clock.after(10, lambda: None)
    counter.clock.after(10, lambda: None)
    counter.clock.after(12, lambda: None)
    soonest = counter.clock.after(4, lambda: None)
    soonest.cancel()
    counter.clock.after(9, lambda: None)
    assert sooner == [10 * TICKS, 4 * TICKS, 9 * TICKS]


def test_cancelled_events_do_not_pile_up():
    counter = Counter()
    kept = counter.clock.after(1_000_000, lambda: None)
    for _ in range(10_000):
        counter.clock.after(500_000, lambda: None).cancel()
        counter.clock.after(2_000_000, lambda: None).cancel()
    assert len(counter.clock._events) < 200
    assert counter.clock.next_deadline == kept.at * TICKS


def test_an_event_that_raises_leaves_the_others_scheduled():
    counter = Counter()
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("no")

    counter.clock.after(1, fail)
    counter.clock.after(1, lambda: seen.append("next"))
    counter.ticks = TICKS
    with pytest.raises(RuntimeError, match="no"):
        counter.clock.run_due()
    assert counter.clock.run_due() == 1
    assert seen == ["next"]


def test_clear_forgets_everything():
    counter = Counter()
    event = counter.clock.after(1, lambda: pytest.fail("it ran"))
    counter.clock.clear()
    event.cancel()
    assert counter.clock.next_deadline is None
    counter.run(1000)


def test_the_past_and_a_clock_without_ticks_are_refused():
    with pytest.raises(ValueError, match="past"):
        Counter().clock.after(-1, lambda: None)
    with pytest.raises(ValueError, match="0 ticks"):
        Counter(0)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.integers(0, 40)), max_size=200), st.integers(1, 120))
def test_any_schedule_runs_in_order_and_on_time(plan: list[tuple[int, bool, int]], ticks_per_us: int):
    counter = Counter(ticks_per_us)
    seen: list[tuple[int, int]] = []
    expected: list[tuple[int, int]] = []
    for number, (delay, cancelled, step) in enumerate(plan):
        due = counter.clock.now + delay
        event = counter.clock.after(delay, lambda number=number: seen.append((counter.clock.now, number)))
        if cancelled:
            event.cancel()
        else:
            expected.append((due, number))
        counter.run(counter.ticks + step)
    counter.run(counter.ticks + 51 * ticks_per_us)
    # What falls due at once but behind the counter's fraction of a microsecond still has the same `now`.
    assert sorted(seen) == sorted(expected)
    assert [now for now, _ in seen] == sorted(now for now, _ in seen)
