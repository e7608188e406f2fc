"""Random numbers that begin anew at each boot: what the world does at random depends on the seed and on how often the
device has booted, not on how often numbers were drawn before. Two runs that are alike at a boot stay alike."""

from __future__ import annotations

import random
from typing import Any


class Randomness(random.Random):
    """The numbers of one source, whose `name` holds the run's seed."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)

    def __reduce__(self) -> Any:
        return Randomness, (self.name,), self.getstate()

    def begin(self, boot: int) -> None:
        """Begin the numbers of a boot: 0 is the power-on that a run begins with."""
        self.seed(f"{self.name}:boot {boot}" if boot else self.name)
