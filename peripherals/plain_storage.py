"""Blocks of which firmware needs no more than that they are there, and keep what is written.

Facts: the SDK's driver/qspi/qspi.h, spidma/spidma.h, jpeg/jpeg.h, audio/audio.h and i2s/i2s.h.

Not modelled: all that they do.
"""

from __future__ import annotations

from bk7238.peripherals.core import Peripheral


class PlainStorage(Peripheral):
    size = 0x1000
    plain_storage = True
