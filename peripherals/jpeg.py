"""JPEG encoder: the memory of its quantisation table carries why the chip was restarted over a reset.

Facts: docs/hardware/bk7231.md; the SDK's driver/jpeg/jpeg_encoder.h and func/include/start_type_pub.h. The table is
memory, which a watchdog reset leaves as it is.

Not modelled: the encoder; its registers keep what is written.
"""

from __future__ import annotations

from bk7238.peripherals.core import RW, Peripheral, Register, ResetKind


class JpegEncoder(Peripheral):
    size = 0x200
    plain_storage = True

    class QUANT_TABLE(Register, at=0x80, count=32, keeps=(ResetKind.WATCHDOG,)):
        word = RW(0, 31)
