"""What every block of the chip is made of: registers, state, alarms, wires and ports; and what hangs on some.

A block's own file needs one import line::

    from bk7238.peripherals.core import RO, RW, W1C, Alarm, Output, Peripheral, Port, Register, State, on_write
"""

from typing import TYPE_CHECKING, Any

from bk7238.peripherals.core.declaring import BlockPart, Part, on_alarm, on_input, on_read, on_write
from bk7238.peripherals.core.device import ALWAYS, AdcDevice, Carrier, Device, I2cDevice, PinDevice, SpiDevice
from bk7238.peripherals.core.peripheral import Peripheral
from bk7238.peripherals.core.register import Register, word
from bk7238.peripherals.core.services import Bus, Clock, Event, Log, ResetKind, Services
from bk7238.peripherals.core.state import Alarm, Input, Output, Port, RunningAlarm, State

if TYPE_CHECKING:
    # A block's declarations become objects of its own when it is made, which a type checker cannot see.
    RO: Any
    RW: Any
    SC: Any
    W1C: Any
    WO: Any
else:
    from bk7238.peripherals.core.register import RO, RW, SC, W1C, WO

__all__ = [
    "ALWAYS",
    "RO",
    "RW",
    "SC",
    "W1C",
    "WO",
    "AdcDevice",
    "Alarm",
    "BlockPart",
    "Bus",
    "Carrier",
    "Clock",
    "Device",
    "Event",
    "I2cDevice",
    "Input",
    "Log",
    "Output",
    "Part",
    "Peripheral",
    "PinDevice",
    "Port",
    "Register",
    "ResetKind",
    "RunningAlarm",
    "Services",
    "SpiDevice",
    "State",
    "on_alarm",
    "on_input",
    "on_read",
    "on_write",
    "word",
]
