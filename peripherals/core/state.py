"""What a block or an actor declares: state and alarms, and of a block wires and ports besides its registers.

Each is a class attribute; every instance gets its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from bk7238.peripherals.core.services import Clock, PendingEvent

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

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner._alarm(self.name, RunningAlarm)


class Calls(_Declaration):
    """Any number of calls to come of one handler of an actor, marked with `on_alarm`, each with plain data."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner._alarm(self.name, RunningCalls)


class RunningAlarm:
    """One alarm of one block. `deadline` is the microsecond at which it will go off, None while it is stopped."""

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._event: PendingEvent | None = None
        self.deadline: int | None = None

    def start(self, microseconds: int) -> None:
        """Go off `microseconds` from now; an alarm that was running starts over."""
        self.stop()
        self.deadline = self._clock.now + microseconds
        self._event = self._clock.after(microseconds, self._expire)

    def stop(self) -> None:
        """See that it does not go off."""
        if self._event is not None:
            self._event.cancel()
        self._event = self.deadline = None

    def pending(self) -> Any:
        """When it will go off (microseconds) and its event's place in the clock's order; None while it is stopped."""
        return None if self._event is None else (self.deadline, self._event.number)

    def restore(self, pending: Any) -> None:
        """Back to what `pending` gave. The clock has been restored, or this alarm alone goes back."""
        self.stop()
        if pending is not None:
            self.deadline, number = pending
            self._event = self._clock.resume(self.deadline, number, self._expire)

    def _expire(self) -> None:
        self._event = self.deadline = None
        self._callback()


class RunningCalls:
    """The calls to come of one actor's handler."""

    def __init__(self, clock: Clock, callback: Callable[..., None]) -> None:
        self._clock, self._callback = clock, callback
        self._calls: list[_Call] = []

    def after(self, microseconds: int, *data: Any) -> None:
        """Call the handler with `data`, `microseconds` from now."""
        self._add(data).start(microseconds)

    def clear(self) -> None:
        """Call nothing of what was asked for."""
        for call in self._calls:
            call.stop()
        self._calls.clear()

    def pending(self) -> Any:
        """Of each call when it comes, its place in the clock's order, and its data."""
        return [(call.pending(), call.data) for call in self._calls]

    def restore(self, pending: Any) -> None:
        """Back to what `pending` gave."""
        self.clear()
        for when, data in pending:
            self._add(data).restore(when)

    def _add(self, data: tuple[Any, ...]) -> _Call:
        call = _Call(self._clock, self._call, data)
        self._calls.append(call)
        return call

    def _call(self, call: _Call) -> None:
        self._calls.remove(call)
        self._callback(*call.data)


class _Call(RunningAlarm):
    """One call to come, with its data."""

    def __init__(self, clock: Clock, callback: Callable[[_Call], None], data: tuple[Any, ...]) -> None:
        super().__init__(clock, callback)  # type: ignore[arg-type]
        self.data = data

    def _expire(self) -> None:
        self._event = self.deadline = None
        self._callback(self)  # type: ignore[call-arg]


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
        """Set the levels of the output's lines, bit by bit."""
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
