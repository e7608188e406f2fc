"""Stations of the time before WPA2: with TKIP, with the messages and the element of WPA, or both."""

from __future__ import annotations

from supplicant import Supplicant

from bk7238.formats import ccmp, eapol, rsn, tkip
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element


class OldPeer(Supplicant):
    """One that comes by the WPA element (`by_wpa`) or the RSN element, with a pairwise cipher and a group cipher."""

    def __init__(self, medium, *args, by_wpa=False, pairwise=rsn.TKIP, group=rsn.TKIP, **options):
        super().__init__(medium, *args, **options)
        asked = rsn.Rsn(group=group, pairwise=(pairwise,), management=(rsn.PSK,))
        self.by_wpa = by_wpa
        self.rsn = element(dot11.VENDOR, asked.pack_wpa()) if by_wpa else element(dot11.RSN, asked.pack())
        if pairwise == rsn.TKIP:
            self.version, self.key_size = eapol.VERSION_RC4, tkip.KEY_SIZE
        self.group_size = tkip.KEY_SIZE if group == rsn.TKIP else ccmp.KEY_SIZE
        if by_wpa:
            self.descriptor = eapol.WPA_DESCRIPTOR

    def start(self) -> None:
        super().start(self.rsn)

    def take_group_key(self, frame) -> None:
        """That of WPA comes in a message of its own, and is nothing else."""
        if not self.by_wpa:
            super().take_group_key(frame)
        elif not frame.info & eapol.PAIRWISE:
            key = self.opened(frame)
            assert len(key) == frame.key_length == self.group_size
            self.group[frame.info >> eapol.KEY_ID_SHIFT & 3] = key

    def message_4(self, frame) -> bytes:
        return self.signed(0x0108 if self.by_wpa else 0x0308, frame)
