"""The pins and the analog channels of the device, as a test touches them with its hands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bk7238.things.board_things import BoardThing, BoardThings

if TYPE_CHECKING:
    from bk7238.testing.kit import Dut


class Pin:
    """A pin of the chip, P0 and so on."""

    def __init__(self, dut: Dut, number: int) -> None:
        self._dut, self.number = dut, number

    def __repr__(self) -> str:
        return f"<P{self.number}: {self.level}>"

    @property
    def level(self) -> int:
        """The level on the pin now: what is driven from outside, else what the chip drives, else its pull's."""
        return int(self._dut.machine.board.gpio.level(self.number))

    def drive(self, level: int | None) -> None:
        """Drive the pin from outside until told otherwise, also through resets; None lets go of it. Raises ValueError
        for what is no level."""
        if level not in (0, 1, None):
            raise ValueError(f"a pin is driven to 0 or 1, or let go with None, not to {level!r}")
        self._dut.machine.board.gpio.set_pin(self.number, level)

    def press(self, time: str | float = "200 ms", level: int = 0) -> None:
        """Hold the pin at a level for that much time, as a button does, and let it go."""
        self.drive(level)
        self._dut.run(time)
        self.drive(None)

    def expect(self, level: int, within: str | float = "20 s") -> None:
        """Let time pass, 10 ms at a time, until the pin has this level. Raises NotSeen."""
        self._dut.wait(lambda: self.level == level, within)


class Pins:
    """`dut.pins[26]` is P26; `dut.pins[26] = 1` drives it from outside, `= None` lets go of it."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        return f"<pins of {self._dut!r}>"

    def __getitem__(self, number: int) -> Pin:
        places = self._dut.machine.board.gpio.places
        if number not in places:
            raise IndexError(f"pins are P{places[0]} to P{places[-1]}, there is no P{number}")
        return Pin(self._dut, number)

    def __setitem__(self, number: int, level: int | None) -> None:
        self[number].drive(level)


class Things:
    """`dut.things["button"]` is what hangs on a pin, a channel or a bus under that name; iteration gives all of them as
    they look now."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    @property
    def _things(self) -> BoardThings:
        return BoardThings(self._dut.machine.board)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._things.device(name)
        except ValueError as error:
            raise KeyError(str(error)) from None

    def __iter__(self) -> Iterator[BoardThing]:
        return iter(self._things)

    def do(self, name: str, control: str, value: object = None) -> None:
        """Do with a thing what hands may: `do("button", "push")`, `do("slider", "set", 1.2)`. Raises ValueError."""
        self._things.do(name, control, value)


class Channels:
    """`dut.adc[1]` are the volts that a conversion of channel 1 finds; `dut.adc[1] = 1.2` puts so many there. Channel 0
    has half of the supply."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __getitem__(self, channel: int) -> float:
        volts: float = self._dut.machine.board.saradc.volts(self._checked(channel))
        return volts

    def __setitem__(self, channel: int, volts: float) -> None:
        self._dut.machine.board.saradc.set_volts(self._checked(channel), volts)

    def _checked(self, channel: int) -> int:
        places = self._dut.machine.board.saradc.places
        if channel not in places:
            raise IndexError(f"channels are {places[0]} to {places[-1]}, there is no {channel}")
        return channel
