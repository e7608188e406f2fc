"""Hostile packages and partition tables in front of the boot loader: each fault of these kinds, delivered; and all
packages with each layout that a partition table may have."""

from __future__ import annotations

from bk7238.faults import Fault, Spec, all_kinds, parse
from bk7238.faults.fault import make
from bk7238.faults.kinds.packages import OfPackage
from bk7238.faults.kinds.partition_table import PartitionTable
from bk7238.peripherals.nor_endings import BLOCK_64K, SECTOR
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Point

_TUYAS_DOWNLOAD = 664 << 10  # bytes; the packager's layout of this name, whose app lies where the SDK's does


class Packages(Plan):
    """All that the kinds say of themselves in `SWEPT`, but what is so already; `quick` is the first of each kind."""

    NAME, NOUN = "packages", "hostile packages and tables"
    WELL = ("new-app-runs", "old-app-runs", "old-app-retries-each-boot")
    DELIVERED = True

    def points(self, tier: str) -> list[Point]:
        """Each damaged package, or in the tier `quick` one of each kind."""
        cases = self.cases(tier, OfPackage, PartitionTable)
        return [Point(text, (spec,), text, "delivered") for text, spec in cases.items()]

    def cases(self, tier: str, *of: type[Fault]) -> dict[str, Spec]:
        """What the kinds of these classes do, by its text."""
        hostile = [kind for kind in all_kinds().values() if issubclass(kind, of)]
        texts = [text for kind in hostile for text in (kind.swept()[:1] if tier == "quick" else kind.swept())]
        cases = {text: parse(text) for text in texts}
        return {text: spec for text, spec in cases.items() if not self._is_so(spec)}

    def _is_so(self, spec: Spec) -> bool:
        """Whether the package is already what the fault would make of it."""
        fault = make(spec, all_kinds(), "")
        return isinstance(fault, OfPackage) and fault.package(self.job.package) is self.job.package


class Layouts(Packages):
    """The package as it is and each damaged one, with each layout: does this update work with this boot loader?"""

    NAME, NOUN = "layouts", "packages in layouts"

    def points(self, tier: str) -> list[Point]:
        """Packages in the rows, layouts in the columns."""
        rows = {"as it is": (), **{text: (spec,) for text, spec in self.cases(tier, OfPackage).items()}}
        return [
            Point(f"{row}@{column}", (*package, *table), row, column)
            for row, package in rows.items()
            for column, table in self._layouts().items()
        ]

    def _layouts(self) -> dict[str, tuple[Spec, ...]]:
        """What becomes of the boot loader's own table. The app writes its package where its own table says."""
        app, download = (self.job.image.partitions.get(name) for name in ("app", "download"))
        if app is None or download is None:
            return {"matching": ()}
        usual = self.job.image.chip.usual_table(self.job.image.view.flash.size)
        tables = {
            "moved": f"download.offset={download.offset + SECTOR:#x}",
            "overlapping": f"app.length={app.length + BLOCK_64K:#x}",
            "Tuya's": ",".join(
                f"{one.name}.offset={one.offset:#x},{one.name}.length={length:#x}"
                for one, length in ((usual["app"], usual["app"].length), (usual["download"], _TUYAS_DOWNLOAD))
            ),
        }
        return {"matching": (), **{name: (parse(f"partition-table:{text}"),) for name, text in tables.items()}}
