"""Receiving: what the MAC hears, decrypts and hands to the rings.

Facts: docs/hardware/wifi-mac.md. A frame is heard in the active state on the tuned channel, and passes the filter.
The transmitter is looked up in the key RAM also for a frame that is not protected: that is how the firmware finds the
station it came from. A protected frame that cannot be decrypted is dropped without an interrupt unless
acceptDecryptErrorFrames.

Not modelled: errors on the air, answers other than the ACK to a frame for this station, a radio that is deaf while it
sends.
"""

from __future__ import annotations

from bk7238.formats import ccmp
from bk7238.formats.airtime import Rate, frame_time
from bk7238.formats.ieee80211 import (
    BEACON,
    CONTROL,
    FCS,
    MANAGEMENT,
    NOBODY,
    PROTECTED,
    TIMESTAMP,
    Header,
    is_group,
    parse,
)
from bk7238.peripherals.wifi import cipher
from bk7238.peripherals.wifi.descriptors import (
    RHD_ADDRESS_MISMATCH,
    RHD_DONE,
    RHD_GROUP,
    RHD_KEY_INDEX_SHIFT,
    RHD_KEY_INDEX_VALID,
    RHD_SUCCESSFUL,
    RHD_VECTOR2_VALID,
)
from bk7238.peripherals.wifi.keys import Key
from bk7238.peripherals.wifi.mac_part import MacPart
from bk7238.peripherals.wifi.rx_rings import Heard

USUAL_RATE = Rate(4)  # 6 Mbit/s: what the receive vector says of every frame


class Receive(MacPart):
    # The world's side

    def deliver(self, frame: bytes, channel: int, rssi: int, rate: Rate = USUAL_RATE) -> bool:
        """A frame (MPDU without FCS) has ended on the air; `rssi` in dBm. Whether this station acknowledges it."""
        mac = self.block
        if not mac.control.active or not channel or channel != mac.tuning.channel:
            return False
        try:
            header, body = parse(frame)
        except ValueError:
            return False
        if mac.filter.accepts(header, len(frame)) and not self._take(frame, header, body, rssi):
            return False
        if header.kind == MANAGEMENT and header.subtype == BEACON:
            self._follow_tsf(header, frame, rate)
        mine = header.kind != CONTROL and mac.filter.is_mine(header.addr1)
        return mine and not mac.control.MAC_CNTRL_1.disableACKResp

    def _follow_tsf(self, header: Header, frame: bytes, rate: Rate) -> None:
        """The beacons of a station's own network keep its TSF right, while tsfMgtDisable is clear."""
        control = self.block.control.MAC_CNTRL_1
        if control.ap or control.tsfMgtDisable or len(frame) < TIMESTAMP.stop:
            return
        if not self.block.filter.is_my_bss(header.addr3):
            return
        began = int.from_bytes(frame[TIMESTAMP], "little")
        self.block.clocks.follow_tsf(began + frame_time(rate, len(frame) + FCS))

    def _take(self, frame: bytes, header: Header, body: bytes, rssi: int) -> bool:
        """Whether there was room for the frame, or no need of it because it cannot be decrypted."""
        status = RHD_DONE | RHD_SUCCESSFUL | RHD_VECTOR2_VALID
        if is_group(header.addr1):
            status |= RHD_GROUP
        elif not self.block.filter.is_mine(header.addr1):
            status |= RHD_ADDRESS_MISMATCH
        station = None if header.addr2 == NOBODY else self.block.keys.station(header.addr2)
        if station is not None:
            status |= RHD_KEY_INDEX_VALID | station << RHD_KEY_INDEX_SHIFT
        if header.flags & PROTECTED and header.kind != CONTROL and not self.block.filter.RX_CNTRL.dontDecrypt:
            try:
                frame, decryption = cipher.unprotect(frame, self._key(header, body, station))
            except cipher.UnusableKey as error:
                self.log.warning(f"a frame is dropped: {error}")
                return True
            if decryption != cipher.CCMP_SUCCESS and not self.block.filter.RX_CNTRL.acceptDecryptErrorFrames:
                reason = "no key" if decryption == cipher.NULL_KEY else "wrong MIC"
                self.log.info(f"a protected frame from {header.addr2.hex(':')} is dropped: {reason}")
                return True
            status |= decryption
        return self.block.rings.queue(Heard(frame, rssi, status, self.block.clocks.tsf))

    def _key(self, header: Header, body: bytes, station: int | None) -> Key | None:
        """What a protected frame is to be decrypted with: the transmitter's key, or a group key of its interface."""
        if station is None or len(body) < ccmp.HEADER_SIZE:
            return None
        key = self.block.keys.entries[station]
        if is_group(header.addr1) or (key.use_default and key.cipher == cipher.NONE):
            return self.block.keys.group_key(key.interface, ccmp.key_id(body))
        return key
