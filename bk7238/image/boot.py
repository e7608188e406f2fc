"""One boot that is foretold: what all boot loaders have in common, the table, the footer and the record of steps."""

from __future__ import annotations

from abc import abstractmethod

from bk7238.formats import partitions, rbl
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView
from bk7238.image.prediction import End, Prediction, Step
from bk7238.image.storage import Storage


class Boot:
    """One boot of one loader. A check that ends the update returns the cause, one that passes an empty text."""

    def __init__(self, flash: FlashView, name: str) -> None:
        self.storage = Storage(flash)
        self.chip = flash.chip
        self.name = name
        self.bootloader = flash.boot_loader
        self.table = {partition.name: partition for _, partition in reversed(flash.table)}
        self.steps: list[Step] = []
        self.end = End.KEPT
        self.destination = "app"  # the partition that the package names
        self.halted = False  # no app is started any more
        self.endless = 0
        self.chance: list[tuple[int, int]] = []

    def run(self) -> Prediction:
        cause = self.update()
        if not self.halted:
            self.start_app()
        flash = bytes(self.storage.data)
        chance = tuple(self.chance)
        return Prediction(
            self.name, tuple(self.steps), self.end, cause, self.endless, flash, chance, destination=self.destination
        )

    @abstractmethod
    def update(self) -> str:
        """Follow the loader through a possible update; returns why it ended as it did."""

    @abstractmethod
    def start_app(self) -> None:
        """Follow the loader to its jump."""

    def step(self, name: str, passed: bool | None, found: str, *lines: str) -> str:
        """Record a step; returns the cause if it did not pass."""
        self.steps.append(Step(name, passed, found, lines))
        return found if passed is False else ""

    def names(self) -> str:
        return ", ".join(f"`{p.name}` at {p.physical_start:#x}" for p in self.table.values()) or "nothing"

    def footer(self, partition: Partition) -> tuple[rbl.Header | None, bytes]:
        """The footer of a partition and its bytes; None where the partition cannot be read."""
        if partition.device not in partitions.DEVICES or partition.length < rbl.SIZE:
            return None, b""
        raw = self.storage.read(partition, partition.length - rbl.SIZE, rbl.SIZE)
        return rbl.unpack(raw), raw

    def why_no_header(self, download: Partition, raw: bytes) -> str:
        """Why a header whose CRC does not hold is none."""
        where = f"download partition at {download.physical_start:#x}"
        if download.framed:
            return f"its {where} is on the CRC-framed device, where no header can be read"
        if download.physical_start + rbl.SIZE > len(self.storage.data):
            return f"its {where} lies beyond the flash"
        if raw == b"\xff" * rbl.SIZE:
            return f"its {where} is blank"
        return f"the header in its {where} is damaged: its CRC-32 does not match"
