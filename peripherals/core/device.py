"""What hangs outside of the chip, on its pins, channels and buses: bases of devices, and of blocks that carry some.

A device declares what is mutable as a block does (`State`, `Alarm`): a power-on resets it, and a snapshot has it. A
watchdog's reset does not reach it; what outlives a power-on (a finger on a button, the content of an EEPROM) is
declared with `keeps=ALWAYS`. Its class is called with the services and the `args` that the platform description gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from bk7238.peripherals.core.peripheral import Peripheral
from bk7238.peripherals.core.services import ResetKind, Services
from bk7238.peripherals.core.state import State

ALWAYS = tuple(ResetKind)
Look = bool | int | float | str | None


class Device(Peripheral):
    """Something outside of the chip: `carrier` is the block that it hangs on, `place` the number of its pin or channel,
    or its address there. `controls` are what hands may do with it: names of its methods, each with the type of its one
    argument, None where it takes none."""

    size = 0
    kind: ClassVar[str] = ""  # what it is called, where that is not the name of its class
    carrier: Any = None
    place: int | None = None
    controls: ClassVar[Mapping[str, type[float] | type[str] | None]] = {}

    def hang(self, carrier: Any, place: int | None) -> None:
        """Hang on a block."""
        self.carrier, self.place = carrier, place

    @property
    def where(self) -> str:
        """What it hangs on, for people."""
        return "" if self.carrier is None else self.carrier.spot(self.place)

    @property
    def looks(self) -> dict[str, Look]:
        """What somebody sees who looks at it, by name."""
        return {}


class PinDevice(Device):
    """A device on a pin, whose level it may drive, and of which it is told."""

    def drive(self, level: bool | None) -> None:
        """Drive the pin until told otherwise, also through resets of the chip; None lets go of it."""
        if self.carrier is not None:
            self.carrier.set_pin(self.place, level)

    @property
    def level(self) -> int:
        """The level on the pin now."""
        return 0 if self.carrier is None else int(self.carrier.level(self.place))

    def level_changed(self, level: int) -> None:
        """Called for every change of the pin's level, whoever drives it."""


class AdcDevice(Device):
    """A device on a channel of the analog-to-digital converter."""

    def volts(self) -> float:
        """The voltage that is converted now."""
        return 0.0


class PwmDevice(Device):
    """A device on a channel of the pulse width modulation."""

    @property
    def duty(self) -> float:
        """How much of the time the channel is high now, from 0 to 1."""
        return 0.0 if self.carrier is None else float(self.carrier.duty(self.place))


class UartDevice(Device):
    """What is at the other end of a serial line, and speaks with its speed."""

    def send(self, data: bytes) -> None:
        """Send bytes to the chip, one after the other."""
        if self.carrier is not None:
            self.carrier.receive(data)

    def received(self, byte: int) -> None:
        """Called for every byte that the chip sends, in its moment."""


class SpiDevice(Device):
    """A slave on an SPI bus."""

    selected = State(False)

    def select(self, selected: bool) -> None:
        """Called where the chip select becomes active or inactive."""

    def exchange(self, byte: int) -> int:
        """The byte that goes to the master while `byte` comes from it. Called only while the device is selected."""
        return 0xFF

    def chip_select(self, selected: bool) -> None:
        """Tell the device what its chip select is now."""
        if selected != self.selected:
            self.selected = selected
            self.select(selected)


class I2cDevice(Device):
    """A slave on an I2C bus; `place` is its address of seven bits."""

    def start(self, reading: bool) -> bool:
        """Answer whether the device acknowledges its address, after a start condition or a repeated one."""
        return True

    def write_byte(self, byte: int) -> bool:
        """Take a byte from the master, and answer whether it is acknowledged."""
        return True

    def read_byte(self) -> int:
        """The next byte for the master."""
        return 0xFF

    def stop(self) -> None:
        """Called at the stop condition."""


class Carrier(Peripheral):
    """A block on which devices hang: of the class `takes`, each at one of `places`, numbers of a `unit`; or, where
    `unnumbered`, one without a number. `devices` has them by their places."""

    takes: ClassVar[type[Device]] = Device
    places: ClassVar[range] = range(0)
    unit: ClassVar[str] = "pin"
    unnumbered: ClassVar[bool] = False

    def __init__(self, services: Services) -> None:
        self.devices: dict[int | None, Any] = {}
        super().__init__(services)

    def attach(self, device: Device, place: int | None) -> None:
        """Hang a device on the block. Raises ValueError for one of another kind, and for a place that the block does
        not have or that is taken."""
        if not isinstance(device, self.takes):
            raise ValueError(f"{device.name} is no {self.takes.__name__}, and {self.name} takes no other device")
        if place is None and not self.unnumbered:
            raise ValueError(f"{self.name} takes a device at a number: {self._known}")
        if place is not None and place not in self.places:
            raise ValueError(f"{self.name} has no {self.unit} {self._written(place)}: {self._known}")
        if place in self.devices:
            where = "there" if place is None else f"at {self.unit} {self._written(place)}"
            raise ValueError(f"{self.devices[place].name} hangs {where} already")
        self.devices[place] = device
        device.hang(self, place)

    @property
    def _known(self) -> str:
        if not self.places:
            return f"leave the {self.unit} out"
        article = "an" if self.unit == "address" else "a"
        return f"{article} {self.unit} from {self._written(self.places[0])} to {self._written(self.places[-1])}"

    def spot(self, place: int | None) -> str:
        """The block and one of its places, for people: `gpio 26`."""
        return self.name if place is None else f"{self.name} {self._written(place)}"

    def _written(self, place: int) -> str:
        return f"{place:#x}" if self.unit == "address" else str(place)
