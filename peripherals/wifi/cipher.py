"""What the MAC's cipher engine does to a protected frame, on its way out and on its way in.

Facts: docs/hardware/wifi-mac.md. Software puts the packet number and key id into the frame and leaves room for the
MIC; of a received frame software sees the plain body behind the CCMP header. The MIC is not handed on: the firmware
accepts frames with and without it.

Not modelled: WEP, TKIP and WAPI in hardware; A-MSDU protection (SPP). A frame that asks for them is refused.
"""

from __future__ import annotations

from bk7238.formats import ccmp
from bk7238.formats.ieee80211 import PROTECTED
from bk7238.peripherals.wifi.keys import Key

NONE, WEP, TKIP, CCMP = range(4)
NAMES = {WEP: "WEP", TKIP: "TKIP"}

# Decryption status in the receive header's status word
UNENCRYPTED = 0x00
CCMP_FAILURE = 0x08
NULL_KEY = 0x10
CCMP_SUCCESS = 0x1C


class UnusableKey(Exception):
    """The engine cannot do what the key says; the text says why."""


def _is_protected(frame: bytes) -> bool:
    return len(frame) > 1 and bool(frame[1] & PROTECTED)


def protect(frame: bytes, key: Key | None) -> bytes:
    """A frame from memory as it goes on the air: its last 8 bytes are the room that software left for the MIC."""
    if key is None or key.cipher == NONE or not _is_protected(frame):
        return frame
    _refuse_all_but_ccmp(key)
    try:
        return ccmp.encrypt(key.key, frame[: -ccmp.MIC_SIZE])
    except ValueError as error:
        raise UnusableKey(str(error)) from None


def unprotect(frame: bytes, key: Key | None) -> tuple[bytes, int]:
    """A protected frame from the air as software gets it, and its decryption status."""
    if key is None or key.cipher == NONE:
        return frame, NULL_KEY
    _refuse_all_but_ccmp(key)
    try:
        return ccmp.decrypt(key.key, frame), CCMP_SUCCESS
    except ValueError:
        return frame, CCMP_FAILURE


def _refuse_all_but_ccmp(key: Key) -> None:
    if key.cipher != CCMP:
        name = NAMES.get(key.cipher, f"cipher {key.cipher}")
        raise UnusableKey(f"{name} is not modelled, only CCMP is; the key belongs to {key.mac.hex(':')}")
