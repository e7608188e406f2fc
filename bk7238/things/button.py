"""A button between a pin and one of its rails."""

from __future__ import annotations

from bk7238.peripherals.core import ALWAYS, Alarm, Look, PinDevice, ResetKind, Services, State, on_alarm

BOUNCE_US = 500
PUSH_US = 200_000


class Button(PinDevice):
    """`pressed` is the level while the contact is closed; when it opens the pin has its pull. A contact that bounces
    opens and closes `bounces` times more, half a millisecond each. A finger stays where it is when the power goes."""

    down = State(False, keeps=ALWAYS)
    turns = State(0)
    bouncing = Alarm()
    pushed = Alarm()

    controls = {"push": None, "press": None, "release": None}

    def __init__(self, services: Services, *, pressed: int = 0, bounces: int = 0) -> None:
        super().__init__(services)
        if pressed not in (0, 1) or not isinstance(bounces, int) or bounces < 0:
            raise ValueError(f"pressed is 0 or 1, bounces 0 or more, not {pressed} and {bounces}")
        self.pressed, self.bounces = bool(pressed), bounces

    def on_reset(self, _kind: ResetKind) -> None:
        """Tell the pin again how the button is."""
        if self.carrier is not None:
            self._contact(self.down)

    # The world's side

    @property
    def looks(self) -> dict[str, Look]:
        """Whether a finger is on it."""
        return {"down": self.down}

    def press(self) -> None:
        """Close the contact, and keep it closed."""
        self.pushed.stop()
        self._move(True)

    @on_alarm(pushed)
    def release(self) -> None:
        """Open the contact."""
        self.pushed.stop()
        self._move(False)

    def push(self) -> None:
        """Close the contact for a fifth of a second."""
        self.press()
        self.pushed.start(PUSH_US)

    # The contact

    def _move(self, down: bool) -> None:
        if down != self.down:
            self.down, self.turns = down, 2 * self.bounces
            self._contact(down)
            if self.turns:
                self.bouncing.start(BOUNCE_US)

    def _contact(self, closed: bool) -> None:
        self.drive(self.pressed if closed else None)

    @on_alarm(bouncing)
    def _bounced(self) -> None:
        self.turns -= 1
        self._contact(self.down if self.turns % 2 == 0 else not self.down)
        if self.turns:
            self.bouncing.start(BOUNCE_US)
