"""A relay, an LED, or whatever else a pin switches."""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, Look, PinDevice, Services, State


class Relay(PinDevice):
    """Closed while its pin has the level `active`. `switchings` are all changes since the run began: microsecond, and
    whether it closed."""

    switchings: State[list[tuple[int, bool]]] = State(factory=list, keeps=ALWAYS)

    def __init__(self, services: Services, *, active: int = 1) -> None:
        super().__init__(services)
        if active not in (0, 1):
            raise ValueError(f"active is 0 or 1, not {active}")
        self.active = active

    @property
    def closed(self) -> bool:
        """Whether it is closed now."""
        return self.level == self.active

    @property
    def looks(self) -> dict[str, Look]:
        """Whether it is closed."""
        return {"closed": self.closed}

    def level_changed(self, level: int) -> None:
        """Note a switching."""
        self.switchings.append((self.clock.now, level == self.active))


class Led(Relay):
    """An LED, which is lit while its pin has the level `active`."""

    @property
    def looks(self) -> dict[str, Look]:
        """Whether it is lit."""
        return {"lit": self.closed}
