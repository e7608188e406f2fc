"""The watchdog: resets the chip unless it is fed within its period of milliseconds.

Facts: docs/hardware/watchdog.md; the SDK's driver/wdt/wdt.h and wdt.c. The period is loaded, and the count begun
again, by writing it with the first key and then with the second. It reads back, and zero means not running: the boot
loader feeds the watchdog with what it reads.

Not modelled: nothing known.
"""

from __future__ import annotations

from bk7238.peripherals.core import (
    RO,
    WO,
    Alarm,
    Input,
    Peripheral,
    Register,
    ResetKind,
    State,
    on_alarm,
    on_input,
    on_write,
)

FIRST_KEY = 0x5A
SECOND_KEY = 0xA5
MICROSECONDS_PER_COUNT = 1000


class Watchdog(Peripheral):
    """Input 0 high takes its clock away: it stands still and goes on later from where it was."""

    class CTRL(Register, at=0x00):
        period = RO(0, 15)
        key = WO(16, 23)

    clock_off = Input(0)
    bite = Alarm()
    unlocked = State(False)
    remaining = State(0)

    @property
    def running(self) -> bool:
        """Whether it will reset the chip by itself."""
        return self.bite.deadline is not None

    @on_write(CTRL)
    def _written(self, word: int) -> None:
        key = Watchdog.CTRL.key.of(word)
        if key == SECOND_KEY and self.unlocked:
            self.CTRL.period = word
            self.remaining = self.CTRL.period * MICROSECONDS_PER_COUNT
            self.bite.stop()
            self._run()
        self.unlocked = key == FIRST_KEY

    @on_input(clock_off)
    def _gated(self) -> None:
        if self.bite.deadline is not None:
            self.remaining = max(1, self.bite.deadline - self.clock.now)
            self.bite.stop()
        self._run()

    def _run(self) -> None:
        if self.remaining and not self.clock_off:
            self.bite.start(self.remaining)

    @on_alarm(bite)
    def _expired(self) -> None:
        self.remaining = 0
        self.log.info(f"watchdog expired after {self.CTRL.period} ms")
        self.request_reset(ResetKind.WATCHDOG)
