"""The device's antenna: between the MAC and the air that the device is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from bk7238.formats.airtime import SLOWEST, Rate
from bk7238.peripherals.core import Actor, Alarm, Clock, Signal, on_alarm


class Reception(NamedTuple):
    """A frame (MPDU without FCS) that reaches the device: when (microseconds), on which channel, how loud (dBm), at
    which Mb/s."""

    time: int
    number: int  # keeps frames of the same microsecond in order
    frame: bytes
    channel: int
    rssi: int
    rate: int


class RadioMedium(Protocol):
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

    @property
    def on_frame(self) -> Signal:
        """Told each frame: its time, its bytes, its channel, and whether the device sent it."""

    @property
    def on_change(self) -> Signal:
        """Told when something was done to the air, so that it may have to do sooner than it had said."""


class Antenna(Actor):
    """Connects the MAC `wifi` with an air: what is sent goes out at once, what is in the air arrives when it is due."""

    arrival = Alarm()

    def __init__(self, wifi: Any, clock: Clock, air: RadioMedium) -> None:
        self._wifi, self.clock, self.air = wifi, clock, air
        self._wifi.tx.transmitted.connect(self._sent)
        self._wifi.access.contending.connect(self._contend)
        air.on_change.connect(self._plan)
        self._plan()

    def _contend(self, channel: int, duration: int) -> int:
        wait = self.air.claim(channel, duration, self.clock.now) if channel else 0
        self._plan()
        return wait

    def _sent(self, frame: bytes, channel: int) -> bool:
        rate = self._wifi.tx.rate or SLOWEST
        acknowledged = self.air.transmit(
            frame, channel, self.clock.now, rate.half_megabits, short=not rate.long_preamble
        )
        self._plan()
        return acknowledged

    def _plan(self) -> None:
        """Be woken when the air has something to do."""
        deadline = self.air.deadline
        if deadline is None:
            self.arrival.stop()
        else:
            self.arrival.start(max(0, deadline - self.clock.now))

    @on_alarm(arrival)
    def _arrive(self) -> None:
        for _, _, frame, channel, rssi, megabits in self.air.poll(self.clock.now):
            self._wifi.rx.deliver(frame, channel, rssi, Rate.of_megabits(megabits))
        self._plan()
