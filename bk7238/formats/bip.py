"""BIP-CMAC-128: the MIC of management frames to a group, in an element behind the body.

Source: IEEE 802.11-2020, 12.5.4 and 9.4.2.54. A frame starts with frame control and ends before the FCS.
"""

from __future__ import annotations

from bk7238.formats.cmac import cmac
from bk7238.formats.ieee80211 import MANAGEMENT_MIC, MORE_DATA, POWER_MANAGEMENT, RETRY, element
from bk7238.formats.plain import Record

MIC_SIZE = 8
_HEADER, _ADDRESSES = 24, slice(4, 22)
_UNPROTECTED = RETRY | POWER_MANAGEMENT | MORE_DATA


class IntegrityKey(Record):
    """An IGTK (16 bytes), its id (4 or 5), and the packet number (IPN) that was used last."""

    def __init__(self, key: bytes, key_id: int) -> None:
        self.key, self.key_id = key, key_id
        self.packet_number = 0

    def protect(self, frame: bytes) -> bytes:
        """A management frame as it goes to a group."""
        self.packet_number += 1
        front = self.key_id.to_bytes(2, "little") + self.packet_number.to_bytes(6, "little")
        return frame + element(MANAGEMENT_MIC, front + _mic(self.key, frame, front))


def check(key: bytes, frame: bytes) -> int:
    """The packet number of a protected frame. Raises ValueError where it was not made with this key."""
    size = 2 + 8 + MIC_SIZE
    clear, last = frame[:-size], frame[-size:]
    front, mic = last[2:-MIC_SIZE], last[-MIC_SIZE:]
    if len(clear) < _HEADER or last[:2] != bytes((MANAGEMENT_MIC, size - 2)) or mic != _mic(key, clear, front):
        raise ValueError("a management frame without this key's MIC")
    return int.from_bytes(front[2:], "little")


def _mic(key: bytes, frame: bytes, front: bytes) -> bytes:
    control = frame[:1] + bytes((frame[1] & ~_UNPROTECTED,))
    clear = control + frame[_ADDRESSES] + frame[_HEADER:] + element(MANAGEMENT_MIC, front + bytes(MIC_SIZE))
    return cmac(key, clear)[:MIC_SIZE]
