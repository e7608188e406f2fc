"""802.11 frames: the MAC header, information elements and the LLC/SNAP header in front of an Ethernet payload.

A frame here starts with frame control and ends before the FCS. Numbers are little-endian, addresses are 6 bytes.
Source: IEEE 802.11-2020, clause 9 (frame formats) and RFC 1042 (LLC/SNAP).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

BROADCAST = b"\xff" * 6
NOBODY = bytes(6)
FCS = 4  # bytes

MANAGEMENT, CONTROL, DATA = 0, 1, 2

# Management subtypes
ASSOCIATION_REQUEST, ASSOCIATION_RESPONSE = 0, 1
REASSOCIATION_REQUEST, REASSOCIATION_RESPONSE = 2, 3
PROBE_REQUEST, PROBE_RESPONSE = 4, 5
BEACON = 8
DISASSOCIATION, AUTHENTICATION, DEAUTHENTICATION, ACTION = 10, 11, 12, 13

NOT_ROBUST = (4, 7, 11, 15, 20, 21, 127)
"""Categories of action frames that are not protected: public, HT, unprotected WNM, self-protected, VHT and others."""

# Control subtypes
PS_POLL = 10

# Data subtypes: bit 2 says "no payload", bit 3 says "QoS"
NULL_BIT, QOS_BIT = 4, 8

# Flags: the second byte of frame control
TO_DS, FROM_DS, MORE_FRAGMENTS, RETRY = 0x01, 0x02, 0x04, 0x08
POWER_MANAGEMENT, MORE_DATA, PROTECTED, ORDER = 0x10, 0x20, 0x40, 0x80

# Elements
SSID, RATES, DS_PARAMETER, TIM, COUNTRY, CHANNEL_SWITCH, ERP = 0, 1, 3, 5, 7, 37, 42
HT_CAPABILITIES, RSN, EXTENDED_RATES, HT_OPERATION, VENDOR = 45, 48, 50, 61, 221
TIMEOUT_INTERVAL, MANAGEMENT_MIC, RSN_EXTENSION, EXTENSION = 56, 76, 244, 255

QOS_AMSDU = 0x80

TIMESTAMP = slice(24, 32)  # in beacons and probe responses: the TSF

_ADDRESSED = struct.Struct("<BBH6s6s6sH")
_SHORT = struct.Struct("<BBH6s6s")
_SHORTEST = struct.Struct("<BBH6s")

LLC_SNAP = bytes.fromhex("aaaa03000000")
LLC_TUNNEL = bytes.fromhex("aaaa030000f8")  # 802.1H, for the few protocols that use it


class Header(NamedTuple):
    """A MAC header. Which addresses mean what depends on the two DS flags; `duration` is the AID in a PS-Poll."""

    kind: int
    subtype: int
    flags: int = 0
    duration: int = 0
    addr1: bytes = NOBODY
    addr2: bytes = NOBODY
    addr3: bytes = NOBODY
    sequence: int = 0
    fragment: int = 0
    addr4: bytes = b""
    qos: int | None = None
    ht_control: bytes = b""

    def pack(self) -> bytes:
        """The header's bytes."""
        control = self.kind << 2 | self.subtype << 4
        if self.kind == CONTROL:
            return _SHORT.pack(control, self.flags, self.duration, self.addr1, self.addr2)
        order = self.sequence << 4 | self.fragment
        head = _ADDRESSED.pack(control, self.flags, self.duration, self.addr1, self.addr2, self.addr3, order)
        qos = b"" if self.qos is None else self.qos.to_bytes(2, "little")
        return head + self.addr4 + qos + self.ht_control


def pack_management(
    subtype: int, receiver: bytes, transmitter: bytes, bssid: bytes, sequence: int, flags: int = 0
) -> bytes:
    """The header's bytes of a management frame."""
    return _ADDRESSED.pack(subtype << 4, flags, 0, receiver, transmitter, bssid, sequence << 4)


