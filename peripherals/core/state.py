"""What a block declares besides its registers: state, alarms, wires and ports.

Each is a class attribute of the block; every instance of the block gets its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from bk7238.peripherals.core.services import Clock, Event

T = TypeVar("T")


class _Declaration:
    """Instances of a block hold the real thing in an attribute of the same name; this is for type checkers only."""

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self


class State(_Declaration, Generic[T]):
    """A plain attribute that a reset restores: `State(0)`, or `State(factory=bytearray)` for what is mutable.

    `keeps` names the kinds of reset that leave it alone.
    """

    def __init__(
        self, value: T | None = None, *, factory: Callable[[], T] | None = None, keeps: tuple[Any, ...] = ()
    ) -> None:
        self.initial: Callable[[], Any] = factory if factory is not None else lambda: value
        self.keeps = frozenset(keeps)


class Alarm(_Declaration):
    """A one-shot timer on the virtual clock, or `count` of them in a list. Its handler is marked with `on_alarm`."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count


class RunningAlarm:
    """One alarm of one block. `deadline` is the microsecond at which it will go off, None while it is stopped."""

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._event: Event | None = None
        self.deadline: int | None = None

    def start(self, microseconds: int) -> None:
        """Go off `microseconds` from now; an alarm that was running starts over."""
        self.stop()
        self.deadline = self._clock.now + microseconds
        self._event = self._clock.after(microseconds, self._expire)

    def stop(self) -> None:
        if self._event is not None:
            self._event.cancel()
        self._event = self.deadline = None

    def resume(self, deadline: int | None) -> None:
        """Restore a snapshot: go off at microsecond `deadline`, or not at all."""
        self.stop()
        if deadline is not None:
            self.start(max(0, deadline - self._clock.now))
            self.deadline = deadline

    def adopt(self, event: Event, deadline: int) -> None:
        """Restore a snapshot of the whole clock, in which this alarm goes off with `event`."""
        self._event, self.deadline = event, deadline

    def forget(self) -> None:
        """Restore a snapshot of the whole clock, in which this alarm is stopped until it adopts an event."""
        self._event = self.deadline = None

    def _expire(self) -> None:
        self._event = self.deadline = None
        self._callback()


class Output(_Declaration):
    """A wire out of the block: the interrupt (`Output()`), a numbered wire (`Output(3)`) or several (`Output(0, 7)`).

    The numbers are those of the platform description: `0 -> watchdog@0`, `IRQ -> icu@8`.
    """

    def __init__(self, first: int | None = None, last: int | None = None) -> None:
        several = [] if first is None else range(first, (first if last is None else last) + 1)
        self.numbers: tuple[int | None, ...] = tuple(several) or (None,)


class Driver:
    """One block's end of an output: `drive` a level (or the number that several wires carry together)."""

    def __init__(self, width: int) -> None:
        self.value = 0
        self.listeners: list[list[Callable[[bool], None]]] = [[] for _ in range(width)]

    def drive(self, value: int) -> None:
        changed = self.value ^ value
        if not changed:
            return
        self.value = int(value)
        for bit, listeners in enumerate(self.listeners):
            if changed >> bit & 1:
                for listener in listeners:
                    listener(bool(value >> bit & 1))


class Input(_Declaration):
    """A wire into the block, `Input(0)`, or several, `Input(0, 31)`. A change calls the `on_input` handler.

    The level belongs to whoever drives the wire, so a reset of the reading block leaves it alone.
    """

    def __init__(self, first: int, last: int | None = None) -> None:
        self.numbers = range(first, (first if last is None else last) + 1)


class Port(_Declaration):
    """Where something leaves the chip: bytes of a UART, frames of the radio. Who listens is not the block's matter."""


class Listeners:
    """One block's port: `port(data)` hands `data` to each listener in the order in which they connected.

    It answers the most that a listener answered, for ports where that means something: whether a frame was
    acknowledged, how long to wait. 0 where nobody answers.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[..., Any]] = []

    def connect(self, listener: Callable[..., Any]) -> None:
        self._listeners.append(listener)

    def __call__(self, *data: Any) -> int:
        return max([listener(*data) or 0 for listener in self._listeners], default=0)
