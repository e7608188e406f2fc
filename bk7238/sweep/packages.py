"""Hostile packages and partition tables in front of the boot loader: each fault of these kinds, delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bk7238.faults import kinds
from bk7238.faults.packages import OfPackage
from bk7238.faults.partition_table import PartitionTable
from bk7238.sweep.subject import Subject


@dataclass(frozen=True)
class Case:
    """One fault, there from before the power-on."""

    fault: str

    @property
    def id(self) -> str:
        return self.fault

    @property
    def faults(self) -> tuple[str, ...]:
        return (self.fault,)

    @property
    def row(self) -> str:
        return self.fault

    @property
    def column(self) -> str:
        return "delivered"


class Packages(Subject):
    """All that is said of the kinds in `swept`; `quick` is the first of each kind."""

    NAME, NOUN = "packages", "hostile packages and tables"
    WELL = ("new-app-runs", "old-app-runs", "old-app-retries-each-boot")
    DELIVERED = True

    def points(self, tier: str) -> list[Any]:
        hostile = [kind for kind in kinds().values() if issubclass(kind, (OfPackage, PartitionTable))]
        return [Case(text) for kind in hostile for text in (kind.swept()[:1] if tier == "quick" else kind.swept())]
