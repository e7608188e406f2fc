"""TRNG: a new 32-bit random number for every read while it is enabled.

Facts: docs/hardware/random-numbers.md; the SDK's driver/irda/irda.h (TRNG_CTRL, TRNG_DATA). The numbers come from the
run's seed, so that a run can be repeated; a reset does not make them begin again.

Not modelled: the time that a new number takes to become random.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, Peripheral, Register, on_read


class RandomNumbers(Peripheral):
    size = 0x80

    class CTRL(Register, at=0x00):
        enable = RW(0)

    class DATA(Register, at=0x04):
        number = RO(0, 31, doc="keeps the last number while disabled")

    @on_read(DATA)
    def _draw(self) -> None:
        if self.CTRL.enable:
            self.DATA.number = self.random.getrandbits(32)
