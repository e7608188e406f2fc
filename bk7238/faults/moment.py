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

if TYPE_CHECKING:
    from bk7238.faults.targets import Targets

FORMS = {
    "50%": "a share of the download",
    "4096B": "a byte count of the download",
    "flash-op=1200": "as the firmware begins its 1200th program or erase of the flash, resets included",
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
    time: int | None = None
    instructions: int | None = None
    uart: str | None = None

    def place(self, total: int) -> int:
        """The place in a download of `total` bytes, which may lie beyond it: then it is never reached."""
        return self.bytes or 0 if self.share is None else round(total * self.share)

    def arm(self, targets: Targets, strike: Callable[[], None]) -> None:
        """Have `strike` called once, when the moment has come."""
        if self.share is not None or self.bytes is not None:
            targets.director.at(self.place, strike)
        elif self.flash_op is not None:
            targets.flash_operations.at(self.flash_op, strike)
        elif self.instructions is not None:
            _count(targets, self.instructions, strike)
        elif self.uart is not None:
            _listen(targets, self.uart, strike)
        else:
            targets.machine.clock.after(max(0, (self.time or 0) - targets.machine.now), strike)


class _Now(Moment):
    """Not later."""

    def arm(self, targets: Targets, strike: Callable[[], None]) -> None:
        strike()


NOW = _Now()


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
    if equals and name in ("flash-op", "insn") and re.fullmatch(r"[\d_]{1,20}", value) and value.strip("_"):
        number = int(value.replace("_", ""))
        if name == "insn":
            return Moment(instructions=number)
        if number:
            return Moment(flash_op=number)
    try:
        return Moment(time=seconds(text))
    except ValueError:
        raise FaultError(f"{text!r} is no moment; there is {', '.join(FORMS)}") from None


def _count(targets: Targets, instructions: int, strike: Callable[[], None]) -> None:
    """Time passes without instructions where the CPU sleeps: go a part of the way and look again."""
    machine = targets.machine

    def look() -> None:
        missing = instructions - machine.instructions
        if missing <= 0:
            strike()
        else:
            machine.clock.after(max(1, missing // _FASTEST), look)

    look()


def _listen(targets: Targets, text: str, strike: Callable[[], None]) -> None:
    waiting = [strike]

    def line(printed: str) -> None:
        if waiting and text in printed:
            waiting.pop()()

    targets.machine.uart1.on_line(line)
    targets.machine.uart2.on_line(line)
