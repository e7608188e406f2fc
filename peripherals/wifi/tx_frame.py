"""Collects an MPDU from where its transmit descriptors say that it lies in memory.

Facts: docs/hardware/wifi-mac.md. Management frames lie in the header descriptor's own buffer and may go on in buffer
descriptors; data frames lie in buffer descriptors only. The FCS is not in memory.

Not modelled: a check of the descriptor's frame length.
"""

from __future__ import annotations

from bk7238.peripherals.core import Bus
from bk7238.peripherals.wifi.descriptors import (
    TBD_CONTROL,
    TBD_DONE,
    BadDescriptor,
    TxHeader,
    read_bytes,
    read_tx_buffer,
    write_word,
)

SHORTEST = 10
LONGEST = 0x4000
MOST_BUFFERS = 64


def gather(bus: Bus, header: TxHeader) -> bytes:
    """The MPDU without FCS; buffer descriptors are marked as done. Raises BadDescriptor."""
    frame = _piece(bus, header.start, header.end) if header.start else b""
    address = header.first_buffer
    for _ in range(MOST_BUFFERS):
        if not address:
            break
        buffer = read_tx_buffer(bus, address)
        frame += _piece(bus, buffer.start, buffer.end)
        write_word(bus, address + TBD_CONTROL, buffer.control | TBD_DONE)
        address = buffer.next
    else:
        if address:
            raise BadDescriptor(f"a frame in more than {MOST_BUFFERS} buffers")
    if not SHORTEST <= len(frame) <= LONGEST:
        raise BadDescriptor(f"a frame of {len(frame)} bytes")
    return frame


def _piece(bus: Bus, start: int, end: int) -> bytes:
    length = end - start + 1
    if not 0 <= length <= LONGEST:
        raise BadDescriptor(f"a buffer from {start:#010x} to {end:#010x}")
    return read_bytes(bus, start, length) if length else b""
