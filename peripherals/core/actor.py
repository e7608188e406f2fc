"""The base of whatever acts around the chip: declared state and named alarms, as the blocks have them.

    class Judge(Actor):
        verdict = State()
        glance = Alarm()

        @on_alarm(glance)
        def _glance(self): ...

An actor whose class declares alarms has its `clock` before it starts one. All that is not declared is how it is put
together: parts, and whom it knows. A snapshot holds what is declared, and finds actors by way of the rest.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from bk7238.peripherals.core.services import Clock
from bk7238.peripherals.core.state import Alarm, Calls, RunningAlarm, State


class Actor:
    """Something that acts in virtual time. Its declared state is there before its `__init__` begins."""

    clock: Clock

    _states: ClassVar[dict[str, State[Any]]] = {}
    _handlers: ClassVar[dict[str, str]] = {}  # by the alarm's name

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._states = {name: item for base in reversed(cls.__mro__[1:]) for name, item in _states_of(base).items()}
        for name, item in [(name, item) for name, item in vars(cls).items() if isinstance(item, State)]:
            cls._states[name] = item
            delattr(cls, name)  # each actor has its own, and reads it as fast as any attribute
        items = {name: item for base in reversed(cls.__mro__) for name, item in vars(base).items()}
        handlers = {mark: name for name, item in items.items() for _, mark in getattr(item, "_marks", ())}
        alarms = {name: item for name, item in items.items() if isinstance(item, (Alarm, Calls))}
        missing = [name for name, item in alarms.items() if item not in handlers]
        if missing:
            raise TypeError(f"{cls.__name__}.{missing[0]} has no on_alarm handler")
        cls._handlers = {name: handlers[item] for name, item in alarms.items()}

    def __new__(cls, *_arguments: Any, **_options: Any) -> Self:
        """Make the actor with its declared state as it is at first."""
        actor = super().__new__(cls)
        for name, state in cls._states.items():
            setattr(actor, name, state.initial())
        return actor

    def snapshot(self) -> dict[str, Any]:
        """What is declared, by name: the values themselves, and of alarms what is to come."""
        states = {name: getattr(self, name) for name in self._states}
        return states | {name: getattr(self, name).pending() for name in self._handlers}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over the state of an actor of this class. The clock must have been restored before."""
        for name in self._states:
            setattr(self, name, snapshot[name])
        for name in self._handlers:
            getattr(self, name).restore(snapshot[name])

    def _alarm(self, name: str, kind: type[RunningAlarm]) -> RunningAlarm:
        """The alarm that a declaration stands for: made when it is first asked for."""
        alarm = kind(self.clock, getattr(self, self._handlers[name]))
        setattr(self, name, alarm)
        return alarm


def _states_of(kind: type) -> dict[str, State[Any]]:
    states: dict[str, State[Any]] = vars(kind).get("_states", {})
    return states
