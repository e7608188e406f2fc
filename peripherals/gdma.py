"""GDMA: six channels, on the BK7252N twelve; a copy from memory to memory is done when the write that enables it
returns.

Facts: docs/hardware/gdma.md; the SDK's driver/general_dma/general_dma.h and general_dma.c, general_dma_bk7252n.h. The
Wi-Fi driver copies every frame with channel 0 and spins until the enable bit reads zero.

Not modelled: requests of peripherals (logged, nothing is copied), repeat mode, priorities, time that a copy takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bk7238.peripherals.core import RO, RW, SC, W1C, Copy, Output, Peripheral, Quiet, Register, on_write, word

CHANNELS, CHANNELS_7252N = 6, 12


class _Copier(Peripheral):
    CONF: Any
    MUX_REQS: Any
    SRC_START_ADDR: Any
    DST_START_ADDR: Any
    SRCLOOP_START_ADDR: Any
    SRCLOOP_END_ADDR: Any
    DSTLOOP_START_ADDR: Any
    DSTLOOP_END_ADDR: Any

    irq = Output()

    def _transfer(self, word: int, channel: int) -> bool:
        """Do what a channel was told by a write to CONF. Whether it has ended."""
        if not word & 1:
            return False
        request: Any = self.MUX_REQS[channel]
        if request.src_req or request.dst_req:
            self.log.warning(f"channel {channel}: requests {request.src_req} to {request.dst_req} are not modelled")
            return False
        try:
            self._copy(channel)
        except ValueError as error:
            self.log.warning(f"channel {channel}: {error}")
        return True

    def _copy(self, channel: int) -> None:
        conf: Any = self.CONF[channel]
        length = conf.trans_len + 1
        source, target = self.SRC_START_ADDR[channel].value, self.DST_START_ADDR[channel].value
        if conf.value & 0xF00 == 0x300:
            self.bus.write(target, self.bus.read(source, length))
            return
        source_loop = target_loop = None
        if conf.srcaddr_loop:
            source_loop = self.SRCLOOP_START_ADDR[channel].value, self.SRCLOOP_END_ADDR[channel].value
        if conf.dstaddr_loop:
            target_loop = self.DSTLOOP_START_ADDR[channel].value, self.DSTLOOP_END_ADDR[channel].value
        data = bytearray()
        for address, count in _pieces(source, length, conf.srcaddr_inc, 1 << conf.srcdata_width, source_loop):
            data += self.bus.read(address, count)
        for address, count in _pieces(target, length, conf.dstaddr_inc, 1 << conf.dstdata_width, target_loop):
            self.bus.write(address, bytes(data[:count]))
            del data[:count]


def _plain_copy(conf: Any, source: Any, target: Any, requests: Any, counts: Any) -> Copy:
    """Of memory to memory, forwards, of which nobody wants to hear: by the registers of a channel."""
    return Copy(
        {
            conf.dma_en: 1,
            conf.fin_inten: 0,
            conf.hfin_inten: 0,
            conf.srcaddr_inc: 1,
            conf.dstaddr_inc: 1,
            conf.srcaddr_loop: 0,
            conf.dstaddr_loop: 0,
        },
        length=conf.trans_len,
        source=source.address,
        target=target.address,
        unless=(requests.src_req, requests.dst_req),
        counted=(counts.fin_cnt, counts.hfin_cnt),
    )


class Gdma(_Copier):
    size = 0x200

    class CONF(Register, at=0x00, count=CHANNELS, stride=0x20):
        dma_en = SC(0)
        fin_inten = RW(1)
        hfin_inten = RW(2)
        repeat_mode = RW(3)
        srcdata_width = RW(4, 5)
        dstdata_width = RW(6, 7)
        srcaddr_inc = RW(8)
        dstaddr_inc = RW(9)
        srcaddr_loop = RW(10)
        dstaddr_loop = RW(11)
        chnl_prio = RW(12, 13)
        trans_len = RW(16, 31, doc="bytes less one")

    class DST_START_ADDR(Register, at=0x04, count=CHANNELS, stride=0x20):
        address = RW(0, 31)

    class SRC_START_ADDR(Register, at=0x08, count=CHANNELS, stride=0x20):
        address = RW(0, 31)

    DSTLOOP_END_ADDR = word(0x0C, count=CHANNELS, stride=0x20)
    DSTLOOP_START_ADDR = word(0x10, count=CHANNELS, stride=0x20)
    SRCLOOP_END_ADDR = word(0x14, count=CHANNELS, stride=0x20)
    SRCLOOP_START_ADDR = word(0x18, count=CHANNELS, stride=0x20)

    class MUX_REQS(Register, at=0x1C, count=CHANNELS, stride=0x20):
        src_req = RW(0, 3)
        dst_req = RW(4, 7)
        dtcm_wr_wait_word = RW(8)
        src_rd_intval = RW(12, 15)
        dst_wr_intval = RW(16, 19)

    class INT_CNTS(Register, at=0xC0, count=CHANNELS):
        remain_len = RO(0, 16)
        fin_cnt = RO(24, 27)
        hfin_cnt = RO(28, 31)

    class PRIO_MODE(Register, at=0xDC):
        prio_fixed = RW(0)

    class DMA_INT_STATUS(Register, at=0xE0):
        fin = W1C(0, 5)
        hfin = W1C(8, 13)

    copied = _plain_copy(CONF, SRC_START_ADDR, DST_START_ADDR, MUX_REQS, INT_CNTS)
    configured = Quiet(CONF.dma_en)

    @on_write(CONF)
    def _configured(self, word: int, channel: int) -> None:
        if self._transfer(word, channel):
            self._finish(channel)

    @on_write(DMA_INT_STATUS)
    def _acknowledged(self, _word: int) -> None:
        self.irq.drive(1 if self.DMA_INT_STATUS.value else 0)

    def _finish(self, channel: int) -> None:
        conf, counts = self.CONF[channel], self.INT_CNTS[channel]
        counts.fin_cnt = counts.fin_cnt + 1
        counts.hfin_cnt = counts.hfin_cnt + 1
        if conf.fin_inten or conf.hfin_inten:
            self.DMA_INT_STATUS.fin |= conf.fin_inten << channel
            self.DMA_INT_STATUS.hfin |= conf.hfin_inten << channel
            self.irq.drive(1)


class Gdma12(_Copier):
    """The BK7252N's: twelve channels, each with a status of its own."""

    size = 0x400

    class SOFT_RESET(Register, at=0x08):
        soft_reset = SC(0)
        bps_clkgate = RW(1)
        prio_mode = RW(2)

    class SECURE_ATTR(Register, at=0x10):
        channels = RW(0, 11)

    class PRIVILEGED_ATTR(Register, at=0x14):
        channels = RW(0, 11)

    class INT0_STATUS(Register, at=0x18):
        channels = RO(0, 11)

    class INT_ALLOCATE(Register, at=0x28):
        channels = RW(0, 23)

    class CONF(Register, at=0x40, count=CHANNELS_7252N, stride=0x40):
        dma_en = SC(0)
        fin_inten = RW(1)
        hfin_inten = RW(2)
        repeat_mode = RW(3)
        srcdata_width = RW(4, 5)
        dstdata_width = RW(6, 7)
        srcaddr_inc = RW(8)
        dstaddr_inc = RW(9)
        srcaddr_loop = RW(10)
        dstaddr_loop = RW(11)
        chnl_prio = RW(12, 14)
        trans_len = RW(16, 31, doc="bytes less one")

    class DST_START_ADDR(Register, at=0x44, count=CHANNELS_7252N, stride=0x40):
        address = RW(0, 31)

    class SRC_START_ADDR(Register, at=0x48, count=CHANNELS_7252N, stride=0x40):
        address = RW(0, 31)

    DSTLOOP_END_ADDR = word(0x4C, count=CHANNELS_7252N, stride=0x40)
    DSTLOOP_START_ADDR = word(0x50, count=CHANNELS_7252N, stride=0x40)
    SRCLOOP_END_ADDR = word(0x54, count=CHANNELS_7252N, stride=0x40)
    SRCLOOP_START_ADDR = word(0x58, count=CHANNELS_7252N, stride=0x40)

    class MUX_REQS(Register, at=0x5C, count=CHANNELS_7252N, stride=0x40):
        src_req = RW(0, 4)
        dst_req = RW(5, 9)
        src_rd_intval = RW(12, 15)
        dst_wr_intval = RW(16, 19)
        secure = RW(20, 21)
        bus_err_inten = RW(22)
        burst = RW(24, 27)

    PAUSE_ADDR = word(0x60, count=CHANNELS_7252N, stride=0x40)
    DST_PAUSE_ADDR = word(0x64, count=CHANNELS_7252N, stride=0x40)

    class STATUS(Register, at=0x70, count=CHANNELS_7252N, stride=0x40):
        remain_len = RO(0, 16)
        flush_src_buff = SC(17)
        fin = W1C(18)
        hfin = W1C(19)
        bus_err = W1C(20)
        fin_cnt = RO(24, 27)
        hfin_cnt = RO(28, 31)

    copied = _plain_copy(CONF, SRC_START_ADDR, DST_START_ADDR, MUX_REQS, STATUS)
    configured = Quiet(CONF.dma_en)

    @on_write(CONF)
    def _configured(self, word: int, channel: int) -> None:
        if not self._transfer(word, channel):
            return
        conf, status = self.CONF[channel], self.STATUS[channel]
        status.fin_cnt = status.fin_cnt + 1
        status.hfin_cnt = status.hfin_cnt + 1
        status.fin |= conf.fin_inten
        status.hfin |= conf.hfin_inten
        self._raise()

    @on_write(STATUS)
    def _acknowledged(self, _word: int, _channel: int) -> None:
        self._raise()

    def _raise(self) -> None:
        ended = (channel for channel in range(CHANNELS_7252N) if self.STATUS[channel].fin or self.STATUS[channel].hfin)
        self.INT0_STATUS.channels = sum(1 << channel for channel in ended)
        self.irq.drive(1 if self.INT0_STATUS.channels else 0)


def _pieces(
    address: int, length: int, increments: int, width: int, loop: tuple[int, int] | None
) -> Iterator[tuple[int, int]]:
    """The addresses and byte counts that a transfer of `length` bytes touches on one side, in order.

    `loop` is where the address starts over and the address, itself excluded, at which it does.
    """
    while length > 0:
        count = length
        if not increments:
            count = min(width, length)
        elif loop is not None and address < loop[1]:
            count = min(length, loop[1] - address)
        yield address, count
        length -= count
        if increments:
            address += count
            if loop is not None and address == loop[1]:
                address = loop[0]
