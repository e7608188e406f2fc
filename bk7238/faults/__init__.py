"""What can go wrong, each a plug-in: docs/faults.md lists them, written from what they say of themselves."""

from __future__ import annotations

from functools import cache

from bk7238.faults.fault import Fault, Firing
from bk7238.faults.spec import FaultError, Spec, parse
from bk7238.registry import Registry

__all__ = ["Fault", "FaultError", "Firing", "Spec", "all_kinds", "parse"]


@cache
def all_kinds() -> Registry[type[Fault]]:
    """All kinds of faults by name: ours in the order of the reference, then those that other packages add."""
    from bk7238.faults.kinds import flash, http, net, packages, partition_table, power, radio, router

    modules = (radio, router, net, http, packages, partition_table, power, flash)
    return Registry(
        "bk7238.faults",
        own=(kind for module in modules for kind in module.KINDS),
        fits=lambda thing: isinstance(thing, type) and issubclass(thing, Fault) and bool(thing.NAME),
        name=lambda kind: kind.NAME,
    )
