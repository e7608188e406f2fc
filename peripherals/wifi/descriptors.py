"""The descriptors of the MAC's DMA as they lie in memory: 32-bit little-endian words that software and MAC share.

Facts: docs/hardware/wifi-mac.md. Addresses are CPU addresses, 0 ends a chain, and the end of a buffer is its last
byte. A descriptor is read in one go. Whatever cannot be used raises BadDescriptor, whose text says which and why.

Not modelled: A-MPDU descriptors, compressed policy tables.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bk7238.peripherals.core import Bus

TX_HEADER = struct.Struct("<II4xIIII8xI12xIIII")
TX_BUFFER = struct.Struct("<IIIII")
POLICY_TABLE = struct.Struct("<I8xII4I16x")
RX_HEADER = struct.Struct("<II")
RX_BUFFER = struct.Struct("<IIII")

TX_HEADER_PATTERN = 0xCAFE_BABE
TX_BUFFER_PATTERN = 0xCAFE_FADE
POLICY_TABLE_PATTERN = 0xBADC_AB1E
RX_HEADER_PATTERN = 0xBAAD_F00D
RX_BUFFER_PATTERN = 0xC0DE_DBAD

# Where what lies in a descriptor that is read or written on its own, and the bits of its status words
NEXT = 0x04

THD_STATUS = 0x3C
THD_DONE = 1 << 31
THD_SUCCESSFUL = 1 << 23
THD_RETRY_LIMIT_REACHED = 1 << 16
THD_RETRIES_SHIFT = 8

TBD_CONTROL = 0x10
TBD_DONE = 1 << 31

RHD_FIRST_BUFFER = 0x08
RHD_FRAME_LENGTH = 0x1C  # the first of what the MAC reports
RHD_DONE = 1 << 14
RHD_SUCCESSFUL = 1 << 13
RHD_GROUP = 1 << 10
RHD_ADDRESS_MISMATCH = 1 << 9
RHD_VECTOR2_VALID = 1 << 0
RHD_KEY_INDEX_VALID = 1 << 25
RHD_KEY_INDEX_SHIFT = 15

RBD_START = 0x08
RBD_END = 0x0C
RBD_STATUS = 0x10
RBD_LAST = 1
RBD_DONE = 2


class Rings(NamedTuple):
    """How descriptors of received frames lie in memory, as 32-bit words: for an engine that places frames itself. Sizes
    and offsets are in bytes; `complete` is the status of a buffer that holds a whole frame."""

    report_size: int
    header_pattern: int = RX_HEADER_PATTERN
    buffer_pattern: int = RX_BUFFER_PATTERN
    next: int = NEXT
    first_buffer: int = RHD_FIRST_BUFFER
    report: int = RHD_FRAME_LENGTH
    start: int = RBD_START
    end: int = RBD_END
    status: int = RBD_STATUS
    complete: int = RBD_DONE | RBD_LAST


class BadDescriptor(Exception):
    """Something in memory that the MAC cannot work with."""


class TxHeader(NamedTuple):
    """THD: one MPDU to send. `frame_length` counts the FCS, which is not in memory."""

    pattern: int
    next: int
    first_buffer: int
    start: int
    end: int
    frame_length: int
    policy: int
    mac_control1: int
    mac_control2: int
    status: int
    medium_time: int

    @property
    def expected_ack(self) -> int:
        """Zero: nobody answers this frame."""
        return self.mac_control1 >> 9 & 3

    @property
    def part_of_ampdu(self) -> bool:
        """Whether it is one of the MPDUs of an A-MPDU."""
        return bool(self.mac_control2 >> 21 & 1)

    @property
    def dont_touch_duration(self) -> bool:
        """Whether the firmware has filled in Duration/ID."""
        return bool(self.mac_control2 >> 28 & 1)

    @property
    def dont_encrypt(self) -> bool:
        """Whether the frame goes out in the clear."""
        return bool(self.mac_control2 >> 30 & 1)


class TxBuffer(NamedTuple):
    """TBD: a piece of an MPDU."""

    pattern: int
    next: int
    start: int
    end: int
    control: int


class PolicyTable(NamedTuple):
    """How an MPDU is to be sent: its key, the retry limits and up to four rates."""

    pattern: int
    mac_control1: int
    mac_control2: int
    rate1: int
    rate2: int
    rate3: int
    rate4: int

    @property
    def key_index(self) -> int:
        """The row of the key RAM."""
        return self.mac_control1 & 0x3FF

    @property
    def short_retry_limit(self) -> int:
        """How often a short frame is sent again."""
        return self.mac_control2 >> 8 & 0xFF


class RxHeader(NamedTuple):
    """RHD: room for what is to be said of one received MPDU."""

    pattern: int
    next: int


class RxBuffer(NamedTuple):
    """RBD: room for a piece of an MPDU."""

    pattern: int
    next: int
    start: int
    end: int


def read_tx_header(bus: Bus, address: int) -> TxHeader:
    """The transmit header descriptor at a CPU address."""
    return TxHeader(*_words(bus, address, "THD", TX_HEADER, TX_HEADER_PATTERN))


def read_tx_buffer(bus: Bus, address: int) -> TxBuffer:
    """The transmit buffer descriptor at a CPU address."""
    return TxBuffer(*_words(bus, address, "TBD", TX_BUFFER, TX_BUFFER_PATTERN))


def read_policy_table(bus: Bus, address: int) -> PolicyTable:
    """The policy table at a CPU address."""
    return PolicyTable(*_words(bus, address, "policy table", POLICY_TABLE, POLICY_TABLE_PATTERN))


def read_rx_header(bus: Bus, address: int) -> RxHeader:
    """The receive header descriptor at a CPU address."""
    return RxHeader(*_words(bus, address, "RHD", RX_HEADER, RX_HEADER_PATTERN))


def read_rx_buffer(bus: Bus, address: int) -> RxBuffer:
    """The receive buffer descriptor at a CPU address."""
    return RxBuffer(*_words(bus, address, "RBD", RX_BUFFER, RX_BUFFER_PATTERN))


def read_next(bus: Bus, address: int) -> int:
    """The address of the descriptor after the one at `address`, as software has left it there by now."""
    return int.from_bytes(read_bytes(bus, address + NEXT, 4), "little")


def read_bytes(bus: Bus, address: int, length: int) -> bytes:
    """Bytes of memory. Raises BadDescriptor where there is none."""
    try:
        return bus.read(address, length)
    except ValueError:
        raise BadDescriptor(f"no memory at {address:#010x} to read {length} bytes from") from None


def write_bytes(bus: Bus, address: int, data: bytes) -> None:
    """Write bytes of memory. Raises BadDescriptor where there is none."""
    try:
        bus.write(address, data)
    except ValueError:
        raise BadDescriptor(f"no memory at {address:#010x} to write {len(data)} bytes to") from None


def write_word(bus: Bus, address: int, word: int) -> None:
    """Write 32 bits, little-endian."""
    write_bytes(bus, address, word.to_bytes(4, "little"))


def _words(bus: Bus, address: int, name: str, layout: struct.Struct, pattern: int) -> tuple[int, ...]:
    try:
        words = layout.unpack(bus.read(address, layout.size))
    except ValueError:
        raise BadDescriptor(f"{name} at {address:#010x}: there is no memory") from None
    if words[0] != pattern:
        raise BadDescriptor(f"{name} at {address:#010x}: pattern {words[0]:#010x} instead of {pattern:#010x}")
    return words
