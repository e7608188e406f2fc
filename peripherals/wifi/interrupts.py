"""Interrupts of the Wi-Fi MAC: two status words, their acknowledge and enable words, and seven wires.

Facts: docs/hardware/wifi-mac.md. The wires are levels, status and enable while the master bit is set; the firmware's
write-back to the interrupt controller must not clear them. Output n is line 16 + n of the interrupt controller.

Not modelled: every source but idle, the absolute timers, TBTT, the end of a transmission and of a reception.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from bk7238.peripherals.core import RO, RW, WO, Clears, Output, Pending, Register
from bk7238.peripherals.wifi.mac_part import MacPart


def _bits(*ranges: tuple[int, int]) -> int:
    return sum(1 << bit for first, last in ranges for bit in range(first, last + 1))


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

    frames = partial(Pending, TX_RX_INT_STATUS, TX_RX_INT_ENABLE.enable, gate=TX_RX_INT_ENABLE.masterTxRxIntEn)

    general_acknowledged = Clears(GEN_INT_STATUS, by=GEN_INT_ACK, but=GEN_INT_STATUS.absGenTimers)
    frames_acknowledged = Clears(TX_RX_INT_STATUS, by=TX_RX_INT_ACK)
    modem = Output(0)
    tx_rx_timer = Output(1, when=(frames(bits=_bits((14, 14), (17, 17))),))
    tx_rx_misc = Output(2)
    rx_trigger = Output(3, when=(frames(bits=_bits((16, 16), (18, 19))),))
    tx_trigger = Output(4, when=(frames(bits=_bits((6, 13), (15, 15), (20, 28))),))
    prot_trigger = Output(5, when=(frames(bits=_bits((0, 5))),))
    general = Output(6, when=(Pending(GEN_INT_STATUS, GEN_INT_ENABLE.enable, gate=GEN_INT_ENABLE.masterGenIntEn),))

    del frames

    def update(self) -> None:
        """Drive the wires to what status and enable words say."""
        words: Any = self.GEN_INT_STATUS, self.TX_RX_INT_STATUS
        for status in words:
            status.changed()

    def clear(self) -> None:
        """Nothing has happened; the enables stay as they are."""
        self.GEN_INT_STATUS.value = self.TX_RX_INT_STATUS.value = 0
        self.update()
