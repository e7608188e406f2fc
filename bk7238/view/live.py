"""What the page is told of a device that runs, and what it may ask for: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bk7238.bench import command
from bk7238.faults.spec import FaultError
from bk7238.image.flash_view import FlashView
from bk7238.peripherals.nor_endings import SECTOR
from bk7238.view import board_state, panels
from bk7238.view.desk import LINK, PIN, PRESS, THING, TYPE, TYPED, Deed, Desk
from bk7238.view.dissection import dissected
from bk7238.view.saved_test import saved_test

SLICE = 200_000  # virtual microseconds at most between two looks at who asks
FAST = 0.0  # the speed of a run that waits for nobody
_MOST_SIGHTS = 5_000  # told at once


class PageError(ValueError):
    """What the page asked for cannot be; the message is one line."""


@dataclass
class PageState:
    """What one page knows already: whose moment, how many sights and how much of the consoles."""

    epoch: int = -1
    history: int = -1
    sights: int = 0
    printed: list[int] = field(default_factory=lambda: [0, 0])
    letters: list[str] = field(default_factory=list)
    block: str = ""  # whose registers it shows


class LiveDevice:
    """A desk that a page shows. `image` and `package` (empty: none) are the paths of the files."""

    live = True

    def __init__(self, desk: Desk, image: str, package: str) -> None:
        self.desk, self._image, self._package = desk, image, package
        self.running = False
        self.speed = 1.0  # how many virtual seconds a second of the host may have
        self._flash_of: tuple[int, int] = (-1, -1)
        self._commands: dict[str, Callable[[PageState, dict[str, Any]], dict[str, Any]]] = {
            "run": self._run,
            "pause": self._pause,
            "speed": self._set_speed,
            "goto": self._goto,
            "type": self._type,
            "fault": self._fault,
            "cut": self._cut,
            "pin": self._pin,
            "link": self._link,
            "thing": self._thing,
            "why": self._why,
            "debug": self._debug,
            "undebug": self._undebug,
            "save": self._save,
            "digest": self._digest,
        }
        self._looks: dict[str, Callable[[PageState, dict[str, Any]], dict[str, Any]]] = {
            "dissect": self._dissect,
            "watch": self._watch,
        }

    @property
    def _view(self) -> FlashView:
        machine = self.desk.machine
        return FlashView(machine.chip, bytes(machine.flash.data))

    @cached_property
    def _flash(self) -> panels.FlashMap:
        return panels.FlashMap(self._view)

    # Running

    def look_at(self, somebody: bool) -> None:
        """Somebody looks from now on, or nobody."""
        self.desk.look_at(somebody)

    def turn(self, until: int) -> None:
        """Run a little, to virtual microsecond `until` at most, or let a debugger do so."""
        if self.desk.gdb is not None:
            self.desk.turn()
        elif self.running and self.desk.advance(min(until, self.desk.now + SLICE)):
            self.running = False

    @property
    def now(self) -> int:
        """Virtual microseconds since power-on."""
        return self.desk.now

    @property
    def busy(self) -> bool:
        """Whether `turn` has something to do."""
        return self.running or self.desk.gdb is not None

    # What it shows

    def introduction(self) -> dict[str, Any]:
        """What does not change."""
        view, machine = self._view, self.desk.machine
        return {
            "live": True,
            "image": Path(self._image).name,
            "package": Path(self._package).name,
            "settings": command.words(self.desk.settings),
            "chip": machine.chip.name,
            "sector": SECTOR,
            "flash_size": len(view.data),
            "partitions": panels.partitions(view),
            "faults": panels.fault_kinds(),
            "shapes": panels.shapes(),
            "blocks": board_state.blocks(machine),
            "can_go_back": self.desk.can_go_back,
        }

    def news(self, reader: PageState) -> dict[str, Any]:
        """What a page does not know yet."""
        desk, machine, history = self.desk, self.desk.machine, self.desk.history
        moved = reader.epoch != desk.epoch
        if moved:
            reader.epoch, reader.printed = desk.epoch, [0, 0]
        told: dict[str, Any] = {
            "status": panels.status(desk),
            "running": self.running,
            "speed": self.speed,
            "history": history.number,
            "end": history.end,
            "cursor": history.seen.cursor,
            "histories": [
                {
                    "number": one.number,
                    "parent": one.parent,
                    "fork": one.fork,
                    "end": one.end,
                    "faults": one.faults,
                    "deeds": [[deed.time, str(deed)] for deed in one.deeds if deed.time >= one.fork],
                    "verdict": one.result and one.result.verdict.value,
                }
                for one in desk.histories
            ],
            "firings": panels.firings(desk),
            "gdb": desk.gdb and "{}:{}".format(*desk.gdb.address),
            "sights": self._sights(reader),
            "consoles": [
                self._printed(reader, 0, machine.uart1.output),
                self._printed(reader, 1, machine.uart2.output),
            ],
            "flash": self._sectors(reader),
        }
        if reader.block:
            told["registers"] = [reader.block, board_state.registers(machine, reader.block)]
        return told

    def _sights(self, reader: PageState) -> list[Any]:
        """The number of the first that is told, and those from there on."""
        seen = self.desk.history.seen.sights
        if reader.history != self.desk.history.number or reader.sights > len(seen):
            reader.history, reader.sights = self.desk.history.number, 0
        first = reader.sights
        told = [sight.as_json() for sight in seen[first : first + _MOST_SIGHTS]]
        reader.sights += len(told)
        return [first, told]

    @staticmethod
    def _printed(reader: PageState, place: int, output: bytearray) -> list[Any]:
        """Where in the console's output the text begins that is told, and the text."""
        first = reader.printed[place]
        reader.printed[place] = len(output)
        return [first, bytes(output[first:]).decode("utf-8", "replace")]

    def _sectors(self, reader: PageState) -> dict[int, str]:
        state = self.desk.epoch, self.desk.machine.flash_operations
        if state != self._flash_of:
            self._flash_of = state
            self._flash.update(bytes(self.desk.machine.flash.data))
        letters = self._flash.letters
        known = reader.letters or [""] * len(letters)
        reader.letters = list(letters)
        return {number: letter for number, letter in enumerate(letters) if letter != known[number]}

    # What it may ask for

    def look(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to what changes nothing; None for anything else. Raises PageError."""
        look = self._looks.get(str(wanted.get("do")))
        return None if look is None else self._answer(look, reader, wanted)

    def obey(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        """Do what was asked for, and answer. Raises PageError."""
        do = self._commands.get(str(wanted.get("do")))
        if do is None:
            raise PageError(f"nothing is called {wanted.get('do')!r}")
        return self._answer(do, reader, wanted)

    @staticmethod
    def _answer(do: Callable[..., dict[str, Any]], reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        try:
            return do(reader, wanted)
        except (FaultError, ValueError, IndexError, KeyError, TypeError) as error:
            raise PageError(" ".join(str(error).split()) or type(error).__name__) from None

    def _run(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        self.running = True
        return {}

    def _pause(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        self.running = False
        return {}

    def _set_speed(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        speed = wanted["speed"]
        if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0 <= speed <= 1000:
            raise ValueError(f"a speed is 0 (fast) to 1000 times real time, not {speed!r}")
        self.speed = float(speed)
        return {}

    def _goto(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        number = wanted.get("history")
        self.running = False
        self.desk.goto(whole_number(wanted["time"]), None if number is None else whole_number(number))
        return {}

    def _type(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        text, console = typed(wanted["text"]), whole_number(wanted["console"], 1, 2)
        self.desk.act(Deed(self.desk.now, TYPE, text, console))
        return {}

    def _thing(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        name, control = typed(wanted["thing"]), typed(wanted["control"])
        value = self.desk.things.check(name, control, wanted.get("value"))
        if isinstance(value, str):
            typed(value)
        self.desk.act(Deed(self.desk.now, THING, name, control=control, value=value))
        return {}

    def _fault(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        text = str(wanted["fault"])
        if wanted.get("now"):
            text += f"@{self.desk.now + 1}us"
        joined = self.desk.fault(text)
        return {"said": f"{text}" if joined else f"{text}: from the power-on, in a history of its own"}

    def _cut(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        how = wanted.get("how")
        if not how:
            return self._fault(reader, {"fault": "power-cut", "now": True})
        operations = self.desk.bench.faults.operations
        assert operations is not None
        return self._fault(reader, {"fault": f"power-cut:{how}@flash-op={operations.begun + 1}"})

    def _pin(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        gpio, now = self.desk.machine.board.gpio, self.desk.now
        pin = whole_number(wanted["pin"], gpio.places[0], gpio.places[-1])
        level = None if wanted.get("level") is None else whole_number(wanted["level"], 0, 1)
        held = [Deed(now + PRESS, PIN, "", pin, None, follows=True)] if wanted.get("press") else []
        self.desk.act(Deed(now, PIN, "", pin, level), *held)
        return {}

    def _link(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        self.desk.act(Deed(self.desk.now, LINK, "", 0, int(bool(wanted["on"]))))
        return {}

    def _why(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        history = self.desk.history
        if history.result is None:
            raise ValueError("there is no verdict yet")
        self.running = False
        time, text = history.why
        self.desk.goto(time)
        return {"said": f"{time / 1e6:.6f} s: {text}"}

    def _debug(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        self.running = False
        host, port = self.desk.debug()
        return {"said": f"in GDB: target extended-remote {host}:{port}"}

    def _undebug(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        self.desk.goto(self.desk.history.fork, self.desk.history.parent)
        return {}

    def _save(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        return {"file": "test_saved.py", "text": saved_test(self.desk, self._image, self._package)}

    def _digest(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        return {"digest": self.desk.machine.digest()}

    def _dissect(self, _reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        sights = self.desk.history.seen.sights
        sight = sights[whole_number(wanted["sight"], 0, len(sights) - 1)]
        if not sight.data:
            raise ValueError("that is no frame")
        keys = dict.fromkeys(key for one in self.desk.bench.air.access_points for key in one.security.keys)
        return {"dissected": dissected(sight, keys)}

    def _watch(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        block = str(wanted["block"])
        if block:
            board_state.registers(self.desk.machine, block)
        reader.block = block
        return {}


def typed(text: Any) -> str:
    """What somebody has typed. Raises ValueError."""
    if not isinstance(text, str) or len(text) > TYPED:
        raise ValueError(f"what is typed is a text of {TYPED:,} characters at most")
    text.encode()
    return text


def whole_number(number: Any, least: int = 0, most: int = 1 << 53) -> int:
    """A whole number within these bounds. Raises ValueError."""
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise ValueError(f"{number!r} is no whole number from {least} to {most}")
    return number