def parse(frame: bytes) -> tuple[Header, bytes]:
    """The header of a frame, and what follows it. Raises ValueError where the frame is too short for its kind."""
    if len(frame) < _SHORTEST.size:
        raise ValueError(f"an 802.11 frame of {len(frame)} bytes")
    control, flags = frame[0], frame[1]
    kind, subtype = control >> 2 & 3, control >> 4
    if control & 3 or kind > DATA:
        raise ValueError(f"not an 802.11 frame of version 0: frame control 0x{control:02X}")
    if kind == CONTROL:
        return _parse_control(frame, subtype, flags)
    if len(frame) < _ADDRESSED.size:
        raise ValueError(f"an 802.11 header of {len(frame)} bytes")
    _, _, duration, addr1, addr2, addr3, order = _ADDRESSED.unpack_from(frame)
    at = _ADDRESSED.size
    if kind == MANAGEMENT and not flags & ORDER:  # most frames are beacons
        return Header(kind, subtype, flags, duration, addr1, addr2, addr3, order >> 4, order & 15), frame[at:]
    addr4, qos, ht_control = b"", None, b""
    if kind == DATA:
        if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS:
            addr4 = frame[at : at + 6]
            at += 6
        if subtype & QOS_BIT:
            qos = int.from_bytes(frame[at : at + 2], "little")
            at += 2
    if flags & ORDER and (kind == MANAGEMENT or qos is not None):
        ht_control = frame[at : at + 4]
        at += 4
    if len(frame) < at:
        raise ValueError(f"an 802.11 header of {at} bytes in a frame of {len(frame)}")
    header = Header(kind, subtype, flags, duration, addr1, addr2, addr3, order >> 4, order & 15, addr4, qos, ht_control)
    return header, frame[at:]


def _parse_control(frame: bytes, subtype: int, flags: int) -> tuple[Header, bytes]:
    """A control frame: PS-Poll, RTS and most others have a transmitter, ACK and CTS have none."""
    if len(frame) < _SHORT.size:
        _, _, duration, addr1 = _SHORTEST.unpack_from(frame)
        return Header(CONTROL, subtype, flags, duration, addr1), frame[_SHORTEST.size :]
    _, _, duration, addr1, addr2 = _SHORT.unpack_from(frame)
    return Header(CONTROL, subtype, flags, duration, addr1, addr2), frame[_SHORT.size :]


def is_group(address: bytes) -> bool:
    """Whether an address names a group (multicast or broadcast) rather than one station."""
    return bool(address[0] & 1)


def is_robust(frame: bytes) -> bool:
    """Whether it is a management frame that 802.11w protects: the ends of an association, and most action frames."""
    subtype = frame[0] >> 4 if frame and frame[0] & 0x0F == 0 else None
    if subtype == ACTION:
        return len(frame) > 24 and frame[24] not in NOT_ROBUST
    return subtype in (DISASSOCIATION, DEAUTHENTICATION)


def is_group_addressed(frame: bytes) -> bool:
    """Whether a frame is for a group, which does not acknowledge it. False for one too short to say."""
    return len(frame) >= 10 and is_group(frame[4:10])


def with_timestamp(frame: bytes, tsf: int) -> bytes:
    """The frame with `tsf` (microseconds) as its timestamp where it has one: a beacon or a probe response."""
    if len(frame) < TIMESTAMP.stop or frame[0] not in (BEACON << 4, PROBE_RESPONSE << 4):
        return frame
    return frame[: TIMESTAMP.start] + tsf.to_bytes(8, "little") + frame[TIMESTAMP.stop :]


def element(number: int, data: bytes) -> bytes:
    """One information element. Raises ValueError where `data` exceeds 255 bytes."""
    return bytes((number, len(data))) + data


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The information elements in `data`, in order. A last element that is cut short is left out."""
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + data[at + 1]
        if end > len(data):
            return
        yield data[at], data[at + 2 : end]
        at = end


def find_element(data: bytes, number: int, prefix: bytes = b"") -> bytes | None:
    """The first element of that number whose content starts with `prefix` (a vendor's OUI), or None."""
    for found, content in elements(data):
        if found == number and content.startswith(prefix):
            return content
    return None


def msdu(ethernet: bytes) -> bytes:
    """An Ethernet II frame's type and payload behind LLC/SNAP, as a data frame carries them."""
    return LLC_SNAP + ethernet[12:]


def ethernet(destination: bytes, source: bytes, body: bytes) -> bytes:
    """The Ethernet II frame in a data frame's body. Raises ValueError where there is no LLC/SNAP header."""
    if len(body) < 8 or not body.startswith((LLC_SNAP, LLC_TUNNEL)):
        raise ValueError("a data frame without LLC/SNAP")
    return destination + source + body[6:]
