"""What every block is made of: registers, state, alarms, wires and ports; what hangs on some, and what acts around it.

A block's own file needs one import line::

    from bk7238.peripherals.core import RO, RW, W1C, Alarm, Output, Peripheral, Port, Register, State, on_write
"""

from typing import TYPE_CHECKING, Any

from bk7238.peripherals.core.actor import Actor
from bk7238.peripherals.core.declaring import (
    BlockPart,
    Part,
    on_alarm,
    on_batch,
    on_change,
    on_input,
    on_read,
    on_write,
)
from bk7238.peripherals.core.device import (
    ALWAYS,
    AdcDevice,
    Carrier,
    Device,
    I2cDevice,
    Look,
    PinDevice,
    PwmDevice,
    SpiDevice,
    UartDevice,
)
from bk7238.peripherals.core.peripheral import Peripheral
from bk7238.peripherals.core.register import Clears, Quiet, Register, word
from bk7238.peripherals.core.services import Bus, Clock, Log, PendingEvent, Recurring, ResetKind, Services
from bk7238.peripherals.core.signal import Signal, Tap
from bk7238.peripherals.core.state import (
    NEVER,
    Alarm,
    Batch,
    Calls,
    Copy,
    Counting,
    Feed,
    Fifo,
    Load,
    Periodic,
    Port,
    RunningAlarm,
    RunningCalls,
    RunningFifo,
    StartTime,
    StoreBuffer,
)
from bk7238.peripherals.core.wire import Input, Net, Output, Pending

if TYPE_CHECKING:
    # Declarations become objects of each block's or actor's own when it is made, which a type checker cannot see.
    RO: Any
    RW: Any
    SC: Any
    W1C: Any
    WO: Any
    State: Any
else:
    from bk7238.peripherals.core.register import RO, RW, SC, W1C, WO
    from bk7238.peripherals.core.state import State

__all__ = [
    "ALWAYS",
    "NEVER",
    "RO",
    "RW",
    "SC",
    "W1C",
    "WO",
    "Actor",
    "AdcDevice",
    "Alarm",
    "Batch",
    "BlockPart",
    "Bus",
    "Calls",
    "Carrier",
    "Clears",
    "Clock",
    "Copy",
    "Counting",
    "Device",
    "Feed",
    "Fifo",
    "I2cDevice",
    "Input",
    "Load",
    "Log",
    "Look",
    "Net",
    "Output",
    "Part",
    "Pending",
    "PendingEvent",
    "Periodic",
    "Peripheral",
    "PinDevice",
    "Port",
    "PwmDevice",
    "Quiet",
    "Recurring",
    "Register",
    "ResetKind",
    "RunningAlarm",
    "RunningCalls",
    "RunningFifo",
    "Services",
    "Signal",
    "SpiDevice",
    "StartTime",
    "State",
    "StoreBuffer",
    "Tap",
    "UartDevice",
    "on_alarm",
    "on_batch",
    "on_change",
    "on_input",
    "on_read",
    "on_write",
    "word",
]
