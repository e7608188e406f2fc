"""Things in a file of TOML: what hangs on the chip, a table each.

[[thing]]
name = "button"
kind = "button"
pin = 26

[[thing]]
name = "lamp"
kind = "lamp"
red = 0                      # a channel of the pulse width modulation
green = 1
blue = 2

[[thing]]
name = "mcu"
kind = "peer"
uart = 1
hex = true
cues = [{ hears = "55 aa 00 00", says = "55 aa 03 00", after = "10ms" }]

What a table may have is the type of its kind, of which the schema for editors is made, too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from bk7238 import host_files
from bk7238.engine.platform import DeviceEntry
from bk7238.engine.repl_lexer import Position
from bk7238.formats import typed
from bk7238.formats.duration import duration
from bk7238.formats.typed import TypedError
from bk7238.things.lamp import COLOURS
from bk7238.things.peer import Cue

SUFFIX = ".toml"
Pin = Annotated[int, msgspec.Meta(ge=0, le=31, description="P0 to P31")]
PwmChannel = Annotated[int, msgspec.Meta(ge=0, le=5, description="PWM0 to PWM5")]


class NamedThing(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True, kw_only=True):
    """What every thing has."""

    MODEL: ClassVar[str]
    HANGS: ClassVar[tuple[str, ...]]  # the keys that say where

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="as tests and steps call it")]

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Where it hangs: the name of a block, and the number of a pin, a channel or an address there."""
        raise NotImplementedError

    @property
    def arguments(self) -> dict[str, Any]:
        """What its class is told: what does not say where it hangs."""
        said = msgspec.structs.asdict(self)
        return {key: said[key] for key in said if key not in ("name", *self.HANGS)}


class OnPin(NamedThing, kw_only=True):
    """Something on a pin."""

    HANGS = ("pin",)
    pin: Pin

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Its pin."""
        return [("gpio", self.pin)]


class ButtonThing(OnPin, tag="button", kw_only=True):
    """A button: `pressed` is the level while it is down, and it bounces so often."""

    MODEL = "button:Button"
    pressed: Literal[0, 1] = 0
    bounces: Annotated[int, msgspec.Meta(ge=0)] = 0


class RelayThing(OnPin, tag="relay", kw_only=True):
    """A relay, which is closed while its pin has the level `active`."""

    MODEL = "relay:Relay"
    active: Literal[0, 1] = 1


class LedThing(OnPin, tag="led", kw_only=True):
    """An LED, which is lit while its pin has the level `active`."""

    MODEL = "relay:Led"
    active: Literal[0, 1] = 1


class LampThing(NamedThing, tag="lamp", kw_only=True):
    """A lamp: which channel of the pulse width modulation each of its colours hangs on."""

    MODEL = "lamp:ColourLamp"
    HANGS = tuple(COLOURS)
    red: PwmChannel | None = None
    green: PwmChannel | None = None
    blue: PwmChannel | None = None
    white: PwmChannel | None = None
    cold: PwmChannel | None = None
    warm: PwmChannel | None = None

    def __post_init__(self) -> None:
        if not self._channels:
            raise ValueError(f"Expected a channel of one of {', '.join(COLOURS)}")

    @property
    def _channels(self) -> dict[str, int]:
        channels = {colour: getattr(self, colour) for colour in COLOURS}
        return {colour: channel for colour, channel in channels.items() if channel is not None}

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """The channels, of which each block has two."""
        return [(f"pwm{channel // 2}", channel % 2) for channel in self._channels.values()]

    @property
    def arguments(self) -> dict[str, Any]:
        """The colours in the order of the places."""
        return {"colours": " ".join(self._channels)}


class SliderThing(NamedThing, tag="slider", kw_only=True):
    """A voltage on a channel of the converter, which hands may change."""

    MODEL = "voltage:Slider"
    HANGS = ("channel",)
    channel: Annotated[int, msgspec.Meta(ge=1, le=6)]
    volts: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Its channel."""
        return [("saradc", self.channel)]


