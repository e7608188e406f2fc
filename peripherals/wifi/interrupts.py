"""Interrupts of the Wi-Fi MAC: two status words, their acknowledge and enable words, and seven wires.

Facts: docs/hardware/wifi-mac.md. The wires are levels, status and enable while the master bit is set; the firmware's
write-back to the interrupt controller must not clear them. Output n is line 16 + n of the interrupt controller.

Not modelled: every source but idle, the absolute timers, TBTT, the end of a transmission and of a reception.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, WO, Output, Register, on_write
from bk7238.peripherals.wifi.mac_part import MacPart

MODEM, TX_RX_TIMER, TX_RX_MISC, RX_TRIGGER, TX_TRIGGER, PROT_TRIGGER, GENERAL = (1 << n for n in range(7))


def _bits(*ranges: tuple[int, int]) -> int:
    return sum(1 << bit for first, last in ranges for bit in range(first, last + 1))


TX_RX_SOURCES = (
    (PROT_TRIGGER, _bits((0, 5))),
    (TX_TRIGGER, _bits((6, 13), (15, 15), (20, 28))),
    (TX_RX_TIMER, _bits((14, 14), (17, 17))),
    (RX_TRIGGER, _bits((16, 16), (18, 19))),
)


class Interrupts(MacPart):
    class GEN_INT_STATUS(Register, at=0x806C):
        impPriTBTT = RO(0)
        impSecTBTT = RO(1)
        idleInterrupt = RO(2)
        absGenTimers = RO(3, doc="level: any unmasked timer status")
        coexEvent = RO(5)
        macPHYIFOverflow = RO(6)
        rxDMAEmpty = RO(7)
        rxFIFOOverFlow = RO(8)
        olbcOFDM = RO(9)
        olbcDSSS = RO(10)
        timSet = RO(11)
        ptError = RO(12)
        acTxDMADead = RO(13, 16, doc="AC0 to AC3")
        bcnTxDMADead = RO(17)
        impPriDTIM = RO(18)
        impSecDTIM = RO(19)
        hwErr = RO(20)
        macPHYIFUnderRun = RO(21)
        phyErr = RO(22)
        phyRxStart = RO(23)
        rxHeaderDMADead = RO(24)
        rxPayloadDMADead = RO(25)
        reserved4 = RO(4)
        reserved26 = RO(26, 31)

    class GEN_INT_ACK(Register, at=0x8070):
        clear = WO(0, 31, doc="bits as in GEN_INT_STATUS")

    class GEN_INT_ENABLE(Register, at=0x8074):
        enable = RW(0, 25, doc="bits as in GEN_INT_STATUS")
        masterGenIntEn = RW(31)

    class TX_RX_INT_STATUS(Register, at=0x8078):
        acProtTrigger = RO(0, 3, doc="AC0 to AC3")
        hccaProtTrigger = RO(4)
        rdProtTrigger = RO(5)
        acTxTrigger = RO(6, 9, doc="AC0 to AC3")
        bcnTxTrigger = RO(10)
        hccaTxTrigger = RO(11)
        rdTxTrigger = RO(12)
        txopComplete = RO(13)
        timerTxTrigger = RO(14)
        secUserTxTrigger = RO(15)
        rxTrigger = RO(16)
        timerRxTrigger = RO(17)
        baRxTrigger = RO(18)
        counterRxTrigger = RO(19)
        acBWDropTrigger = RO(20, 23, doc="AC0 to AC3")
        acTxBufTrigger = RO(24, 27, doc="AC0 to AC3")
        bcnTxBufTrigger = RO(28)
        reserved = RO(29, 31)

    class TX_RX_INT_ACK(Register, at=0x807C):
        clear = WO(0, 31, doc="bits as in TX_RX_INT_STATUS")

    class TX_RX_INT_ENABLE(Register, at=0x8080):
        enable = RW(0, 28, doc="bits as in TX_RX_INT_STATUS")
        masterTxRxIntEn = RW(31)

    fiq = Output(0, 6)

    def update_lines(self) -> None:
        """Drive the wires to what status and enable words say."""
        lines = 0
        general, frames = self.GEN_INT_STATUS.value, self.TX_RX_INT_STATUS.value  # 0 most often
        if general and self.GEN_INT_ENABLE.masterGenIntEn and general & self.GEN_INT_ENABLE.enable:
            lines |= GENERAL
        if frames and self.TX_RX_INT_ENABLE.masterTxRxIntEn:
            pending = frames & self.TX_RX_INT_ENABLE.enable
            for line, sources in TX_RX_SOURCES:
                if pending & sources:
                    lines |= line
        self.fiq.drive(lines)

    def clear(self) -> None:
        """Nothing has happened; the enables stay as they are."""
        self.GEN_INT_STATUS.value = self.TX_RX_INT_STATUS.value = 0
        self.update_lines()

    @on_write(GEN_INT_ENABLE, TX_RX_INT_ENABLE)
    def _enabled(self, _word: int) -> None:
        self.update_lines()

    @on_write(GEN_INT_ACK)
    def _general_acknowledged(self, word: int) -> None:
        self.GEN_INT_STATUS.value &= ~word | Interrupts.GEN_INT_STATUS.absGenTimers.mask
        self.update_lines()

    @on_write(TX_RX_INT_ACK)
    def _tx_rx_acknowledged(self, word: int) -> None:
        self.TX_RX_INT_STATUS.value &= ~word
        self.update_lines()
