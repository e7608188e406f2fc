"""The commands of the MAC's DMA, and the state of its channels.

Facts: docs/hardware/wifi-mac.md. A command takes effect at once and reads as zero; a halted queue is halted when the
firmware first looks, as its wait for a halted beacon queue (eleven looks) demands.

Not modelled: the receive channels' states, DMA errors, halting only after the running exchange.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, SC, Register, on_read, on_write
from bk7238.peripherals.wifi.mac_part import MacPart
from bk7238.peripherals.wifi.transmit import QUEUES

HALTED, PASSIVE, ACTIVE, DEAD = range(4)


class Dma(MacPart):
    class DMA_CNTRL_SET(Register, at=0x8180):
        txNewTail = SC(0, 4, doc="beacon, AC0 to AC3, as in the next two")
        txNewHead = SC(8, 12)
        haltAfterTXOP = SC(15, 19)
        rxHeaderNewTail = SC(24)
        rxPayloadNewTail = SC(25)
        rxHeaderNewHead = SC(26)
        rxPayloadNewHead = SC(27)

    class DMA_CNTRL_CLEAR(Register, at=0x8184):
        clear = SC(0, 31, doc="bits as in DMA_CNTRL_SET")

    class DMA_STATUS_1(Register, at=0x8188):
        states = RO(0, 31, doc="two bits a channel: beacon 1:0, AC0 5:4, AC1 9:8, AC2 13:12, AC3 17:16")

    @on_write(DMA_CNTRL_SET)
    def _command(self, word: int) -> None:
        command, tx, rings = Dma.DMA_CNTRL_SET, self.block.tx, self.block.rings
        halt, head, tail = command.haltAfterTXOP.of(word), command.txNewHead.of(word), command.txNewTail.of(word)
        for queue in range(QUEUES) if halt | head | tail else ():
            if halt >> queue & 1:
                tx.halt(queue)
            if head >> queue & 1:
                tx.new_head(queue)
            if tail >> queue & 1:
                tx.new_tail(queue)
        if command.rxHeaderNewHead.of(word):
            rings.new_header_head()
        if command.rxPayloadNewHead.of(word):
            rings.new_payload_head()
        if command.rxHeaderNewTail.of(word) or command.rxPayloadNewTail.of(word):
            rings.fill()

    @on_read(DMA_STATUS_1)
    def _channel_states(self) -> int:
        return sum(ACTIVE << 4 * queue for queue in range(QUEUES) if self.block.tx.busy(queue))
