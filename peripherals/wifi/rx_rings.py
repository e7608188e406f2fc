"""Two rings of descriptors, one for headers and one for buffers, and the frames that wait for room in them.

Facts: docs/hardware/wifi-mac.md. The MAC sits on one descriptor of each ring and reads its link only when it needs the
next one, so software can link more at any time. While there is no room frames wait here: three of full size fill the
firmware's rings, and what is heard must not be lost for that. A bad descriptor costs the frame and stops the rings
until the next newHead.

Not modelled: interrupt mitigation (each frame triggers at once), the trigger of a header descriptor, the format of a
frame (each is told as 6 Mbit/s without HT), A-MPDU information, DMA error interrupts.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bk7238.formats.ieee80211 import FCS
from bk7238.peripherals.core import RO, RW, Register, State
from bk7238.peripherals.wifi.descriptors import (
    RBD_DONE,
    RBD_LAST,
    RBD_STATUS,
    RHD_FIRST_BUFFER,
    RHD_FRAME_LENGTH,
    RHD_STATUS,
    BadDescriptor,
    RxBuffer,
    read_next,
    read_rx_buffer,
    read_rx_header,
    write_bytes,
    write_word,
)
from bk7238.peripherals.wifi.mac_part import MacPart

MOST_WAITING = 256
MOST_BUFFERS = 64
RATE_6_MBIT = 0xB
RX_TRIGGERS = 1 << 16 | 1 << 17 | 1 << 19  # rxTrigger, timerRxTrigger, counterRxTrigger
# From RHD + 0x1C: length, A-MPDU information, TSF low and high, receive vector 1 (four words), receive vector 2 (two)
REPORT = struct.Struct("<HHIIIIIIII")


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
        return REPORT.pack(length, 0, *tsf, signal, 0, (self.rssi & 0xFF) << 24, 0, 0, 0)


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
            self.block.interrupts.update_lines()

    def stop(self) -> None:
        """Sit on no descriptor until the next newHead."""
        self.DEBUG_RX_HDR_C_PTR.value = self.DEBUG_RX_PAY_C_PTR.value = 0
        self.header_used = self.buffer_used = False

    def _place(self, heard: Heard) -> bool:
        """Write one frame into the rings. False, and nothing written, where there is no room yet."""
        address = self._next(self.DEBUG_RX_HDR_C_PTR.value, self.header_used)
        if not address:
            return False
        read_rx_header(self.bus, address)
        buffers = self._buffers(len(heard.frame))
        if not buffers:
            return False
        rest = heard.frame
        for at, buffer in buffers:
            size = buffer.end - buffer.start + 1
            write_bytes(self.bus, buffer.start, rest[:size])
            rest = rest[size:]
            status = RBD_DONE if rest else RBD_DONE | RBD_LAST
            write_bytes(self.bus, at + RBD_STATUS, status.to_bytes(2, "little"))
        write_word(self.bus, address + RHD_FIRST_BUFFER, buffers[0][0])
        write_bytes(self.bus, address + RHD_FRAME_LENGTH, heard.report())
        self.DEBUG_RX_HDR_C_PTR.value = address
        self.DEBUG_RX_PAY_C_PTR.value = self.DEBUG_RX_PAY_S_PTR.value = buffers[-1][0]
        self.header_used = self.buffer_used = True
        write_word(self.bus, address + RHD_STATUS, heard.status)
        self.block.interrupts.TX_RX_INT_STATUS.value |= RX_TRIGGERS
        return True

    def _next(self, address: int, used: bool) -> int:
        return read_next(self.bus, address) if address and used else address

    def _buffers(self, length: int) -> list[tuple[int, RxBuffer]]:
        """The next buffer descriptors that together hold `length` bytes; none where they do not."""
        address = self._next(self.DEBUG_RX_PAY_C_PTR.value, self.buffer_used)
        buffers: dict[int, RxBuffer] = {}
        while address and length > 0:
            if address in buffers or len(buffers) >= MOST_BUFFERS:
                raise BadDescriptor(f"RBD at {address:#010x}: a chain without an end")
            buffer = buffers[address] = read_rx_buffer(self.bus, address)
            if buffer.end < buffer.start:
                raise BadDescriptor(f"RBD at {address:#010x}: a buffer from {buffer.start:#010x} to {buffer.end:#010x}")
            length -= buffer.end - buffer.start + 1
            address = buffer.next
        return list(buffers.items()) if length <= 0 else []
