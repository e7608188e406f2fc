"""Ten one-shot timers that compare with the microsecond counter. The kernel timer of the Wi-Fi stack is one of them.

Facts: docs/hardware/wifi-mac.md. Writing a compare value arms the timer; a value in the past, by signed 32-bit
comparison, expires at once. At expiry the timer disarms, and latches its status bit only if it is unmasked at that
moment: the firmware acts on every status bit that it sees.

Timer: 0 to 3 transmission of AC0 to AC3, 4 beacon, 5 idle, 6 receive mitigation, 7 management, 8 kernel.

Not modelled: nothing that is known.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, WO, Alarm, Register, on_alarm, on_write
from bk7238.peripherals.wifi.mac_part import MacPart

COUNT = 10


class AbsoluteTimers(MacPart):
    class ABS_TIMER(Register, at=0x128, count=COUNT):
        absTimerValue = RW(0, 31)

    class TIMERS_INT_EVENT_SET(Register, at=0x8084):
        absTimers = RO(0, COUNT - 1, doc="the status; writing a one sets a bit")
        reserved = RO(COUNT, 31)

    class TIMERS_INT_EVENT_CLEAR(Register, at=0x8088):
        absTimers = WO(0, 31)

    class TIMERS_INT_UN_MASK(Register, at=0x808C):
        absTimers = RW(0, COUNT - 1)

    running = Alarm(count=COUNT)

    def stop(self) -> None:
        """Disarm all timers and forget what they latched."""
        for timer in self.running:
            timer.stop()
        self._set_status(0)

    @on_write(ABS_TIMER)
    def _armed(self, word: int, index: int) -> None:
        ahead = word - self.clock.now & 0xFFFF_FFFF
        self.running[index].start(ahead if ahead < 1 << 31 else 0)

    @on_alarm(running)
    def _expired(self, index: int) -> None:
        if self.TIMERS_INT_UN_MASK.absTimers >> index & 1:
            self._set_status(self.TIMERS_INT_EVENT_SET.absTimers | 1 << index)

    @on_write(TIMERS_INT_EVENT_SET)
    def _set(self, word: int) -> None:
        self._set_status(self.TIMERS_INT_EVENT_SET.absTimers | word)

    @on_write(TIMERS_INT_EVENT_CLEAR)
    def _cleared(self, word: int) -> None:
        self._set_status(self.TIMERS_INT_EVENT_SET.absTimers & ~word)

    @on_write(TIMERS_INT_UN_MASK)
    def _masked(self, _word: int) -> None:
        self._set_status(self.TIMERS_INT_EVENT_SET.absTimers)

    def _set_status(self, status: int) -> None:
        self.TIMERS_INT_EVENT_SET.absTimers = status
        unmasked = self.TIMERS_INT_EVENT_SET.absTimers & self.TIMERS_INT_UN_MASK.absTimers
        interrupts = self.block.interrupts
        interrupts.GEN_INT_STATUS.absGenTimers = unmasked != 0
        interrupts.update()
