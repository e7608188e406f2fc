"""What a machine asks of an engine, whichever it is, and the making of one by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bk7238.exit_status import UserError

if TYPE_CHECKING:  # the settings have the names of the engines
    from bk7238.engine.log import MachineLog
    from bk7238.engine.platform import DeviceEntry
    from bk7238.engine.wiring import Board
    from bk7238.peripherals.core import Bus, Clock, ResetKind, Signal

EMBEDDED = "unicorn"
NAMES = (EMBEDDED, "renode")


class EngineError(UserError):
    """The engine cannot carry out what the guest does, or cannot be had on this machine."""


class Engine(Protocol):
    """A platform whose CPU can run. Times are virtual microseconds since power-on."""

    name: str
    board: Board
    log: MachineLog
    on_reset: Signal  # told the ResetKind
    on_storm: Signal  # told what raises exceptions over and over, once `progress` stands still
    progress: Callable[[], object]  # a value that changes when the guest gets anywhere

    @property
    def bus(self) -> Bus:
        """The system bus, by CPU addresses."""

    @property
    def clock(self) -> Clock:
        """Virtual time."""

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        ...

    def run(self, until: int) -> None:
        """Run until the virtual microsecond `until`, or until a callback calls `stop`. Raises what a block raised,
        and Interrupted within `interruption.heard`."""
        ...

    def stop(self) -> None:
        """End `run` as soon as the CPU can be stopped. For callbacks."""
        ...

    def power_cycle(self) -> None:
        """Power off and on: only the flash chip and the eFuse remember."""
        ...

    @property
    def powered(self) -> bool:
        """Whether the device has power."""
        ...

    def power_off(self) -> None:
        """Power off until `power_cycle`. Raises EngineError where the engine cannot."""
        ...

    def request_reset(self, kind: ResetKind) -> None:
        """Reset before the next block of code."""
        ...

    @property
    def ram(self) -> dict[int, bytes]:
        """What the memories hold that forget it without power, by their CPU addresses. Raises EngineError where the
        engine does not show it."""
        ...

    def fill_ram(self, content: dict[int, bytes]) -> None:
        """Put bytes there."""
        ...

    def register(self, name: str) -> int:
        """A register of the current mode: r0 to r15, sp, lr, pc, cpsr or spsr."""
        ...


def make(name: str, platform: Path, seed: int, devices: Sequence[Path | DeviceEntry] = ()) -> Engine:
    """The engine called `name` on the platform description at `platform`, with `devices`, and what descriptions among
    them add.

    Raises ValueError for a name that is unknown and for a description that cannot be, and EngineError where the engine
    cannot be had.
    """
    if name not in NAMES:
        raise ValueError(f"engine {name!r} is unknown; there is {', '.join(NAMES)}")
    if name == "renode":
        from bk7238.engine.renode import RenodeEngine

        return RenodeEngine(platform, seed, devices)
    from bk7238.engine.repl import load
    from bk7238.engine.unicorn import UnicornEngine

    return UnicornEngine(load(platform, *devices), seed)


def embedded() -> str:
    """The engine that comes with the package: the version of Unicorn, and what steps it. Raises EngineError where it
    cannot be loaded."""
    try:
        import unicorn

        from bk7238.engine import slice as slices
    except (ImportError, OSError) as error:
        raise EngineError(str(error)) from error
    return f"Unicorn {unicorn.__version__}, {slices.functions().name} stepping"
