"""What every block of the chip is made of: registers, state, alarms, wires and ports.

A block's own file needs one import line::

    from bk7238.peripherals.core import RO, RW, W1C, Alarm, Output, Peripheral, Port, Register, State, on_write
"""

from typing import TYPE_CHECKING, Any

from bk7238.peripherals.core.declaring import BlockPart, Part, on_alarm, on_input, on_read, on_write
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
    "RO",
    "RW",
    "SC",
    "W1C",
    "WO",
    "Alarm",
    "BlockPart",
    "Bus",
    "Clock",
    "Event",
    "Input",
    "Log",
    "Output",
    "Part",
    "Peripheral",
    "Port",
    "Register",
    "ResetKind",
    "RunningAlarm",
    "Services",
    "State",
    "on_alarm",
    "on_input",
    "on_read",
    "on_write",
    "word",
]
