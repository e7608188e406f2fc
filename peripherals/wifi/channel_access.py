"""How long it takes to send a frame: waiting for the medium, the frame itself, its acknowledgement, its retries.

Facts: docs/hardware/wifi-mac.md for registers and rate words; bk7238/formats/airtime.py for durations. The random wait
always takes its mean, so equal frames take equal times.

Not modelled: collisions, TXOP limits, the long retry limit.
"""

from __future__ import annotations

from functools import lru_cache

from bk7238.formats import airtime
from bk7238.formats.airtime import SIFS, SLOT, Rate, frame_time
from bk7238.peripherals.core import RW, Port, Register
from bk7238.peripherals.wifi.descriptors import PolicyTable
from bk7238.peripherals.wifi.mac_part import MacPart

ACK_TIMEOUT = SIFS + SLOT + 25
LONGEST_RETRYING = 50_000  # microseconds; the firmware gives AC3 200 ms before it resets the MAC


class ChannelAccess(MacPart):
    class RETRY_LIMITS(Register, at=0x98):
        dot11ShortRetryLimit = RW(0, 7, reset=7)
        dot11LongRetryLimit = RW(8, 15, reset=4)

    class EDCA_AC_0(Register, at=0x200):
        aifsn0 = RW(0, 3, reset=7)
        cwMin0 = RW(4, 7, reset=4)
        cwMax0 = RW(8, 11, reset=10)
        txOpLimit0 = RW(12, 27)

    class EDCA_AC_1(Register, at=0x204):
        aifsn1 = RW(0, 3, reset=3)
        cwMin1 = RW(4, 7, reset=4)
        cwMax1 = RW(8, 11, reset=10)
        txOpLimit1 = RW(12, 27)

    class EDCA_AC_2(Register, at=0x208):
        aifsn2 = RW(0, 3, reset=2)
        cwMin2 = RW(4, 7, reset=3)
        cwMax2 = RW(8, 11, reset=4)
        txOpLimit2 = RW(12, 27, reset=0x5E)

    class EDCA_AC_3(Register, at=0x20C):
        aifsn3 = RW(0, 3, reset=2)
        cwMin3 = RW(4, 7, reset=2)
        cwMax3 = RW(8, 11, reset=3)
        txOpLimit3 = RW(12, 27, reset=0x2F)

    contending = Port()
    """Called with a channel and for how many microseconds the MAC is going to occupy it, 0 to give back what it had.
    Answers in how many microseconds the channel is free for that: others may be on the air."""

    def access_time(self, queue: int, attempt: int = 0) -> int:
        """Microseconds before the first byte. `queue` 0 is the beacon's, 1 to 4 are AC0 to AC3."""
        return _access_time(self._contention(queue), attempt)

    def _contention(self, queue: int) -> int:
        """How a queue contends, as an EDCA register has it."""
        if not queue:
            return _BEACONS
        return (self.EDCA_AC_0, self.EDCA_AC_1, self.EDCA_AC_2, self.EDCA_AC_3)[queue - 1].value

    def attempt_rates(self, policy: PolicyTable) -> tuple[Rate, ...]:
        """The rate of each attempt to send a frame, up to the retry limit."""
        limit = policy.short_retry_limit or self.RETRY_LIMITS.dot11ShortRetryLimit or 1
        return _attempt_rates(limit, policy.rate1, policy.rate2, policy.rate3, policy.rate4)

    def retry_time(self, queue: int, rates: tuple[Rate, ...], length: int) -> int:
        """Microseconds from the end of an unanswered first attempt until the MAC gives up."""
        return _retry_time(self._contention(queue), rates, length)

    def answer_time(self, rate: Rate) -> int:
        """Microseconds from the end of a frame to the end of the ACK."""
        return airtime.answer_time(rate)


# What is the same for most frames

_BEACONS = 2  # AIFSN, and no window


@lru_cache(1024)
def _access_time(contention: int, attempt: int) -> int:
    aifsn, smallest, largest = contention & 15, contention >> 4 & 15, contention >> 8 & 15
    window = (1 << min(smallest + attempt, max(smallest, largest))) - 1
    return airtime.access_time(aifsn, window)


@lru_cache(1024)
def _attempt_rates(limit: int, *steps: int) -> tuple[Rate, ...]:
    rates = tuple([Rate.from_policy(step) for step in steps for _ in range(step >> 29)])
    return rates[:limit] or (Rate.from_policy(steps[0]),)


@lru_cache(1024)
def _retry_time(contention: int, rates: tuple[Rate, ...], length: int) -> int:
    retries = sum(
        _access_time(contention, attempt) + frame_time(rate, length) + ACK_TIMEOUT
        for attempt, rate in enumerate(rates[1:], start=1)
    )
    return min(ACK_TIMEOUT + retries, LONGEST_RETRYING)
