"""Hostile packages and partition tables in front of the boot loader: each fault of these kinds, delivered."""

from __future__ import annotations

from bk7238.faults import Spec, all_kinds, parse
from bk7238.faults.fault import make
from bk7238.faults.kinds.packages import OfPackage
from bk7238.faults.kinds.partition_table import PartitionTable
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Point


class Packages(Plan):
    """All that the kinds say of themselves in `SWEPT`, but what is so already; `quick` is the first of each kind."""

    NAME, NOUN = "packages", "hostile packages and tables"
    WELL = ("new-app-runs", "old-app-runs", "old-app-retries-each-boot")
    DELIVERED = True

    def points(self, tier: str) -> list[Point]:
        """Each damaged package, or in the tier `quick` one of each kind."""
        hostile = [kind for kind in all_kinds().values() if issubclass(kind, (OfPackage, PartitionTable))]
        texts = [text for kind in hostile for text in (kind.swept()[:1] if tier == "quick" else kind.swept())]
        cases = {text: parse(text) for text in texts}
        return [Point(text, (spec,), text, "delivered") for text, spec in cases.items() if not self._is_so(spec)]

    def _is_so(self, spec: Spec) -> bool:
        """Whether the package is already what the fault would make of it."""
        fault = make(spec, all_kinds(), "")
        return isinstance(fault, OfPackage) and fault.package(self.job.package) is self.job.package
