"""Where a disturbed run meets the undisturbed one again.

What a boot loader does depends on the flash alone. Where its operations since the reset are those of the undisturbed
installation from the first on, and the flash is that one's after one of them, the run will end as that one did.
"""

from __future__ import annotations

from bk7238.sweep.explore.trunk import Trunk, carry_out
from peripherals.nor_flash import Operation


class Follower:
    """Follows the operations of one boot loader after the other. Until `boot` was called it is not in step."""

    def __init__(self, trunk: Trunk) -> None:
        self._trunk = trunk
        self._shadow = bytearray()
        self._in_step = False
        self.count = 0  # operations of this boot loader

    def boot(self) -> None:
        """A boot loader begins."""
        self._shadow[:] = self._trunk.initial
        self._in_step = True
        self.count = 0

    def before(self, operation: Operation) -> None:
        """It begins an operation."""
        if self._in_step:
            undisturbed = self._trunk.operations
            self._in_step = self.count < len(undisturbed) and undisturbed[self.count] == operation
        self.count += 1

    def after(self, operation: Operation, flash: bytearray) -> bool:
        """The operation is done. Whether the flash is now what it was in the undisturbed run."""
        if not self._in_step:
            return False
        carry_out(self._shadow, operation)
        return self._shadow == flash
