"""RC: the radio controller, through which the firmware writes the analog registers of the transceiver.

Facts: docs/hardware/radio.md; the SDK's driver/common/reg/reg_rc.h. The shadows of the transceiver's registers are
plain storage, with which calibration ends. The tuned channel leaves on outputs 0 to 7, in steps of 0.5 MHz above 2400:
24 is channel 1. In the register it is `offset` steps more.

Not modelled: the transceiver; calibration results are whatever the shadows hold.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, Output, Peripheral, Register, Services, on_write


class RadioController(Peripheral):
    size = 0x1000
    plain_storage = True

    class CNTL_STAT(Register, at=0x00):
        ch0_en = RW(0)
        rc_en = RW(3)

    class BEKEN_SPI(Register, at=0x04):
        trx_reg_stat = RO(0, 27, doc="a write to a transceiver register is under way; here it never is")
        prescaler = RW(28, 31)

    class TRX_REG5(Register, at=0x94):
        frequency = RW(24, 31)

    tuned = Output(0, 7)

    def __init__(self, services: Services, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(services)

    @on_write(TRX_REG5)
    def _tune(self, _word: int) -> None:
        self.tuned.drive(max(0, self.TRX_REG5.frequency - self.offset))
