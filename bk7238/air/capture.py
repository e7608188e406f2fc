"""A capture of the air as pcapng with radiotap headers, for Wireshark and scapy.

Formats: draft-ietf-opsawg-pcapng and radiotap.org. Times are virtual microseconds since power-on. Frames are as they
went over the air, encrypted ones with their MIC, without FCS. The direction flag says outbound for what the device
sent; how loud the device hears a frame is known of the others only. A frame that a fault has kept from arriving, or
holds back, has a comment: `frame.comment` in Wireshark.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

from bk7238.formats.tkip import TEMPORAL_KEY_SIZE

_LINKTYPE_RADIOTAP = 127
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_NAME, _FLAGS, _COMMENT = 2, 2, 1  # option codes: of an interface block, of a packet block, of any
_INBOUND, _OUTBOUND = 1, 2

# Radiotap fields, in this order: flags, rate, channel (MHz; flags: 2.4 GHz with CCK, OFDM or either), signal, MCS
_HAS_FLAGS, _HAS_RATE, _HAS_CHANNEL, _HAS_SIGNAL, _HAS_MCS = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 19
_CCK, _OFDM, _EITHER = 0x00A0, 0x00C0, 0x0480
_CCK_RATES = (2, 4, 11, 22)  # in 500 kb/s
_MCS_KNOWN = 0x02
_HT = 0x80  # in a rate: the rest is the MCS
LOST = b"lost, or held back, on its way"
"""The comment of a frame of which nothing has arrived when it ended."""


class Capture:
    """Writes frames to a binary stream as they come; connect `record` to `Medium.on_record`."""

    def __init__(self, stream: BinaryIO, interface: str = "air") -> None:
        self._write = stream.write
        self._write(_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)))
        name = _option(_NAME, interface.encode()) + _option(0)
        self._write(_block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_RADIOTAP, 0, 0) + name))

    def record(
        self,
        time: int,
        frame: bytes,
        channel: int,
        from_device: bool,
        rate: int | None = None,
        rssi: int | None = None,
        lost: bool = False,
    ) -> None:
        """One frame, at a time in microseconds; `rate` in 500 kb/s or 0x80 + MCS, `rssi` in dBm."""
        data = _radiotap(channel, rate, rssi) + frame
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFF_FFFF, len(data), len(data))
        options = _option(_FLAGS, struct.pack("<I", _OUTBOUND if from_device else _INBOUND))
        options += _option(_COMMENT, LOST) if lost else b""
        self._write(_block(_PACKET, head + _padded(data) + options + _option(0)))


def wireshark_keys(pmks: Iterable[bytes], keys: Iterable[bytes] = ()) -> str:
    """Wireshark's table `80211_keys` of these pre-shared keys: what it needs to decrypt a capture that has the
    handshakes. For one that has not, there are the temporal `keys` that these gave, without MIC keys.

    Not of passphrases (`wpa-pwd`): of those whose percent-encoded text has more than 63 characters it takes none, and
    drops the whole table.
    """
    kinds = (("wpa-psk", pmks), ("tk", (key[:TEMPORAL_KEY_SIZE] for key in keys)))
    return "".join(f'"{kind}","{key.hex()}"\n' for kind, several in kinds for key in dict.fromkeys(several))


def frequency(channel: int) -> int:
    """The centre of a 2.4 GHz channel in MHz."""
    return 2484 if channel == 14 else 2407 + 5 * channel


def _radiotap(channel: int, rate: int | None, rssi: int | None) -> bytes:
    present, kind = _HAS_FLAGS | _HAS_CHANNEL, _EITHER
    speed, signal, mcs = b"\0", b"", b""  # where there is no rate, its byte is padding
    if rate is not None and rate & _HT:
        present, mcs = present | _HAS_MCS, bytes((_MCS_KNOWN, 0, rate & ~_HT))
    elif rate is not None:
        present, kind, speed = present | _HAS_RATE, _CCK if rate in _CCK_RATES else _OFDM, bytes((rate,))
    if rssi is not None:
        present, signal = present | _HAS_SIGNAL, struct.pack("b", max(-128, min(rssi, 127)))
    fields = b"\0" + speed + struct.pack("<HH", frequency(channel), kind) + signal + mcs
    return struct.pack("<BxHI", 0, 8 + len(fields), present) + fields


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(data)) + _padded(data)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
