"""The firmware families that are known: those of this package, and those that others add by entry points."""

from __future__ import annotations

from bk7238.families.beken_sdk import BekenSdk
from bk7238.families.esphome import Esphome
from bk7238.families.family import Family
from bk7238.families.openbeken import OpenBeken
from bk7238.registry import Registry


class NoFamily(Family):
    """An app of which nothing is known: nothing can be told it, and no line of it says that it runs.

    For packages that are on the device already. What can be observed is that the boot loader starts the app, and that
    the app keeps running.
    """

    name = "none"


NONE = NoFamily()
FAMILIES: Registry[Family] = Registry(
    "bk7238.families", own=(OpenBeken(), BekenSdk(), Esphome()), fits=lambda thing: isinstance(thing, Family)
)
