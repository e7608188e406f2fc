"""The Wi-Fi MAC alone, used as the firmware uses it: descriptors in RAM, registers, interrupts."""

from __future__ import annotations

import struct

from bk7238.peripherals.wifi.mac import WifiMac
from bk7238.testing.block import BlockBench

RAM, RAM_SIZE = 0x0040_0000, 0x4_0000

MY_ADDRESS = bytes.fromhex("c8478c112233")
ACCESS_POINT = bytes.fromhex("02aabbccdd01")
SOMEBODY = bytes.fromhex("02aabbccdd99")
BROADCAST = b"\xff" * 6

STATE_CNTRL, ENCR_CNTRL = 0x38, 0xC4
MAC_CNTRL_2, DMA_CNTRL_SET = 0x8050, 0x8180
GEN_STATUS, GEN_ACK, GEN_ENABLE = 0x806C, 0x8070, 0x8074
TX_RX_STATUS, TX_RX_ACK, TX_RX_ENABLE = 0x8078, 0x807C, 0x8080
TIMERS_SET, TIMERS_CLEAR, TIMERS_UNMASK = 0x8084, 0x8088, 0x808C
RX_CNTRL = 0x60
ACTIVE_FILTER = 0x3503_848C  # what the SDK programs for a station
SCAN_FILTER = ACTIVE_FILTER | 0x2200

# Outputs: line 16 + n of the interrupt controller
TX_RX_TIMER, RX_TRIGGER, TX_TRIGGER, PROT_TRIGGER, GENERAL = 1, 3, 4, 5, 6
LINES = ("modem", "tx_rx_timer", "tx_rx_misc", "rx_trigger", "tx_trigger", "prot_trigger", "general")

BCN, AC0, AC1, AC2, AC3 = range(5)
IDLE, DOZE, ACTIVE = 0, 2, 3


