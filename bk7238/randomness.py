"""Random numbers that begin anew at each boot: what the world does at random depends on the seed and on how often the
device has booted, not on how often numbers were drawn before. Two runs that are alike at a boot stay alike."""

from __future__ import annotations

import random
from typing import Any

from bk7238.peripherals.core import Actor


class Randomness(random.Random, Actor):
    """The numbers of one source, whose `name` holds the run's seed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._boot = 0
        super().__init__(name)

    def begin(self, boot: int) -> None:
        """Begin the numbers of a boot: 0 is the power-on that a run begins with."""
        self._boot = boot
        self.seed(f"{self.name}:boot {boot}" if boot else self.name)

    def snapshot(self) -> dict[str, Any]:
        """The boot, and how far the numbers have been drawn: nothing more where none has."""
        drawn = self.getstate()
        fresh = Randomness(self.name)
        fresh.begin(self._boot)
        return {"boot": self._boot, "drawn": None if fresh.getstate() == drawn else drawn}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on where a source of this name was."""
        self.begin(snapshot["boot"])
        if snapshot["drawn"] is not None:
            self.setstate(snapshot["drawn"])
