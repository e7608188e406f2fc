"""A network with one more port: an Ethernet switch outside, such as Renode's, sees and sends its frames.

What the device sends goes to the simulated network, if there is one, and out of the port; what comes in by the port is
for the device. Frames come in on any thread and wait for the next poll.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from bk7238.network.events import Events
from bk7238.network.link import Link
from bk7238.network.pace import CADENCE
from bk7238.peripherals.core import Signal

SHORTEST = 60  # bytes of a frame on Ethernet, without FCS


class SwitchPort(Protocol):
    """A plug of the switch."""

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame to the switch."""

    def on_frame(self, listener: Callable[[bytes], None]) -> None:
        """Name who gets the frames from the switch."""


class Uplink:
    """`inner` is the network that answers the device here, or None where only the switch does."""

    def __init__(self, port: SwitchPort, inner: Link | None) -> None:
        self.events = inner.events if inner is not None else Events()
        self.on_change = inner.on_change if inner is not None else Signal()
        self._port, self._inner = port, inner
        self._waiting: deque[bytes] = deque()
        self._next = 0
        port.on_frame(self._waiting.append)

    @property
    def deadline(self) -> int:
        """When `poll` looks again."""
        inner = self._inner.deadline if self._inner is not None else None
        return self._next if inner is None else min(inner, self._next)

    def receive(self, frame: bytes, now: int) -> list[bytes]:
        """A frame from the access point; returns what the simulated network answers."""
        self._out(frame)
        answers = self._inner.receive(frame, now) if self._inner is not None else []
        return self._shown(answers)

    def poll(self, now: int) -> list[bytes]:
        """What the simulated network and the switch have for the device."""
        self._next = now + CADENCE
        frames = []
        if self._inner is not None and self._inner.deadline is not None and self._inner.deadline <= now:
            frames = self._shown(self._inner.poll(now))
        while self._waiting:
            frames.append(self._waiting.popleft())
        return frames

    def _shown(self, frames: list[bytes]) -> list[bytes]:
        for frame in frames:
            self._out(frame)
        return frames

    def _out(self, frame: bytes) -> None:
        self._port.send(frame.ljust(SHORTEST, b"\0"))
