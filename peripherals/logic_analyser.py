"""Logic analyser: one of its words carries the GPIO wake-up status from the boot loader to the application.

Facts: docs/hardware/boot.md; the SDK's driver/common/reg/reg_la.h. A reset of any kind clears the word, or the
application would report a wake-up from deep sleep.

Not modelled: the analyser itself; its registers keep what is written.
"""

from __future__ import annotations

from bk7238.peripherals.core import RW, Peripheral, Register


class LogicAnalyser(Peripheral):
    plain_storage = True

    class ID_HIGH(Register, at=0x04):
        scratch = RW(0, 31)
