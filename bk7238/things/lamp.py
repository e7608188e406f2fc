"""A lamp of several colours, each as bright as its channel of the pulse width modulation says."""

from __future__ import annotations

from typing import Any

from bk7238.peripherals.core import Look, PwmDevice, Services

WHITE = (1.0, 1.0, 1.0)
COLOURS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "white": WHITE,
    "cold": (0.8, 0.9, 1.0),
    "warm": (1.0, 0.7, 0.4),
}
"""What may shine in it: red, green and blue of each at its brightest."""


class ColourLamp(PwmDevice):
    """A lamp in which the `colours`, with blanks between them, hang on channels, in the order in which these are
    named."""

    kind = "lamp"

    def __init__(self, services: Services, *, colours: str = "white") -> None:
        super().__init__(services)
        self.colours = colours.split()
        for colour in self.colours:
            if colour not in COLOURS:
                raise ValueError(f"{colour!r} shines in no lamp; there is {', '.join(COLOURS)}")
        self._channels: list[tuple[Any, int | None]] = []

    def hang(self, carrier: Any, place: int | None) -> None:
        """Hang the next colour on a channel."""
        super().hang(carrier, place)
        self._channels.append((carrier, place))

    @property
    def where(self) -> str:
        """All its channels."""
        return ", ".join(carrier.spot(place) for carrier, place in self._channels)

    @property
    def brightness(self) -> dict[str, float]:
        """Of each of its colours, from 0 to 1."""
        return {
            colour: carrier.duty(place) for colour, (carrier, place) in zip(self.colours, self._channels, strict=False)
        }

    @property
    def colour(self) -> str:
        """The colour as the web writes it, such as #ff8800."""
        mixed = [sum(bright * COLOURS[colour][part] for colour, bright in self.brightness.items()) for part in range(3)]
        return "#" + "".join(f"{min(255, round(255 * part)):02x}" for part in mixed)

    @property
    def looks(self) -> dict[str, Look]:
        """The colour, and how bright each that it is made of is."""
        return {"colour": self.colour, **{colour: round(part, 4) for colour, part in self.brightness.items()}}
