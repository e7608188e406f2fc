"""The areas for RF calibration and network parameters: lists of (type, length, value), little-endian.

Header: 0x00564C54 ("TLV"), length of what follows. Items: type, length of the value, value, filled up to four bytes. In
the RF area an item whose type ends in 00 holds items itself. Facts: docs/hardware/flash.md.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

HEADER = 0x00564C54
_WORDS = struct.Struct("<II")

RF_ID, RF_MAC = 0x11111100, 0x11111102
NET_MAC, NET_SSID_KEY = 0x44444444, 0x55555555

NAMES = {
    RF_ID: "identity and calibration",
    0x11111101: "id",
    RF_MAC: "MAC address",
    0x11111103: "thermal",
    0x11111104: "channel",
    0x11111105: "crystal",
    0x11111106: "ADC calibration",
    0x11111107: "low-pass filter",
    0x22222200: "transmit power",
    0x33333300: "transmit calibration",
    0x44444400: "receive calibration",
    0x55555500: "transmit power, second version",
    0x11111111: "connects by itself",
    0x22222222: "Wi-Fi mode",
    0x33333333: "DHCP mode",
    NET_MAC: "MAC address",
    NET_SSID_KEY: "SSID and key",
    0x66666666: "IP configuration",
}


@dataclass(frozen=True)
class Item:
    """One item; `offset` is that of its type in the area."""

    type: int
    value: bytes
    offset: int = 0

    @property
    def name(self) -> str:
        """What the SDK calls the type, or its number."""
        return NAMES.get(self.type, f"{self.type:#010x}")


def unpack(area: bytes) -> list[Item] | None:
    """The items of an area, flat: a group comes before what it holds. None where there is no area.

    An item that reaches beyond the area ends the list.
    """
    if len(area) < 8:
        return None
    kind, length = _WORDS.unpack_from(area)
    if kind != HEADER or length > len(area) - 8:
        return None
    items: list[Item] = []
    _collect(area, 8, 8 + length, items)
    return items


def _collect(area: bytes, at: int, end: int, items: list[Item]) -> None:
    while at + 8 <= end:
        kind, length = _WORDS.unpack_from(area, at)
        if at + 8 + length > end:
            return
        items.append(Item(kind, area[at + 8 : at + 8 + length], at))
        if kind & 0xFF == 0 and length >= 8:
            at += 8  # a group: what it holds is read as if it stood behind it
        else:
            at += 8 + length + -length % 4


def pack(items: list[tuple[int, bytes]]) -> bytes:
    """An area of these items."""
    content = b"".join(_item(kind, value) for kind, value in items)
    return _WORDS.pack(HEADER, len(content)) + content


def group(kind: int, items: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """An item that holds items."""
    return kind, b"".join(_item(inner, value) for inner, value in items)


def _item(kind: int, value: bytes) -> bytes:
    return _WORDS.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def mac_address(text: str) -> bytes:
    """The six bytes of `aa:bb:cc:dd:ee:ff`. Raises ValueError."""
    if not re.fullmatch(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}", text):
        raise ValueError(f"{text!r} is no MAC address; write it as c8:47:8c:00:00:01")
    address = bytes.fromhex(text.replace(":", "").replace("-", ""))
    if address[0] & 1:
        raise ValueError(f"{text} is a group address; a station's first byte is even")
    return address


def rf_area(mac: bytes) -> bytes:
    """An RF area that holds a MAC address and nothing else."""
    return pack([group(RF_ID, [(RF_MAC, mac)])])
