"""Receiving: what the MAC hears, decrypts and writes into the firmware's rings of descriptors.

Facts: docs/hardware/wifi-mac.md. Eight wires from the radio carry its frequency in steps of 0.5 MHz above 2400: 24 is
channel 1, each further channel is 10 more, and channel 14, 12 MHz above channel 13, is 168.

A frame is heard in the active state on the tuned channel, and passes the filter. The transmitter is looked up in the
key RAM also for a frame that is not protected: that is how the firmware finds the station it came from. A protected
frame that cannot be decrypted is dropped without an interrupt unless acceptDecryptErrorFrames.

There are two rings, one of descriptors for headers and one for buffers. The MAC sits on one descriptor of each and
reads its link only when it needs the next one, so software can link more at any time. While there is no room frames
wait here: three of full size fill the firmware's rings, and what is heard must not be lost for that. A bad descriptor
costs the frame and stops the rings until the next newHead.

Not modelled: frequencies between channels: a radio that is tuned to one neither hears nor is heard; errors on the air,
answers other than the ACK to a frame for this station, a radio that is deaf while it sends; interrupt mitigation (each
frame triggers at once), the trigger of a header descriptor, the format of a frame (each is told as 6 Mbit/s without
HT), A-MPDU information, DMA error interrupts.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from bk7238.formats import ccmp
from bk7238.formats.airtime import Rate, frame_time
from bk7238.formats.ieee80211 import (
    CONTROL,
    FCS,
    NOBODY,
    PROTECTED,
    TIMESTAMP,
    Header,
    is_group,
    parse,
)
from bk7238.peripherals.core import RO, RW, Input, Quiet, Register, State
from bk7238.peripherals.wifi import keys
from bk7238.peripherals.wifi.descriptors import (
    RBD_DONE,
    RBD_LAST,
    RBD_STATUS,
    RHD_ADDRESS_MISMATCH,
    RHD_DONE,
    RHD_FIRST_BUFFER,
    RHD_FRAME_LENGTH,
    RHD_GROUP,
    RHD_KEY_INDEX_SHIFT,
    RHD_KEY_INDEX_VALID,
    RHD_SUCCESSFUL,
    RHD_VECTOR2_VALID,
    BadDescriptor,
    Rings,
    read_next,
    read_rx_buffer,
    read_rx_header,
    write_bytes,
    write_word,
)
from bk7238.peripherals.wifi.dma import Dma
from bk7238.peripherals.wifi.filter import judged
from bk7238.peripherals.wifi.keys import Key
from bk7238.peripherals.wifi.mac_part import MacPart

CHANNEL_OF_STEP = {24 + 10 * (channel - 1): channel for channel in range(1, 14)} | {168: 14}
USUAL_RATE = Rate(4)  # 6 Mbit/s: what the receive vector says of every frame
MOST_WAITING = 256
MOST_BUFFERS = 64
RATE_6_MBIT = 0xB
RX_TRIGGERS = 1 << 16 | 1 << 17 | 1 << 19  # rxTrigger, timerRxTrigger, counterRxTrigger
# From RHD + 0x1C: length, A-MPDU information, TSF low and high, receive vector 1 (four words), receive vector 2 (two),
# status
REPORT = struct.Struct("<HHIIIIIIIII")
RINGS = struct.pack("<10I", *Rings(REPORT.size))
RBD_MORE, RBD_ALL = RBD_DONE.to_bytes(2, "little"), (RBD_DONE | RBD_LAST).to_bytes(2, "little")


class Tuning(MacPart):
    tuned = Input(0, 7)

    @property
    def channel(self) -> int:
        """The channel, 1 to 14, or 0 where the radio is not on one."""
        return CHANNEL_OF_STEP.get(self.tuned, 0)


class Heard(NamedTuple):
    """A frame for the firmware: `status` is the word that goes with it, `tsf` when it was heard, `rssi` in dBm."""

    frame: bytes
    rssi: int
    status: int
    tsf: int

    def report(self) -> bytes:
        """The bytes that the hardware writes into the header descriptor."""
        length = len(self.frame)
        signal = length + FCS & 0xFFF | RATE_6_MBIT << 12
        tsf = self.tsf & 0xFFFF_FFFF, self.tsf >> 32
        return REPORT.pack(length, 0, *tsf, signal, 0, (self.rssi & 0xFF) << 24, 0, 0, 0, self.status)


class RxRings(MacPart):
    class RX_HEADER_HEAD_PTR(Register, at=0x81B8):
        rxHeaderHeadPtrValid = RW(0)
        rxHeaderHeadPtr = RW(2, 31)

    class RX_PAYLOAD_HEAD_PTR(Register, at=0x81BC):
        rxPayloadHeadPtrValid = RW(0)
        rxPayloadHeadPtr = RW(2, 31)

    class DEBUG_RX_PAY_S_PTR(Register, at=0x8544):
        rxPayStatPointer = RO(0, 31)

    class DEBUG_RX_HDR_C_PTR(Register, at=0x8548):
        rxHdrStatPointer = RO(0, 31, doc="the header descriptor that the MAC sits on, 0 for none")

    class DEBUG_RX_PAY_C_PTR(Register, at=0x854C):
        rxPayCurrentPointer = RO(0, 31, doc="the buffer descriptor that the MAC sits on, 0 for none")

    class RX_FIFO(Register, at=0x9000, bus=False):
        frames = RO(0, 31, doc="how many received frames wait for descriptors")

    linked = Quiet(
        Dma.DMA_CNTRL_SET.txNewTail,
        Dma.DMA_CNTRL_SET.txNewHead,
        Dma.DMA_CNTRL_SET.haltAfterTXOP,
        Dma.DMA_CNTRL_SET.rxHeaderNewHead,
        Dma.DMA_CNTRL_SET.rxPayloadNewHead,
        unless=RX_FIFO.frames,
    )
    header_used = State(False)
    buffer_used = State(False)
    waiting: State[list[Heard]] = State(factory=list)

    def queue(self, heard: Heard) -> bool:
        """Hand a frame to software as soon as there is room. False where too many are waiting already."""
        if len(self.waiting) >= MOST_WAITING:
            self.log.warning(f"{MOST_WAITING} received frames wait for descriptors; one more is lost")
            return False
        self.waiting.append(heard)
        self.fill()
        return True

    def clear(self) -> None:
        """Forget the frames that wait."""
        self.waiting.clear()
        self.RX_FIFO.frames = 0

    def new_header_head(self) -> None:
        """Begin with the header ring that the firmware has written."""
        self.DEBUG_RX_HDR_C_PTR.value = self.RX_HEADER_HEAD_PTR.value & ~3
        self.header_used = False
        self.fill()

    def new_payload_head(self) -> None:
        """Begin with the payload ring that the firmware has written."""
        self.DEBUG_RX_PAY_C_PTR.value = self.RX_PAYLOAD_HEAD_PTR.value & ~3
        self.buffer_used = False
        self.fill()

    def fill(self) -> None:
        """Place as many of the waiting frames as there is room for."""
        placed = 0
        while placed < len(self.waiting):
            try:
                if not self._place(self.waiting[placed]):
                    break
            except BadDescriptor as error:
                self.log.warning(f"a received frame is lost and reception stops: {error}")
                self.stop()
            placed += 1
        if placed:
            del self.waiting[:placed]
            status: Any = self.block.interrupts.TX_RX_INT_STATUS
            status.changed()
        self.RX_FIFO.frames = len(self.waiting)

    def stop(self) -> None:
        """Sit on no descriptor until the next newHead."""
        self.DEBUG_RX_HDR_C_PTR.value = self.DEBUG_RX_PAY_C_PTR.value = 0
        self.header_used = self.buffer_used = False

    def _place(self, heard: Heard) -> bool:
        """Write one frame into the rings. False, and nothing written, where there is no room yet."""
        header, buffer, frame, bus = self.DEBUG_RX_HDR_C_PTR, self.DEBUG_RX_PAY_C_PTR, heard.frame, self.bus
        pointers: Any = header.host_address, buffer.host_address
        if self.header_used == self.buffer_used and bus.place(
            *pointers, self.header_used, frame, len(frame), heard.report(), RINGS
        ):
            self._placed()
            return True
        address = header.value
        if address and self.header_used:
            address = read_next(bus, address)
        if not address:
            return False
        read_rx_header(bus, address)
        buffers = self._buffers(len(frame))
        if not buffers:
            return False
        at, begin = 0, 0
        for at, size, start in buffers:
            end = begin + size
            write_bytes(bus, start, frame[begin:end])
            write_bytes(bus, at + RBD_STATUS, RBD_MORE if end < len(frame) else RBD_ALL)
            begin = end
        write_word(bus, address + RHD_FIRST_BUFFER, buffers[0][0])
        write_bytes(bus, address + RHD_FRAME_LENGTH, heard.report())
        header.value, buffer.value = address, at
        self._placed()
        return True

    def _placed(self) -> None:
        """The MAC sits on descriptors that it has filled."""
        self.DEBUG_RX_PAY_S_PTR.value = self.DEBUG_RX_PAY_C_PTR.value
        self.header_used = self.buffer_used = True
        self.block.interrupts.TX_RX_INT_STATUS.value |= RX_TRIGGERS

    def _buffers(self, length: int) -> list[tuple[int, int, int]]:
        """The next buffer descriptors that together hold `length` bytes, each with its buffer's size and address; none
        where they do not."""
        address = self.DEBUG_RX_PAY_C_PTR.value
        if address and self.buffer_used:
            address = read_next(self.bus, address)
        buffers: list[tuple[int, int, int]] = []
        while address and length > 0:
            if len(buffers) >= MOST_BUFFERS or any(address == other for other, _, _ in buffers):
                raise BadDescriptor(f"RBD at {address:#010x}: a chain without an end")
            _, following, start, end = read_rx_buffer(self.bus, address)
            if end < start:
                raise BadDescriptor(f"RBD at {address:#010x}: a buffer from {start:#010x} to {end:#010x}")
            size = end - start + 1
            buffers.append((address, size, start))
            length -= size
            address = following
        return buffers if length <= 0 else []


class Receive(MacPart):
    # The world's side

    def deliver(self, frame: bytes, channel: int, rssi: int, rate: Rate = USUAL_RATE) -> bool:
        """A frame (MPDU without FCS) has ended on the air; `rssi` in dBm. Whether this station acknowledges it."""
        mac = self.block
        if not channel or channel != mac.tuning.channel or not mac.control.active:
            return False
        judgement = judged(mac.filter.rules, frame)
        if judgement is None:
            return False
        header, wanted, mine, own_beacon = judgement
        if wanted and not self._take(frame, header, mine, rssi):
            return False
        if own_beacon:
            self._follow_tsf(frame, rate)
        return mine and header.kind != CONTROL and not mac.control.MAC_CNTRL_1.disableACKResp

    def _follow_tsf(self, frame: bytes, rate: Rate) -> None:
        """The beacons of a station's own network keep its TSF right, while tsfMgtDisable is clear."""
        control = self.block.control.MAC_CNTRL_1
        if control.ap or control.tsfMgtDisable or len(frame) < TIMESTAMP.stop:
            return
        began = int.from_bytes(frame[TIMESTAMP], "little")
        self.block.clocks.follow_tsf(began + frame_time(rate, len(frame) + FCS))

    def _take(self, frame: bytes, header: Header, mine: bool, rssi: int) -> bool:
        """Whether there was room for the frame, or no need of it because it cannot be decrypted."""
        status = RHD_DONE | RHD_SUCCESSFUL | RHD_VECTOR2_VALID
        if is_group(header.addr1):
            status |= RHD_GROUP
        elif not mine:
            status |= RHD_ADDRESS_MISMATCH
        station = None if header.addr2 == NOBODY else self.block.keys.station(header.addr2)
        if station is not None:
            status |= RHD_KEY_INDEX_VALID | station << RHD_KEY_INDEX_SHIFT
        if header.flags & PROTECTED and header.kind != CONTROL and not self.block.filter.RX_CNTRL.dontDecrypt:
            try:
                frame, decryption = keys.unprotect(frame, self._key(frame, station))
            except keys.UnusableKey as error:
                self.log.warning(f"a frame is dropped: {error}")
                return True
            if decryption not in keys.SUCCESSES and not self.block.filter.RX_CNTRL.acceptDecryptErrorFrames:
                reason = "no key" if decryption == keys.NULL_KEY else "wrong MIC"
                self.log.info(f"a protected frame from {header.addr2.hex(':')} is dropped: {reason}")
                return True
            status |= decryption
        return self.block.rings.queue(Heard(frame, rssi, status, self.block.clocks.tsf))

    def _key(self, frame: bytes, station: int | None) -> Key | None:
        """What a protected frame is to be decrypted with: the transmitter's key, or a group key of its interface."""
        header, body = parse(frame)
        if station is None or len(body) < ccmp.HEADER_SIZE:
            return None
        key = self.block.keys.entries[station]
        if is_group(header.addr1) or (key.use_default and key.cipher == keys.NONE):
            return self.block.keys.group_key(key.interface, ccmp.key_id(body))
        return key
