"""Which frames from the air the MAC hands to software: by address, by network and by kind.

Facts: docs/hardware/wifi-mac.md for the registers; the SDK's reg_mac_core.h for names and reset values. What each bit
does together with the others follows the names and the values that the firmware writes (inferred): a unicast frame to
this station passes whatever its network; a group frame must belong to the programmed BSS unless acceptOtherBSSID, or
acceptAllBeacon for a beacon.

Not modelled: error frames, duplicate detection, excUnencrypted, acceptNotExpectedBA, acceptBfmeeFrames.
"""

from __future__ import annotations

from bk7238.formats.ieee80211 import BROADCAST, CONTROL, FCS, FROM_DS, MANAGEMENT, TO_DS, Header, is_group
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

    def is_mine(self, address: bytes) -> bool:
        """Whether this is the station's own address, as far as the mask lets it matter."""
        mine = self.MAC_ADDR_HI.macAddrHigh << 32 | self.MAC_ADDR_LOW.value
        ignored = self.MAC_ADDR_HI_MASK.macAddrHighMask << 32 | self.MAC_ADDR_LOW_MASK.value
        return not (int.from_bytes(address, "little") ^ mine) & ~ignored

    def is_my_bss(self, address: bytes) -> bool:
        """Whether this is the network that the firmware has programmed."""
        mine = self.BSS_ID_HI.bssIDHigh << 32 | self.BSS_ID_LOW.value
        ignored = self.BSS_ID_HI_MASK.bssIDHighMask << 32 | self.BSS_ID_LOW_MASK.value
        return not (int.from_bytes(address, "little") ^ mine) & ~ignored

    def accepts(self, header: Header, length: int) -> bool:
        """Whether software wants a frame of `length` bytes (without FCS) with this header."""
        if length + FCS > self.MAX_RX_LENGTH.maxAllowedLength:
            return False
        return self._accepts_kind(header) and self._accepts_receiver(header)

    def _accepts_kind(self, header: Header) -> bool:
        control = self.RX_CNTRL
        if header.kind == MANAGEMENT:
            if header.subtype == 8 and control.acceptAllBeacon:
                return True
            return bool(getattr(control, MANAGEMENT_BITS.get(header.subtype, "acceptOtherMgmtFrames")))
        if header.kind == CONTROL:
            return bool(getattr(control, CONTROL_BITS.get(header.subtype, "acceptOtherCntrlFrames")))
        return bool(getattr(control, DATA_BITS.get(header.subtype, "acceptOtherDataFrames")))

    def _accepts_receiver(self, header: Header) -> bool:
        control, receiver = self.RX_CNTRL, header.addr1
        if not is_group(receiver):
            return bool(control.acceptMyUnicast if self.is_mine(receiver) else control.acceptUnicast)
        if not (control.acceptBroadcast if receiver == BROADCAST else control.acceptMulticast):
            return False
        network = bssid(header)
        if network is None or control.acceptOtherBSSID or self.is_my_bss(network):
            return True
        # A probe request to everybody names no network.
        if header.kind == MANAGEMENT and header.subtype == 4:
            return True
        return bool(control.acceptAllBeacon) and header.kind == MANAGEMENT and header.subtype == 8
