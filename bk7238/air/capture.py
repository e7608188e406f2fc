"""A capture of the air as pcapng with radiotap headers, for Wireshark and scapy.

Formats: draft-ietf-opsawg-pcapng and radiotap.org. Times are virtual microseconds since power-on. Frames have no FCS.
The direction flag says outbound for what the device sent.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_LINKTYPE_RADIOTAP = 127
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_NAME, _FLAGS = 2, 2  # option codes: of an interface block, of a packet block
_INBOUND, _OUTBOUND = 1, 2

# Radiotap: version, length, present fields (flags, channel); flags, padding, MHz, channel flags (2.4 GHz, dynamic)
_RADIOTAP = struct.Struct("<BxHIBxHH")
_HAS_FLAGS, _HAS_CHANNEL = 1 << 1, 1 << 3
_CHANNEL_FLAGS = 0x0480


class Capture:
    """Writes frames to a binary stream as they come; pass `record` to `Medium.on_frame`."""

    def __init__(self, stream: BinaryIO, interface: str = "air") -> None:
        self._write = stream.write
        self._write(_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)))
        name = _option(_NAME, interface.encode()) + _option(0)
        self._write(_block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_RADIOTAP, 0, 0) + name))

    def record(self, time: int, frame: bytes, channel: int, from_device: bool) -> None:
        """One frame, at a time in microseconds."""
        present = _HAS_FLAGS | _HAS_CHANNEL
        data = _RADIOTAP.pack(0, _RADIOTAP.size, present, 0, frequency(channel), _CHANNEL_FLAGS) + frame
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFF_FFFF, len(data), len(data))
        flags = _option(_FLAGS, struct.pack("<I", _OUTBOUND if from_device else _INBOUND)) + _option(0)
        self._write(_block(_PACKET, head + _padded(data) + flags))


def frequency(channel: int) -> int:
    """The centre of a 2.4 GHz channel in MHz."""
    return 2484 if channel == 14 else 2407 + 5 * channel


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(data)) + _padded(data)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
