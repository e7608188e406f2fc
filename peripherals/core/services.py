"""What a block is given, and all it knows of the world: a clock, the bus, chance, a log and the reset request."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class ResetKind(Enum):
    """Why the chip starts over. A watchdog reset spares RAM and the always-on part, deep sleep the always-on part."""

    POWER_ON = "power-on"
    WATCHDOG = "watchdog"
    DEEP_SLEEP = "deep sleep"


class PendingEvent(Protocol):
    """Something the clock will do; those of the same microsecond happen in the order of their numbers."""

    @property
    def number(self) -> int:
        """Its place among those of the same microsecond."""

    @property
    def at(self) -> int:
        """The microsecond at which it happens."""

    def cancel(self) -> None:
        """See that it does not happen."""


class Recurring(Protocol):
    """Something that goes off at tick `ticks` of the clock, again and again, and is never forgotten."""

    ticks: int
    number: int
    following: int | None

    def expire(self) -> None:
        """Go off."""

    def stop(self) -> None:
        """See that it does not go off."""


class Clock(Protocol):
    """Virtual time in whole microseconds since power-on."""

    @property
    def now(self) -> int:
        """Virtual microseconds since power-on."""

    def after(self, microseconds: int, callback: Callable[[], None]) -> PendingEvent:
        """Call `callback` once, `microseconds` (zero or more) from now."""
        ...

    def add(self, recurring: Recurring) -> None:
        """Know something that may go off."""

    def start(self, recurring: Recurring, microseconds: int) -> None:
        """Let it go off `microseconds` from now."""

    def start_again(self, recurring: Recurring, deadline: int, number: int) -> None:
        """Let it go off at microsecond `deadline`, as what had that number in the clock's order."""

    def microseconds(self, ticks: int) -> int:
        """So many ticks of the clock, in whole microseconds."""
        ...

    def resume(self, deadline: int, number: int, callback: Callable[[], None]) -> PendingEvent:
        """Call `callback` at microsecond `deadline`, as an event that had that number in the clock's order."""
        ...


class Bus(Protocol):
    """The system bus as a bus master sees it: CPU addresses, memory only. Raises ValueError outside of memory.

    `on_store(address, value, width)` is called when the CPU stores into the window in which the flash shows, and
    answers whether that does anything. Where it does no more than fill the store buffer at host address `buffer`, and
    does not complete it, the call may be left out. `on_served(slice)` is called by an engine that programs the flash by
    itself, with the host address of its slice; `written` is told of that.

    `place(header, buffer, used, frame, length, report, rings)` lets an engine place a received frame into the rings of
    the Wi-Fi MAC, whose registers for the current descriptors have these host addresses and whose descriptors lie in
    memory as `Rings` says, and answers whether it did.
    """

    on_store: Callable[[int, int, int], bool]
    buffer: int | None
    on_served: Callable[[int], object]
    place: Callable[..., bool]

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes at a CPU address."""

    def write(self, address: int, data: bytes) -> None:
        """Write `data` at a CPU address."""

    def written(self, address: int, length: int, /) -> None:
        """Know that bytes of the window have changed without a `write`."""


class Log(Protocol):
    """Messages about this block; the engine adds the time and the program counter."""

    def info(self, message: str) -> None:
        """Report what a user may want to know."""

    def warning(self, message: str) -> None:
        """Report what is probably wrong."""

    def unclaimed(self, offset: int, value: int | None) -> None:
        """An access that no register claims: a read where `value` is None. Reported once an offset."""
        ...


@dataclass(frozen=True)
class Services:
    """The services of one block. `stop_cpu` takes the CPU's clock away, or gives it back, and answers whether the
    engine can do so; a reset gives it back."""

    name: str
    clock: Clock
    bus: Bus
    random: random.Random
    log: Log
    request_reset: Callable[[ResetKind], None]
    stop_cpu: Callable[[bool], bool] = lambda _stopped: False
