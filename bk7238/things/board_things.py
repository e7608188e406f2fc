"""The things that hang on a board, as somebody at the desk has them: how they look, and what hands may do with them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bk7238.engine.wiring import Board
from bk7238.peripherals.core import Device, Look


@dataclass(frozen=True)
class BoardThing:
    """A thing as it is now: what it is and where it hangs, how it looks, and its controls: names, each with what it
    takes, `number`, `text` or nothing."""

    name: str
    kind: str
    where: str
    looks: Mapping[str, Look]
    controls: Mapping[str, str]

    def __str__(self) -> str:
        looks = ", ".join(f"{name} {_text(look)}" for name, look in self.looks.items())
        return f"{self.name}, {self.kind} on {self.where}" + (f": {looks}" if looks else "")


class BoardThings:
    """What hangs on a board."""

    def __init__(self, board: Board) -> None:
        self._board = board

    @property
    def devices(self) -> dict[str, Any]:
        """The devices by their names."""
        return {name: one for name, one in self._board.items() if isinstance(one, Device)}

    def __iter__(self) -> Iterator[BoardThing]:
        return (_thing(name, device) for name, device in self.devices.items())

    def device(self, name: str) -> Any:
        """The device of that name. Raises ValueError where there is none."""
        known = self.devices
        if name not in known:
            raise ValueError(f"nothing called {name!r} hangs on the board; there is {', '.join(known) or 'nothing'}")
        return known[name]

    def check(self, name: str, control: str, value: object = None) -> float | str | None:
        """What a control takes, of what a user writes for it. Raises ValueError for a thing, a control and a value that
        there is not."""
        device = self.device(name)
        if control not in device.controls:
            known = ", ".join(device.controls) or "nothing"
            raise ValueError(f"{control!r} cannot be done with {name}, a {_kind(device)}; there is {known}")
        kind = device.controls[control]
        if kind is None:
            if value is not None:
                raise ValueError(f"{control} of {name} takes no value")
            return None
        try:
            if value is None or isinstance(value, bool):
                raise ValueError
            taken: float | str = kind(value)
            if isinstance(taken, float) and not math.isfinite(taken):
                raise ValueError
            return taken
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{control} of {name} takes a {_KINDS[kind]}, not {value!r}") from None

    def do(self, name: str, control: str, value: object = None) -> None:
        """Let hands do something: `do("button", "push")`, `do("slider", "set", 1.2)`. Raises ValueError."""
        taken = self.check(name, control, value)
        action = getattr(self.device(name), control)
        if taken is None:
            action()
        else:
            action(taken)


_KINDS: dict[Any, str] = {None: "", float: "number", str: "text"}


def _thing(name: str, device: Any) -> BoardThing:
    controls = {control: _KINDS[kind] for control, kind in device.controls.items()}
    return BoardThing(name, _kind(device), device.where, device.looks, controls)


def _kind(device: Any) -> str:
    return device.kind or type(device).__name__.lower()


def _text(look: Look) -> str:
    if isinstance(look, bool):
        return "yes" if look else "no"
    return repr(look) if isinstance(look, str) and not look.startswith("#") else str(look)
