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
from bk7238.peripherals.wifi.filter import Filter
from bk7238.peripherals.wifi.keys import Key
from bk7238.peripherals.wifi.radio import Radio
from bk7238.peripherals.wifi.rx_rings import Heard, RxRings

USUAL_RATE = Rate(4)  # 6 Mbit/s: what the receive vector says of every frame


class Receive(Radio, Filter, RxRings):
    # The world's side

    def deliver(self, frame: bytes, channel: int, rssi: int, rate: Rate = USUAL_RATE) -> bool:
        """A frame (MPDU without FCS) has ended on the air; `rssi` in dBm. Whether this station acknowledges it."""
        if not self.active or not channel or channel != self.channel:
            return False
        try:
            header, body = parse(frame)
        except ValueError:
            return False
        if self.accepts(header, len(frame)) and not self._rx_take(frame, header, body, rssi):
            return False
        if header.kind == MANAGEMENT and header.subtype == BEACON:
            self._rx_follow_tsf(header, frame, rate)
        return header.kind != CONTROL and self.is_mine(header.addr1) and not self.MAC_CNTRL_1.disableACKResp

    def _rx_follow_tsf(self, header: Header, frame: bytes, rate: Rate) -> None:
        """The beacons of a station's own network keep its TSF right, while tsfMgtDisable is clear."""
        control = self.MAC_CNTRL_1
        if control.ap or control.tsfMgtDisable or not self.is_my_bss(header.addr3) or len(frame) < TIMESTAMP.stop:
            return
        began = int.from_bytes(frame[TIMESTAMP], "little")
        self.follow_tsf(began + frame_time(rate, len(frame) + FCS))

    def _rx_take(self, frame: bytes, header: Header, body: bytes, rssi: int) -> bool:
        """Whether there was room for the frame, or no need of it because it cannot be decrypted."""
        status = RHD_DONE | RHD_SUCCESSFUL | RHD_VECTOR2_VALID
        if is_group(header.addr1):
            status |= RHD_GROUP
        elif not self.is_mine(header.addr1):
            status |= RHD_ADDRESS_MISMATCH
        station = None if header.addr2 == NOBODY else self.station(header.addr2)
        if station is not None:
            status |= RHD_KEY_INDEX_VALID | station << RHD_KEY_INDEX_SHIFT
        if header.flags & PROTECTED and header.kind != CONTROL and not self.RX_CNTRL.dontDecrypt:
            try:
                frame, decryption = cipher.unprotect(frame, self._rx_key(header, body, station))
            except cipher.Refused as error:
                self.log.warning(f"a frame is dropped: {error}")
                return True
            if decryption != cipher.CCMP_SUCCESS and not self.RX_CNTRL.acceptDecryptErrorFrames:
                reason = "no key" if decryption == cipher.NULL_KEY else "wrong MIC"
                self.log.info(f"a protected frame from {header.addr2.hex(':')} is dropped: {reason}")
                return True
            status |= decryption
        return self.rx_queue(Heard(frame, rssi, status, self.tsf))

    def _rx_key(self, header: Header, body: bytes, station: int | None) -> Key | None:
        """What a protected frame is to be decrypted with: the transmitter's key, or a group key of its interface."""
        if station is None or len(body) < ccmp.HEADER_SIZE:
            return None
        key = self.key_ram[station]
        if is_group(header.addr1) or (key.use_default and key.cipher == cipher.NONE):
            return self.group_key(key.interface, ccmp.key_id(body))
        return key
