"""Timer groups: timers 0 to 2 at 26 MHz, timers 3 to 5 at 32 kHz; each counts up to its period and starts over.

Facts: docs/hardware/timers.md; the SDK's driver/pwm/bk_timer.h and bk_timer.c, where the registers of the two groups
are TIMER0_CNT, TIMER0_2_CTL, TIMER0_2_READ_CTL... and TIMER3_CNT, TIMER3_5_CTL... A period is the number of counts: 64
at 32 kHz is exactly 2 ms. Expiries do not drift: the nth falls on the microsecond in which its exact time ends.

Not modelled: the fourth prescaler bit that the data sheet has and the SDK does not use.
"""

from __future__ import annotations

from dataclasses import dataclass

from bk7238.peripherals.core import (
    RO,
    RW,
    SC,
    W1C,
    Input,
    Output,
    Pending,
    Periodic,
    Peripheral,
    Register,
    Services,
    State,
    on_change,
    on_input,
    on_write,
)

CHANNELS = range(3)


@dataclass
class Counter:
    """Stood at `counts` at microsecond `since`; has been counting from there if `counting`."""

    enabled: bool = False
    counting: bool = False
    since: int = 0
    counts: int = 0


class TimerGroup(Peripheral):
    """`frequency` is the group's clock in hertz. Input 0 high stops it."""

    size = 0x40

    class CNT(Register, at=0x00, count=3):
        period = RW(0, 31)

    class CTL(Register, at=0x0C):
        enables = RW(0, 2)
        clkdiv = RW(3, 5)
        flags = W1C(7, 9)

    class READ_CTL(Register, at=0x10):
        read_op = SC(0)
        index = RW(2, 3)

    class READ_VALUE(Register, at=0x14):
        counts = RO(0, 31)

    irq = Output(when=(Pending(CTL.flags),))
    clock_off = Input(0)
    expiry = Periodic(CTL.flags)
    counters = State(factory=lambda: [Counter() for _ in CHANNELS])
    divider = State(1)

    def __init__(self, services: Services, frequency: int) -> None:
        self.frequency = frequency
        super().__init__(services)

    @on_write(CNT)
    def _period_set(self, _word: int, index: int) -> None:
        self.counters[index].counting = False
        self.counters[index].counts = 0
        self._run(index)

    @on_change(CTL)
    def _controlled(self, word: int) -> None:
        if self.CTL.clkdiv + 1 != self.divider:
            self._hold()
            self.divider = self.CTL.clkdiv + 1
            self._release()
        for index, counter in enumerate(self.counters):
            enabled = bool(word >> index & 1)
            if enabled != counter.enabled:
                counter.counts = 0 if enabled else self._counted(index)
                counter.enabled, counter.counting = enabled, False
                self._run(index)

    @on_write(READ_CTL)
    def _latch(self, word: int) -> None:
        index = self.READ_CTL.index
        if word & 1 and index in CHANNELS:
            self.READ_VALUE.counts = self._counted(index)

    @on_input(clock_off)
    def _gated(self) -> None:
        self._hold()
        self._release()

    def _counted(self, index: int) -> int:
        """Where the counter stands now: 0 up to its period."""
        elapsed, period = self._elapsed(index), self.CNT[index].value
        return elapsed % period if period else elapsed

    def _elapsed(self, index: int) -> int:
        """Counts since the counter was at zero, over as many periods as that took."""
        counter = self.counters[index]
        if not counter.counting:
            return counter.counts
        ticks = (self.clock.now - counter.since) * self.frequency // (1_000_000 * self.divider)
        return counter.counts + ticks

    def _hold(self) -> None:
        for index, counter in enumerate(self.counters):
            counter.counts = self._counted(index)
            counter.counting = False

    def _release(self) -> None:
        for index in CHANNELS:
            self._run(index)

    def _run(self, index: int) -> None:
        """Count if there is something to count, and set the alarm to the next time the period is full."""
        counter, period = self.counters[index], self.CNT[index].value
        if not counter.enabled or not period or self.clock_off:
            self.expiry[index].stop()
            return
        if not counter.counting:
            counter.counting, counter.since = True, self.clock.now
        how = period, self.frequency, 1_000_000 * self.divider
        self.expiry[index].count(counter.since, counter.counts, *how)
