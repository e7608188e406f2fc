"""Hostile packages and partition tables in front of the boot loader: each fault of these kinds, delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bk7238.faults import kinds, parse
from bk7238.faults.fault import make
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
    """All that the kinds say of themselves in `SWEPT`, but what is so already; `quick` is the first of each kind."""

    NAME, NOUN = "packages", "hostile packages and tables"
    WELL = ("new-app-runs", "old-app-runs", "old-app-retries-each-boot")
    DELIVERED = True

    def points(self, tier: str) -> list[Any]:
        hostile = [kind for kind in kinds().values() if issubclass(kind, (OfPackage, PartitionTable))]
        texts = [text for kind in hostile for text in (kind.swept()[:1] if tier == "quick" else kind.swept())]
        return [Case(text) for text in texts if not self._is_so(text)]

    def _is_so(self, text: str) -> bool:
        """Whether the package is already what the fault would make of it."""
        fault = make(parse(text), kinds(), "")
        return isinstance(fault, OfPackage) and fault.package(self.job.package) is self.job.package