class WifiDriver(BlockBench):
    """A MAC, started as the firmware starts it: active, on channel 6, with its addresses, all interrupts enabled."""

    def __init__(self, started: bool = True) -> None:
        super().__init__()
        self.heap = RAM + 0x1_0000
        self.mac = self.make(WifiMac, "wifi")
        self.air: list[tuple[int, bytes, int]] = []
        self.answers = True
        self.mac.tx.transmitted.connect(self._heard)
        if started:
            self.start()

    def start(self) -> None:
        mac = self.mac
        self.address(0x10, MY_ADDRESS)
        self.address(0x20, ACCESS_POINT)
        mac.write(RX_CNTRL, ACTIVE_FILTER)
        mac.write(GEN_ENABLE, 0x8373_F14C)
        mac.write(TX_RX_ENABLE, 0x8002_07C0)
        self.tune(6)
        mac.write(STATE_CNTRL, ACTIVE << 4)

    def address(self, offset: int, address: bytes) -> None:
        self.mac.write(offset, int.from_bytes(address[:4], "little"))
        self.mac.write(offset + 4, int.from_bytes(address[4:], "little"))

    def tune(self, channel: int) -> None:
        self.tune_steps(24 + 10 * (channel - 1))

    def tune_steps(self, steps: int) -> None:
        for bit in range(8):
            self.mac.set_input(bit, bool(steps >> bit & 1))

    def line(self, number: int) -> bool:
        return bool(getattr(self.mac.interrupts, LINES[number]).value)

    def _heard(self, frame: bytes, channel: int) -> bool:
        self.air.append((self.clock.now, frame, channel))
        return self.answers

    @property
    def frames(self) -> list[bytes]:
        return [frame for _, frame, _ in self.air]

    # Sending

    def allocate(self, size: int) -> int:
        address, self.heap = self.heap, self.heap + (size + 3 & ~3)
        return address

    def store(self, data: bytes) -> int:
        address = self.allocate(len(data))
        self.bus.write(address, data)
        return address

    def policy(self, key_index: int = 0, rate: int = 0x8000_0404, retry_limit: int = 7) -> int:
        """Four attempts at 6 Mbit/s are the default."""
        address = self.allocate(0x34)
        self.bus.put(address, 0xBADC_AB1E, 0, 0, key_index | key_index << 10, retry_limit << 8 | 4, rate)
        return address

    def tbd(self, data: bytes, next: int = 0) -> int:
        start = self.store(data)
        address = self.allocate(0x14)
        self.bus.put(address, 0xCAFE_FADE, next, start, start + len(data) - 1, 0)
        return address

    def thd(
        self, data: bytes = b"", first_tbd: int = 0, ack: bool = True, policy: int | None = None, control2: int = 0
    ) -> int:
        """A transmit header descriptor with `data` in its own buffer."""
        start = self.store(data) if data else 0
        end = start + len(data) - 1 if data else 0
        policy = self.policy() if policy is None else policy
        address = self.allocate(0x44)
        words = [
            0xCAFE_BABE,
            0,
            0,
            first_tbd,
            start,
            end,
            len(data) + 4,
            0,
            0,
            policy,
            0,
            0,
            0,
            ack << 9,
            control2,
            0,
            0,
        ]
        self.bus.put(address, *words)
        return address

    def new_head(self, queue: int, thd: int) -> None:
        self.mac.write(0x8198 + 4 * queue, thd)
        self.mac.write(DMA_CNTRL_SET, 1 << 8 + queue)

    def new_tail(self, queue: int, last: int, thd: int) -> None:
        self.bus.put(last + 4, thd)
        self.mac.write(DMA_CNTRL_SET, 1 << queue)

    def tx_status(self, thd: int) -> int:
        return self.bus.word(thd + 0x3C)

    # Receiving

    def rings(self, headers: int = 9, buffers: int = 10, size: int = 512) -> None:
        """The firmware's rings: the first header descriptor is its spare, the MAC gets the others."""
        self.rhds = [self.allocate(100) for _ in range(headers)]
        self.rbds = [self.allocate(36 + size) for _ in range(buffers)]
        for address, after in zip(self.rhds, [*self.rhds[1:], 0], strict=True):
            self.bus.put(address, 0xBAAD_F00D, after, 0, 0x1234_5678)
        for address, after in zip(self.rbds, [*self.rbds[1:], 0], strict=True):
            self.bus.put(address, 0xC0DE_DBAD, after, address + 36, address + 36 + size - 1, 0x5A5A_0000)
        self.mac.write(0x81B8, self.rhds[1])
        self.mac.write(DMA_CNTRL_SET, 1 << 26)
        self.mac.write(0x81BC, self.rbds[1])
        self.mac.write(DMA_CNTRL_SET, 1 << 27)

    def hear(self, frame: bytes, channel: int = 6, rssi: int = -50) -> bool:
        return self.mac.rx.deliver(frame, channel, rssi)

    def rx_status(self, rhd: int) -> int:
        return self.bus.word(rhd + 0x40)

    def received(self, rhd: int) -> bytes:
        """The frame that a finished header descriptor describes."""
        assert self.rx_status(rhd) & 0x4000, "this descriptor is not done"
        length = self.bus.word(rhd + 0x1C) & 0xFFFF
        frame, rbd = b"", self.bus.word(rhd + 8)
        while True:
            _, after, start, end, status = struct.unpack("<5I", self.bus.read(rbd, 20))
            frame += self.bus.read(start, end - start + 1)
            assert status & 2, "this buffer is not done"
            if status & 1:
                assert len(frame) - (end - start + 1) < length <= len(frame), "more buffers than the frame needs"
                return frame[:length]
            rbd = after

    # Keys

    def add_key(self, index: int, mac: bytes, cipher: int = 0, key: bytes = bytes(16), default: int = 0) -> None:
        for word in range(4):
            self.mac.write(0xAC + 4 * word, int.from_bytes(key[4 * word : 4 * word + 4], "little"))
        self.address(0xBC, mac)
        self.mac.write(ENCR_CNTRL, 1 << 30 | index << 16 | cipher << 8 | default << 1 | 1)


def management(
    subtype: int, receiver: bytes, transmitter: bytes, body: bytes = b"", bssid: bytes | None = None
) -> bytes:
    network = ACCESS_POINT if bssid is None else bssid
    return bytes((subtype << 4, 0, 0, 0)) + receiver + transmitter + network + b"\x10\x00" + body


def data_to_ap(body: bytes, flags: int = 0x01) -> bytes:
    return bytes((0x08, flags, 0, 0)) + ACCESS_POINT + MY_ADDRESS + SOMEBODY + b"\x20\x00" + body


def data_from_ap(body: bytes, receiver: bytes = MY_ADDRESS, flags: int = 0x02, bssid: bytes = ACCESS_POINT) -> bytes:
    return bytes((0x08, flags, 0, 0)) + receiver + bssid + SOMEBODY + b"\x30\x00" + body