class PeerCue(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a peer `says`, so long `after` it `hears` this; without that from the power-on on, and `every` so often."""

    says: str
    hears: str = ""
    after: str = "0us"
    every: str = ""

    def __post_init__(self) -> None:
        for name in ("after", "every"):
            try:
                _microseconds(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"Expected {error} in `{name}`") from None
        if self.every and (self.hears or not _microseconds(self.every)):
            raise ValueError("Expected `every` to be a time above 0, and without `hears`")


class PeerThing(NamedThing, tag="peer", kw_only=True):
    """Somebody at the other end of a serial line; with `hex` the texts of the cues are bytes in hexadecimal."""

    MODEL = "peer:SerialPeer"
    HANGS = ("uart",)
    uart: Literal[1, 2]
    cues: list[PeerCue] = []
    hex: bool = False

    def __post_init__(self) -> None:
        try:
            self.arguments  # noqa: B018
        except ValueError as error:
            raise ValueError(f"Expected bytes in hexadecimal in `cues`: {error}") from None

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Its line."""
        return [(f"uart{self.uart}", None)]

    @property
    def arguments(self) -> dict[str, Any]:
        """The cues as bytes and microseconds."""
        read = bytes.fromhex if self.hex else str.encode
        return {
            "cues": [
                Cue(read(one.hears), read(one.says), _microseconds(one.after), _microseconds(one.every))
                for one in self.cues
            ]
        }


class ThermocoupleThing(NamedThing, tag="thermocouple", kw_only=True):
    """A thermocouple on SPI, selected by the bus's own chip select or by a pin; an open one has no `celsius`."""

    MODEL = "thermocouple:Thermocouple"
    HANGS = ("select",)
    select: Pin | None = None
    celsius: float | None = None

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Its chip select."""
        return [("spi", self.select)]


class EepromThing(NamedThing, tag="eeprom", kw_only=True):
    """An EEPROM on I2C, of so many bytes in pages of so many."""

    MODEL = "eeprom:Eeprom"
    HANGS = ("bus", "address")
    bus: Literal[1, 2] = 1
    address: Annotated[int, msgspec.Meta(ge=0x08, le=0x77)] = 0x50
    size: int = 256
    page: int = 8

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Its address."""
        return [(f"i2c{self.bus}", self.address)]


class ThingsFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file of things."""

    thing: list[
        ButtonThing | RelayThing | LedThing | LampThing | SliderThing | PeerThing | ThermocoupleThing | EepromThing
    ]


@dataclass(frozen=True)
class TomlPosition(Position):
    """A place in a file of things, by the keys that lead there."""

    keys: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.keys}"


def expand(files: Iterable[str | Path]) -> list[str | Path | DeviceEntry]:
    """The same, with the things of TOML files in the place of these. Raises ValueError, with file and key."""
    expanded: list[str | Path | DeviceEntry] = []
    for file in files:
        expanded += _read(Path(file)) if str(file).endswith(SUFFIX) else [file]
    return expanded


def from_toml(table: dict[str, Any]) -> ThingsFile:
    """The things in a TOML document. Raises TypedError, with the place."""
    things = typed.convert(table, ThingsFile)
    names = [one.name for one in things.thing]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise TypedError(f"something is called {name!r} already", ("thing", number, "name"))
    return things


def _read(path: Path) -> Iterator[DeviceEntry]:
    try:
        things = from_toml(tomllib.loads(host_files.read(path, host_files.TEXT).decode()))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; name a file of things") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply") from None
    except ValueError as error:  # no TOML, no UTF-8, or not the things of a file
        raise ValueError(f"{path}: {error}") from None
    for number, thing in enumerate(things.thing):
        place, *more = thing.places
        at = f"thing.{number}"
        yield DeviceEntry(
            thing.name,
            *place,
            f"bk7238.things.{thing.MODEL}",
            thing.arguments,
            TomlPosition(str(path), 0, 0, f"{at} ({thing.name})"),
            TomlPosition(str(path), 0, 0, f"{at}.{next(iter(thing.HANGS))} ({thing.name})"),
            tuple(more),
        )


def _microseconds(time: str) -> int:
    return duration(time) if time else 0
