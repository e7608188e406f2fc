"""Which frames from the air the MAC hands to software: by address, by network and by kind.

Facts: docs/hardware/wifi-mac.md for the registers; the SDK's reg_mac_core.h for names and reset values. What each bit
does together with the others follows the names and the values that the firmware writes (inferred): a unicast frame to
this station passes whatever its network; a group frame must belong to the programmed BSS unless acceptOtherBSSID, or
acceptAllBeacon for a beacon.

Not modelled: error frames, duplicate detection, excUnencrypted, acceptNotExpectedBA, acceptBfmeeFrames.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bk7238.formats.ieee80211 import (
    BEACON,
    BROADCAST,
    CONTROL,
    FCS,
    FROM_DS,
    MANAGEMENT,
    PROBE_REQUEST,
    TO_DS,
    Header,
    is_group,
    parse,
)
from bk7238.peripherals.core import RW, Register
from bk7238.peripherals.wifi.mac_part import MacPart

MANAGEMENT_BITS = {4: "acceptProbeReq", 5: "acceptProbeResp", 8: "acceptBeacon"}
CONTROL_BITS = {
    8: "acceptBAR",
    9: "acceptBA",
    10: "acceptPSPoll",
    11: "acceptRTS",
    12: "acceptCTS",
    13: "acceptACK",
    14: "acceptCFEnd",
    15: "acceptCFEnd",
}
DATA_BITS = {
    0: "acceptData",
    1: "acceptCFWOData",
    2: "acceptCFWOData",
    3: "acceptCFWOData",
    8: "acceptQData",
    9: "acceptQCFWOData",
    10: "acceptQCFWOData",
    11: "acceptQCFWOData",
    12: "acceptQoSNull",
}


def bssid(header: Header) -> bytes | None:
    """The network that a frame belongs to, None where the frame does not say."""
    if header.kind == CONTROL:
        return None
    ds = header.flags & (TO_DS | FROM_DS)
    if header.kind == MANAGEMENT or ds == 0:
        return header.addr3
    return {TO_DS: header.addr1, FROM_DS: header.addr2}.get(ds)


class Filter(MacPart):
    class MAC_ADDR_LOW(Register, at=0x10):
        macAddrLow = RW(0, 31)

    class MAC_ADDR_HI(Register, at=0x14):
        macAddrHigh = RW(0, 15)

    class MAC_ADDR_LOW_MASK(Register, at=0x18):
        macAddrLowMask = RW(0, 31, doc="a one: this bit of the address does not matter")

    class MAC_ADDR_HI_MASK(Register, at=0x1C):
        macAddrHighMask = RW(0, 15)

    class BSS_ID_LOW(Register, at=0x20):
        bssIDLow = RW(0, 31)

    class BSS_ID_HI(Register, at=0x24):
        bssIDHigh = RW(0, 15)

    class BSS_ID_LOW_MASK(Register, at=0x28):
        bssIDLowMask = RW(0, 31)

    class BSS_ID_HI_MASK(Register, at=0x2C):
        bssIDHighMask = RW(0, 15)

    class RX_CNTRL(Register, at=0x60, reset=0x1507_8788):
        excUnencrypted = RW(0)
        dontDecrypt = RW(1)
        acceptMulticast = RW(2)
        acceptBroadcast = RW(3)
        acceptOtherBSSID = RW(4)
        acceptErrorFrames = RW(5)
        acceptUnicast = RW(6)
        acceptMyUnicast = RW(7)
        acceptProbeReq = RW(8)
        acceptProbeResp = RW(9)
        acceptBeacon = RW(10)
        acceptDecryptErrorFrames = RW(11)
        acceptNotExpectedBA = RW(12)
        acceptAllBeacon = RW(13)
        acceptBfmeeFrames = RW(14)
        acceptOtherMgmtFrames = RW(15)
        acceptBAR = RW(16)
        acceptBA = RW(17)
        acceptPSPoll = RW(18)
        acceptRTS = RW(19)
        acceptCTS = RW(20)
        acceptACK = RW(21)
        acceptCFEnd = RW(22)
        acceptOtherCntrlFrames = RW(23)
        acceptData = RW(24)
        acceptCFWOData = RW(25)
        acceptQData = RW(26)
        acceptQCFWOData = RW(27)
        acceptQoSNull = RW(28)
        acceptOtherDataFrames = RW(29)
        acceptUnknown = RW(30)
        enDuplicateDetection = RW(31)

    class MAX_RX_LENGTH(Register, at=0x150):
        maxAllowedLength = RW(0, 19, reset=0xFFFF)

    @property
    def rules(self) -> Rules:
        """What the registers say now."""
        return Rules(
            self.RX_CNTRL.value,
            self.MAX_RX_LENGTH.maxAllowedLength,
            self.MAC_ADDR_LOW.value | self.MAC_ADDR_HI.macAddrHigh << 32,
            self.MAC_ADDR_LOW_MASK.value | self.MAC_ADDR_HI_MASK.macAddrHighMask << 32,
            self.BSS_ID_LOW.value | self.BSS_ID_HI.bssIDHigh << 32,
            self.BSS_ID_LOW_MASK.value | self.BSS_ID_HI_MASK.bssIDHighMask << 32,
        )


class Rules(NamedTuple):
    """The filter's registers: RX_CNTRL, the longest frame in bytes, the station's own address and network, and the bits
    of each that do not matter."""

    control: int
    longest: int
    address: int
    address_mask: int
    bss: int
    bss_mask: int

    def is_mine(self, address: bytes) -> bool:
        """Whether this is the station's own address, as far as the mask lets it matter."""
        return not (int.from_bytes(address, "little") ^ self.address) & ~self.address_mask

    def is_my_bss(self, address: bytes) -> bool:
        """Whether this is the network that the firmware has programmed."""
        return not (int.from_bytes(address, "little") ^ self.bss) & ~self.bss_mask

    def accepts(self, header: Header, length: int) -> bool:
        """Whether software wants a frame of `length` bytes (without FCS) with this header."""
        return length + FCS <= self.longest and self._accepts_kind(header) and self._accepts_receiver(header)

    def _has(self, name: str) -> bool:
        """Whether a bit of RX_CNTRL is set."""
        return bool(self.control & Filter.RX_CNTRL.fields[name].mask)

    def _accepts_kind(self, header: Header) -> bool:
        if header.kind == MANAGEMENT:
            if header.subtype == BEACON and self._has("acceptAllBeacon"):
                return True
            return self._has(MANAGEMENT_BITS.get(header.subtype, "acceptOtherMgmtFrames"))
        if header.kind == CONTROL:
            return self._has(CONTROL_BITS.get(header.subtype, "acceptOtherCntrlFrames"))
        return self._has(DATA_BITS.get(header.subtype, "acceptOtherDataFrames"))

    def _accepts_receiver(self, header: Header) -> bool:
        receiver = header.addr1
        if not is_group(receiver):
            return self._has("acceptMyUnicast" if self.is_mine(receiver) else "acceptUnicast")
        if not self._has("acceptBroadcast" if receiver == BROADCAST else "acceptMulticast"):
            return False
        network = bssid(header)
        if network is None or self._has("acceptOtherBSSID") or self.is_my_bss(network):
            return True
        # A probe request to everybody names no network.
        if header.kind == MANAGEMENT and header.subtype == PROBE_REQUEST:
            return True
        return self._has("acceptAllBeacon") and header.kind == MANAGEMENT and header.subtype == BEACON


class Judgement(NamedTuple):
    """What becomes of a frame with `header`: whether software wants it, whether it is for this station, and whether it
    is a beacon of its network."""

    header: Header
    wanted: bool
    mine: bool
    own_beacon: bool


def judged(rules: Rules, frame: bytes) -> Judgement | None:
    """What the rules say of a frame; None for one that has no header."""
    return _judged(rules, len(frame), frame[:2], frame[4:22])


@lru_cache(maxsize=32)
def _judged(rules: Rules, length: int, control: bytes, addresses: bytes) -> Judgement | None:
    """Judge by what most frames have in common with those before: duration and sequence number do not matter."""
    try:
        header, _ = parse((control + bytes(2) + addresses).ljust(length, b"\0"))
    except ValueError:
        return None
    beacon = header.kind == MANAGEMENT and header.subtype == BEACON
    own_beacon = beacon and rules.is_my_bss(header.addr3)
    return Judgement(header, rules.accepts(header, length), rules.is_mine(header.addr1), own_beacon)
