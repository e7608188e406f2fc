"""The RSN element: which ciphers and which key management a network offers, or a station asks for; and the WPA
element, its forerunner, which says the same with suites of another OUI.

Source: IEEE 802.11-2020, 9.4.2.24. "Element" here is its content, without number and length. Suites are 4 bytes: an
OUI and a type.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

OUI = bytes.fromhex("000fac")
TKIP, CCMP = OUI + b"\x02", OUI + b"\x04"
IEEE_802_1X, PSK, SAE = OUI + b"\x01", OUI + b"\x02", OUI + b"\x08"
BIP_CMAC = OUI + b"\x06"
# Capabilities: management frames (of 802.11w) only protected, or protected where the other side can do it
FRAME_PROTECTION_REQUIRED, FRAME_PROTECTION_CAPABLE = 0x0040, 0x0080

VERSION = 1

WPA_OUI = bytes.fromhex("0050f2")
WPA = WPA_OUI + b"\x01"
"""What the content of a WPA element, a vendor's, begins with."""


@dataclass(frozen=True)
class Rsn:
    """What an RSN element says; what it leaves out has the standard's defaults."""

    version: int = VERSION
    group: bytes = CCMP
    pairwise: tuple[bytes, ...] = (CCMP,)
    management: tuple[bytes, ...] = (IEEE_802_1X,)
    capabilities: int = 0
    pmkids: tuple[bytes, ...] = ()
    group_management: bytes = b""  # of management frames to a group; where it is left out, BIP_CMAC

    @property
    def protects_management(self) -> bool:
        """Whether it can protect management frames."""
        return bool(self.capabilities & FRAME_PROTECTION_CAPABLE)

    def pack_wpa(self) -> bytes:
        """The content of the WPA element that says this; it has no capabilities."""
        suites = (self.group, *self._counted())
        return WPA + struct.pack("<H", self.version) + b"".join(suites).replace(OUI, WPA_OUI)

    def pack(self) -> bytes:
        """The content of the RSN element."""
        suites = b"".join(self._counted())
        last = self.group_management
        names = struct.pack("<H", len(self.pmkids)) + b"".join(self.pmkids) if self.pmkids or last else b""
        front = struct.pack("<H", self.version) + self.group + suites
        return front + struct.pack("<H", self.capabilities) + names + last

    def _counted(self) -> Iterator[bytes]:
        """The lists of suites."""
        return (struct.pack("<H", len(kind)) + b"".join(kind) for kind in (self.pairwise, self.management))


WPA2_PSK = Rsn(management=(PSK,))
WPA_TKIP = Rsn(group=TKIP, pairwise=(TKIP,), management=(PSK,))
MIXED = Rsn(group=TKIP, pairwise=(CCMP, TKIP), management=(PSK,))
WPA3_TRANSITION = Rsn(management=(PSK, SAE), capabilities=FRAME_PROTECTION_CAPABLE, group_management=BIP_CMAC)
WPA3_SAE = Rsn(
    management=(SAE,),
    capabilities=FRAME_PROTECTION_CAPABLE | FRAME_PROTECTION_REQUIRED,
    group_management=BIP_CMAC,
)


def parse_wpa(element: bytes) -> Rsn:
    """What a WPA element says, with the suites of RSN. Raises ValueError as `parse` does."""
    asked = parse(element.removeprefix(WPA))
    pairwise, management = (tuple(map(_of_rsn, suites)) for suites in (asked.pairwise, asked.management))
    return replace(asked, group=_of_rsn(asked.group), pairwise=pairwise, management=management)


def parse(element: bytes) -> Rsn:
    """Raises ValueError for an element that breaks off inside one of its parts, and for an empty list of suites."""
    if len(element) < 2:
        raise ValueError(f"an RSN element of {len(element)} bytes")
    version = int.from_bytes(element[:2], "little")
    at, group = 2, CCMP
    if at < len(element):
        group, at = _take(element, at, 4), at + 4
    pairwise, at = _suites(element, at, (CCMP,))
    management, at = _suites(element, at, (IEEE_802_1X,))
    capabilities, count = (
        int.from_bytes(_take(element, i, 2), "little") if i < len(element) else 0 for i in (at, at + 2)
    )
    names = _take(element, at + 4, 16 * count) if count else b""
    pmkids = tuple(names[i : i + 16] for i in range(0, len(names), 16))
    at += 4 + 16 * count
    integrity = _take(element, at, 4) if at < len(element) else b""
    return Rsn(version, group, pairwise, management, capabilities, pmkids, integrity)


def _of_rsn(suite: bytes) -> bytes:
    """A suite of WPA as RSN has it."""
    return OUI + suite[3:] if suite.startswith(WPA_OUI) else b""


def _suites(element: bytes, at: int, default: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], int]:
    """A counted list of suites, and where the next part begins."""
    if at >= len(element):
        return default, at
    count = int.from_bytes(_take(element, at, 2), "little")
    if not count:
        raise ValueError("an RSN element with an empty list of suites")
    data = _take(element, at + 2, 4 * count)
    return tuple(data[i : i + 4] for i in range(0, len(data), 4)), at + 2 + 4 * count


def _take(element: bytes, at: int, length: int) -> bytes:
    if at + length > len(element):
        raise ValueError(f"an RSN element that breaks off after {len(element)} bytes")
    return element[at : at + length]
