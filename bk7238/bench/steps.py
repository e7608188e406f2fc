"""The steps of a scenario: what is waited for on the consoles, typed, done to pins, and expected, one after the other.

[[step]]
wait = "[THD]cli"            # until a line has this text, however long that takes

[[step]]
send = "version"             # type a line; console = 2 for the other UART

[[step]]
pin = 26                     # drive a pin from outside
level = 1                    # "open": let it go

[[step]]
press = 9                    # hold a pin down, as a button does; level = 1 for one that is pulled down
time = "200 ms"

[[step]]
thing = "button"             # of a file of things: what hands may do with it
do = "push"                  # value = 1.2 for what takes one

[[step]]
expect = "version 1.0.0"     # a line with this text comes within that time (20 s)
within = "1 s"

[[step]]
expect-pin = 26              # a pin has this level within that time
level = 1
within = "1 s"
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bk7238.bench import values
from bk7238.peripherals.core import Actor, Alarm, Signal, State, on_alarm
from bk7238.things.board_things import BoardThings

if TYPE_CHECKING:
    from bk7238.machine import Machine

_GLANCE = 10_000  # microseconds between two looks at a pin
_OPEN = "open"


@dataclass(frozen=True)
class ScenarioStep:
    """One step: `kind` is one of `KEYS`, `text` what it is waited for, typed, or the thing. `time` is in microseconds,
    `level` None lets a pin go."""

    kind: str
    text: str = ""
    pin: int | None = None
    level: int | None = None
    time: int = 0
    console: int | None = None
    do: str = ""
    value: float | str | None = None

    def __str__(self) -> str:
        if self.do:
            return f"{self.do} of {self.text}"
        if self.pin is None:
            return f"{self.kind} {self.text!r}"
        return f"{self.kind} P{self.pin}" if self.level is None else f"{self.kind} P{self.pin} at {self.level}"


KEYS: dict[str, frozenset[str]] = {
    "wait": frozenset({"console"}),
    "send": frozenset({"console"}),
    "press": frozenset({"time", "level"}),
    "expect": frozenset({"within", "console"}),
    "expect-pin": frozenset({"within", "level"}),
    "pin": frozenset({"level"}),
    "thing": frozenset({"do", "value"}),
}
"""What a step of each kind may say besides."""


def read(table: Any) -> ScenarioStep:
    """The step that a table of a scenario says. Raises ValueError."""
    if not isinstance(table, dict):
        raise ValueError("each step is a table: [[step]]")
    kind = next((kind for kind in KEYS if kind in table), None)
    if kind is None:
        raise ValueError(f"a step has one of {', '.join(KEYS)}")
    for name in sorted(table.keys() - KEYS[kind] - {kind}):
        raise ValueError(f"{kind!r} takes no {name!r}; it takes {', '.join(sorted(KEYS[kind]))}")
    of_pin = kind in ("pin", "press", "expect-pin")
    return ScenarioStep(
        kind,
        text="" if of_pin else _text(kind, table[kind]),
        pin=_whole(kind, table[kind]) if of_pin else None,
        level=_level(table.get("level", 0 if kind == "press" else None)) if of_pin else None,
        time=_time(table.get("time", "200 ms") if kind == "press" else table.get("within", "20 s")),
        console=_console(table.get("console")),
        do=_text("do", table.get("do", "")) if kind == "thing" else "",
        value=table.get("value"),
    )


def _text(kind: str, text: Any) -> str:
    if not isinstance(text, str) or (not text and kind != "send"):
        raise ValueError(f"{kind} is a text, not {text!r}")
    return text


def _whole(name: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{name} is a number, not {number!r}")
    return number


def _level(level: Any) -> int | None:
    if level == _OPEN:
        return None
    if level not in (0, 1) or isinstance(level, bool):
        raise ValueError(f"a level is 0 or 1, or {_OPEN!r} for a pin that is let go, not {level!r}")
    return int(level)


def _time(time: Any) -> int:
    try:
        return values.microseconds(time)
    except TypeError:
        raise ValueError(f"{time!r} is no time such as 200ms") from None


def _console(number: Any) -> int | None:
    if number not in (1, 2, None) or isinstance(number, bool):
        raise ValueError(f"the consoles are UART 1 and 2, there is no {number!r}")
    return None if number is None else int(number)


class Steps(Actor):
    """Carries out the steps on one machine, from its start on. `on_end` is told when the last is done, or one has
    failed: `failure` says which. Raises ValueError for a pin that the chip has not, and for what no thing does."""

    late, again = Alarm(), Alarm()
    failure: str = State("")
    _place: int = State(0)  # of the step that is under way
    _pressed: bool = State(False)  # the pin of a press is held

    def __init__(self, machine: Machine, steps: tuple[ScenarioStep, ...]) -> None:
        self._machine, self._steps, self.clock = machine, steps, machine.clock
        self._things = BoardThings(machine.board)
        self.on_end = Signal()
        pins = machine.board.gpio.places
        for number, step in enumerate(steps, start=1):
            if step.pin is not None and step.pin not in pins:
                raise ValueError(f"step {number}: pins are P{pins[0]} to P{pins[-1]}, there is no P{step.pin}")
            try:
                if step.do:
                    self._things.check(step.text, step.do, step.value)
            except ValueError as error:
                raise ValueError(f"step {number}: {error}") from None
        for number, console in ((1, machine.uart1), (2, machine.uart2)):
            console.on_line.connect(partial(self._line, number))
        machine.actors["steps"] = self
        if steps:
            self.again.start(0)

    @property
    def unmet(self) -> str:
        """What has not come of them; empty where all are done."""
        if self.failure or self._place >= len(self._steps):
            return self.failure
        return f"step {self._place + 1}, {self._steps[self._place]}, did not come to its end"

    @on_alarm(again)
    def _go_on(self) -> None:
        """Do what can be done now. Called again where a press ends, or a pin is to be looked at."""
        while not self.failure and self._place < len(self._steps):
            if not self._do(self._steps[self._place]):
                return
            self._done()
        self.on_end()

    def _done(self) -> None:
        self._place += 1
        self.late.stop()

    def _do(self, step: ScenarioStep) -> bool:
        """Do what is to be done for a step now; whether that was all of it."""
        gpio = self._machine.board.gpio
        if step.do:
            self._things.do(step.text, step.do, step.value)
        elif step.kind == "send":
            (self._machine.uart2 if step.console == 2 else self._machine.uart1).send(step.text.encode() + b"\r")
        elif step.kind == "pin":
            gpio.set_pin(step.pin, step.level)
        elif step.kind == "press":
            self._pressed = not self._pressed
            gpio.set_pin(step.pin, step.level if self._pressed else None)
            if self._pressed:
                self.again.start(step.time)
        elif step.kind.startswith("expect") and self.late.deadline is None:
            self.late.start(step.time)
        if step.kind == "expect-pin" and gpio.level(step.pin) != step.level:
            self.again.start(_GLANCE)
            return False
        return not self._pressed and (step.pin is not None or step.kind in ("send", "thing"))

    @on_alarm(late)
    def _miss(self) -> None:
        step = self._steps[self._place]
        self.failure = f"step {self._place + 1}: {step} was not seen within {step.time / 1e6:g} s"
        self.again.stop()
        self.on_end()

    def _line(self, console: int, line: str) -> None:
        if self.failure or self._place >= len(self._steps):
            return
        step = self._steps[self._place]
        if step.text and step.kind in ("wait", "expect") and step.console in (None, console) and step.text in line:
            self._done()
            self.again.start(0)
