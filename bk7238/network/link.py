"""What an access point has behind it: something that takes Ethernet frames and gives some."""

from __future__ import annotations

from typing import Protocol

from bk7238.network.events import Events
from bk7238.peripherals.core import Signal


class Link(Protocol):
    """Ethernet II frames in and out, without padding or FCS; times are virtual microseconds."""

    @property
    def events(self) -> Events:
        """What it has to tell."""

    @property
    def on_change(self) -> Signal:
        """Told when something was done to it, so that it may have to do sooner than it had said."""

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do, or None."""

    def poll(self, now: int) -> list[bytes]:
        """The frames that are due at `now`."""

    def receive(self, frame: bytes, now: int) -> list[bytes]:
        """A frame from the access point; returns the frames that answer it at once."""
