"""IP checksum: adds up memory as lwIP's `inet_chksum` does, for the BK7252N.

Facts: the SDK's driver/ipchksum/ipchksum.h and ipchksum.c, and its test, which compares with lwIP's own. The result is
there when the write that starts it returns: the ones' complement sum of 16-bit words, the first byte the lower.

Not modelled: the time that it takes.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, W1C, Output, Peripheral, Register, on_write


class IpChecksum(Peripheral):
    size = 0x100

    class CHECKSUM_BASE(Register, at=0x00):
        address = RW(0, 31)

    class CHECKSUM_LENGTH(Register, at=0x04):
        length = RW(0, 15)

    class CHECKSUM_START(Register, at=0x08):
        start = RW(0)

    class CHECKSUM_VALID(Register, at=0x0C):
        valid = RO(0)

    class CHECKSUM_DATA(Register, at=0x10):
        data = RO(0, 15)

    class CHECKSUM_INT(Register, at=0x14):
        status = W1C(0)

    irq = Output()

    @on_write(CHECKSUM_START)
    def _started(self, word: int) -> None:
        if not word & 1:
            return
        length = self.CHECKSUM_LENGTH.length
        try:
            number = int.from_bytes(self.bus.read(self.CHECKSUM_BASE.address, length), "little")
        except ValueError as error:
            self.log.warning(str(error))
            number = 0
        # 2**16 is 1 modulo 0xFFFF; folding carries never turns a sum that is not zero into zero
        self.CHECKSUM_DATA.data = number % 0xFFFF or (0xFFFF if number else 0)
        self.CHECKSUM_VALID.valid = self.CHECKSUM_INT.status = 1
        self.irq.drive(1)

    @on_write(CHECKSUM_INT)
    def _acknowledged(self, _word: int) -> None:
        self.irq.drive(self.CHECKSUM_INT.status)
