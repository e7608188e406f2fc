"""What can go wrong, each a plug-in: docs/faults.md lists them, written from what they say of themselves."""

from __future__ import annotations

from bk7238.faults.fault import Fault, Firing
from bk7238.faults.spec import FaultError, Spec, parse

__all__ = ["Fault", "FaultError", "Firing", "Spec", "all_kinds", "parse"]


def all_kinds() -> dict[str, type[Fault]]:
    """All kinds of faults by name, in the order of the reference."""
    from bk7238.faults.kinds import flash, http, net, packages, partition_table, power, radio

    modules = (radio, net, http, packages, partition_table, power, flash)
    return {kind.NAME: kind for module in modules for kind in module.KINDS}
