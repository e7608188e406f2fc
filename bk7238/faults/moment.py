"""When a fault strikes: what stands behind the @.

A place in the download is exact: the server sends that many bytes of the body, waits until the device has acknowledged
them, and only then the fault strikes; of a package that is brought to the device it is exact to some KiB. Times and
instructions are exact to the microsecond, 30 instructions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bk7238.faults.arguments import seconds
from bk7238.faults.spec import FaultError, unquoted
from bk7238.network.events import Event, PushProgress
from bk7238.network.http_server import Extent, Offer, Transfer
from bk7238.peripherals.core import Actor, Alarm, State, on_alarm

if TYPE_CHECKING:
    from bk7238.faults.targets import Targets

FORMS = {
    "50%": "a share of the download",
    "4096B": "a byte count of the download",
    "flash-op=1200": "as the firmware begins its 1200th program or erase of the flash, resets included",
    "status-write=3": "as the firmware begins its third write of the flash's status register, resets included",
    "3s": "virtual time since power-on; also ms, us, min",
    "insn=5000000": "that many instructions since power-on",
    'uart="text"': "a line with that text was printed on either UART",
}


_FASTEST = 100  # instructions to the microsecond; more than any clock of the chip


@dataclass(frozen=True)
class Moment:
    """One moment. Exactly one of these is set; none of them: from the power-on."""

    share: float | None = None
    bytes: int | None = None
    flash_op: int | None = None
    status_write: int | None = None
    time: int | None = None
    instructions: int | None = None
    uart: str | None = None
    now: bool = False  # not later

    def place(self, total: int) -> int:
        """The place in a download of `total` bytes, which may lie beyond it: then it is never reached."""
        return self.bytes or 0 if self.share is None else round(total * self.share)


def parse(text: str) -> Moment:
    """What stands behind the @, which may be nothing. Raises FaultError."""
    if not text:
        return Moment()
    if match := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text):
        if float(match[1]) <= 100:
            return Moment(share=float(match[1]) / 100)
        raise FaultError(f"{text!r} is more than the whole download")
    if match := re.fullmatch(r"(\d{1,12})B", text):
        return Moment(bytes=int(match[1]))
    name, equals, value = text.partition("=")
    if equals and name == "uart":
        return Moment(uart=unquoted(value, text))
    if (
        equals
        and name in ("flash-op", "status-write", "insn")
        and re.fullmatch(r"[\d_]{1,20}", value)
        and value.strip("_")
    ):
        number = int(value.replace("_", ""))
        if name == "insn":
            return Moment(instructions=number)
        if number:
            return Moment(flash_op=number) if name == "flash-op" else Moment(status_write=number)
        what = "flash operations" if name == "flash-op" else "writes of the status register"
        raise FaultError(f"{text!r}: {what} are counted from 1; without @ a fault is there from the power-on")
    try:
        return Moment(time=seconds(text))
    except ValueError:
        raise FaultError(f"{text!r} is no moment; there is {', '.join(FORMS)}") from None


class Trigger(Actor):
    """Calls `strike` when a moment has come."""

    due = Alarm()
    waiting: bool = State(True)  # for the place in a download, or for the line

    def __init__(self, when: Moment, targets: Targets, strike: Callable[[Targets], None]) -> None:
        self._when, self._targets, self._strike = when, targets, strike
        self._machine, self.clock = targets.machine, targets.machine.clock

    def arm(self) -> None:
        """Wait for the moment."""
        when, targets = self._when, self._targets
        if when.now:
            self.pull()
        elif when.share is not None or when.bytes is not None:
            targets.server.tap.insert(self._limit)
            targets.server.on_progress.connect(self._fetched)
            targets.server.events.on_event.connect(self._heard)
        elif when.flash_op is not None:
            self.at_operation(when.flash_op)
        elif when.status_write is not None:
            targets.flash_operations.at_status_write(when.status_write, self)
        elif when.instructions is not None:
            self._look()
        elif when.uart is not None:
            for console in (self._machine.uart1, self._machine.uart2):
                console.on_line.connect(self._printed)
        else:
            self.due.start(max(0, (when.time or 0) - self._machine.now))

    def pull(self) -> None:
        """The moment has come."""
        self.waiting = False
        self._strike(self._targets)

    def at_operation(self, number: int) -> None:
        """Come (again) as the firmware begins that flash operation."""
        self._targets.flash_operations.at(number, self)

    @on_alarm(due)
    def _look(self) -> None:
        """Time passes without instructions where the CPU sleeps: go a part of the way and look again."""
        missing = (self._when.instructions or 0) - self._machine.instructions
        if missing <= 0:
            self.pull()
        else:
            self.due.start(max(1, missing // _FASTEST))

    def _limit(self, passing: Offer | Extent) -> Offer | Extent:
        """The server goes no further until the device has acknowledged that much."""
        if not self.waiting or not isinstance(passing, Extent):
            return passing
        return passing.until(self._when.place(len(passing.transfer.body)))

    def _fetched(self, transfer: Transfer, acknowledged: int) -> None:
        self._arrived(acknowledged, len(transfer.body))

    def _heard(self, event: Event) -> None:
        """A package that is brought to the device arrives there."""
        if isinstance(event, PushProgress):
            self._arrived(event.acknowledged, event.total)

    def _arrived(self, acknowledged: int, total: int) -> None:
        if self.waiting and self._when.place(total) <= acknowledged:
            self.pull()

    def _printed(self, line: str) -> None:
        if self.waiting and self._when.uart is not None and self._when.uart in line:
            self.pull()
