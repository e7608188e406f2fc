"""The device's antenna: between the MAC and the air that the device is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bk7238.formats.airtime import SLOWEST, Rate
from bk7238.peripherals.core import Clock, RunningAlarm


class Reception(Protocol):
    """A frame (MPDU without FCS) that reaches the device: on which channel, how loud (dBm), at which Mb/s."""

    @property
    def frame(self) -> bytes: ...
    @property
    def channel(self) -> int: ...
    @property
    def rssi(self) -> int: ...
    @property
    def rate(self) -> int: ...


class Air(Protocol):
    """What the antenna needs of the air; times are virtual microseconds. `bk7238.air.medium.Medium` is one."""

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""

    def poll(self, now: int) -> Sequence[Reception]:
        """The frames that have reached the device at or before `now`, in order."""

    def claim(self, channel: int, duration: int, now: int) -> int:
        """In how many microseconds the channel is the device's, for `duration` from then on."""

    def transmit(self, frame: bytes, channel: int, now: int, rate: int | None = None, *, short: bool = False) -> bool:
        """A frame of the device ends at `now`; whether it is acknowledged."""

    def on_frame(self, observer: Callable[[int, bytes, int, bool], None]) -> None:
        """Call `observer` with each frame."""


class Antenna:
    """Connects the MAC `wifi` with an air: what is sent goes out at once, what is in the air arrives when it is due."""

    def __init__(self, wifi: Any, clock: Clock, air: Air) -> None:
        self._wifi, self._clock, self.air = wifi, clock, air
        self._alarm = RunningAlarm(clock, self._arrive)
        self._wifi.tx.transmitted.connect(self._sent)
        self._wifi.access.contending.connect(self._contend)
        self.plan()

    def _contend(self, channel: int, duration: int) -> int:
        wait = self.air.claim(channel, duration, self._clock.now) if channel else 0
        self.plan()
        return wait

    def _sent(self, frame: bytes, channel: int) -> bool:
        rate = self._wifi.tx.rate or SLOWEST
        acknowledged = self.air.transmit(
            frame, channel, self._clock.now, rate.half_megabits, short=not rate.long_preamble
        )
        self.plan()
        return acknowledged

    def plan(self) -> None:
        """Be woken when the air has something to do."""
        self._alarm.stop()
        deadline = self.air.deadline
        if deadline is not None:
            self._alarm.start(max(0, deadline - self._clock.now))

    def _arrive(self) -> None:
        for reception in self.air.poll(self._clock.now):
            self._hear(reception)
        self.plan()

    def _hear(self, reception: Reception) -> None:
        self._wifi.rx.deliver(reception.frame, reception.channel, reception.rssi, Rate.of_megabits(reception.rate))
