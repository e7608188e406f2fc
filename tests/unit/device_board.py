"""A board with devices on its pins and buses, and a guest that meets them all: programs/devices.s."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bk7238 import chip
from bk7238.machine import Machine

GUEST = Path(__file__).with_name("programs") / "devices.bin"
DONE = 236_000  # microseconds, when the guest follows the button
SPIN = b"\xfe\xff\xff\xea"
ALL = """\
button: Beken.PyDevice @ gpio 26
    model: "button:Button"

lamp: Beken.PyDevice @ gpio 8
    model: "relay:Relay"

eeprom: Beken.PyDevice @ i2c1 0x50
    model: "eeprom:Eeprom"

oven: Beken.PyDevice @ spi
    model: "thermocouple:Thermocouple"
    args: "celsius=100.25"

battery: Beken.PyDevice @ saradc 1
    model: "voltage:Voltage"
    args: "volts=1.2"
"""

MakeBoard = Callable[..., Machine]


def maker(folder: Path) -> MakeBoard:
    """`make(description, program)`: a machine with these devices whose CPU starts at this code."""

    def make(description: str, program: bytes = SPIN * 8, **more: Any) -> Machine:
        path = folder / "devices.repl"
        path.write_text(description)
        return Machine(chip.usual().codec.encode(program.ljust(-(-len(program) // 32) * 32), 0), devices=[path], **more)

    return make


def words(machine: Machine) -> list[int]:
    """What the guest got: the EEPROM's byte, the thermocouple's word, and the conversion."""
    return [int.from_bytes(machine.engine.bus.read(0x400000 + at, 4), "little") for at in range(0, 12, 4)]
