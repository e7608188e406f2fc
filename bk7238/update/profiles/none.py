"""An app of which nothing is known: nothing can be told to it, and no line of it says that it runs.

For packages that are on the device already. What can be observed is that the boot loader starts the app, and that the
app keeps running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.image.flash_view import FlashView
    from bk7238.machine import Machine
    from bk7238.update.profiles import Instructions


class NoProfile:
    name = "none"
    banner = None

    def configure(self, flash: FlashView, told: Instructions) -> dict[int, bytes]:
        """Nothing is put into the flash."""
        return {}

    def attach(self, machine: Machine, medium: Medium, told: Instructions) -> NoProfile:
        """Nobody operates the device."""
        return self

    def missing(self) -> str:
        """It waits for nothing."""
        return ""

    def forgotten(self, flash: FlashView) -> str:
        """It was told nothing."""
        return ""
