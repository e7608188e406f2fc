"""The two ways to listen: a signal is told, a tap may change, delay or stop what passes.

Who listens is how a bench is put together and no part of its state: a snapshot holds neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _nothing() -> None:
    pass


class Signal:
    """`signal(...)` tells each listener, in the order in which they connected.

    It answers the most that a listener answered, where that is a number and means something: whether a frame was
    acknowledged, how long to wait. 0 where nobody answers.
    """

    __slots__ = ("_listeners", "on_listeners")

    def __init__(self) -> None:
        self._listeners: list[Callable[..., Any]] = []
        self.on_listeners: Callable[[], object] = _nothing  # called when others listen than before

    def connect(self, listener: Callable[..., Any]) -> None:
        """Tell `listener` from now on, after those that are connected already."""
        self._listeners.append(listener)
        self.on_listeners()

    def disconnect(self, listener: Callable[..., Any]) -> None:
        """Tell `listener` no more. Raises ValueError where it was not connected."""
        self._listeners.remove(listener)
        self.on_listeners()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def __call__(self, *what: Any) -> int:
        """Tell all who listen, in the order of connection. Returns the largest answer."""
        most = 0
        for listener in self._listeners:
            answer = listener(*what)
            if answer is not None and isinstance(answer, int) and answer > most:
                most = answer
        return most


class Tap:
    """A chain of stages through which something passes, in the order in which they were put in."""

    __slots__ = ("_stages",)

    def __init__(self) -> None:
        self._stages: list[Callable[..., Any]] = []

    def insert(self, stage: Callable[..., Any]) -> None:
        """Put `stage` behind those that are there already."""
        self._stages.append(stage)

    def remove(self, stage: Callable[..., Any]) -> None:
        """Take `stage` out. Raises ValueError where it was not put in."""
        self._stages.remove(stage)

    def clear(self) -> None:
        """Take all stages out."""
        self._stages.clear()

    def __bool__(self) -> bool:
        return bool(self._stages)

    def passed(self, thing: Any, *context: Any) -> list[Any]:
        """What comes out when `thing` goes in. Each stage is called with what reaches it and the context, and gives
        what passes on instead: the same, another, a list of several, or None for nothing."""
        things = [thing]
        for stage in self._stages:
            reached, things = things, []
            for each in reached:
                passed = stage(each, *context)
                things += passed if isinstance(passed, list) else [] if passed is None else [passed]
        return things

    def decided(self, *what: Any) -> Any:
        """The answer of the first stage that has one; None where all leave the thing as it is."""
        for stage in self._stages:
            answer = stage(*what)
            if answer is not None:
                return answer
        return None
