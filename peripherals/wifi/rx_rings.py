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
from bk7238.peripherals.wifi.clocks import Clocks
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
from bk7238.peripherals.wifi.keys import KeyRam
from bk7238.peripherals.wifi.state_machine import StateMachine

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
        length = len(self.frame)
        signal = length + FCS & 0xFFF | RATE_6_MBIT << 12
        tsf = self.tsf & 0xFFFF_FFFF, self.tsf >> 32
        return REPORT.pack(length, 0, *tsf, signal, 0, (self.rssi & 0xFF) << 24, 0, 0, 0)


class RxRings(Clocks, KeyRam, StateMachine):
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

    rx_header_used = State(False)
    rx_buffer_used = State(False)
    rx_waiting: State[list[Heard]] = State(factory=list)

    def rx_queue(self, heard: Heard) -> bool:
        """Hand a frame to software as soon as there is room. False where too many are waiting already."""
        if len(self.rx_waiting) >= MOST_WAITING:
            self.log.warning(f"{MOST_WAITING} received frames wait for descriptors; one more is lost")
            return False
        self.rx_waiting.append(heard)
        self.rx_fill()
        return True

    def rx_header_new_head(self) -> None:
        self.DEBUG_RX_HDR_C_PTR.value = self.RX_HEADER_HEAD_PTR.value & ~3
        self.rx_header_used = False
        self.rx_fill()

    def rx_payload_new_head(self) -> None:
        self.DEBUG_RX_PAY_C_PTR.value = self.RX_PAYLOAD_HEAD_PTR.value & ~3
        self.rx_buffer_used = False
        self.rx_fill()

    def rx_fill(self) -> None:
        """Place as many of the waiting frames as there is room for."""
        placed = 0
        while placed < len(self.rx_waiting):
            try:
                if not self._rx_place(self.rx_waiting[placed]):
                    break
            except BadDescriptor as error:
                self.log.warning(f"a received frame is lost and reception stops: {error}")
                self._rx_stop()
            placed += 1
        if placed:
            del self.rx_waiting[:placed]
            self.update_lines()

    def fsm_reset(self) -> None:
        self.rx_waiting.clear()
        super().fsm_reset()

    def soft_reset(self) -> None:
        self._rx_stop()
        super().soft_reset()

    def _rx_stop(self) -> None:
        self.DEBUG_RX_HDR_C_PTR.value = self.DEBUG_RX_PAY_C_PTR.value = 0
        self.rx_header_used = self.rx_buffer_used = False

    def _rx_place(self, heard: Heard) -> bool:
        """Write one frame into the rings. False, and nothing written, where there is no room yet."""
        address = self._rx_next(self.DEBUG_RX_HDR_C_PTR.value, self.rx_header_used)
        if not address:
            return False
        read_rx_header(self.bus, address)
        buffers = self._rx_buffers(len(heard.frame))
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
        self.rx_header_used = self.rx_buffer_used = True
        write_word(self.bus, address + RHD_STATUS, heard.status)
        self.TX_RX_INT_STATUS.value |= RX_TRIGGERS
        return True

    def _rx_next(self, address: int, used: bool) -> int:
        return read_next(self.bus, address) if address and used else address

    def _rx_buffers(self, length: int) -> list[tuple[int, RxBuffer]]:
        """The next buffer descriptors that together hold `length` bytes; none where they do not."""
        address = self._rx_next(self.DEBUG_RX_PAY_C_PTR.value, self.rx_buffer_used)
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
