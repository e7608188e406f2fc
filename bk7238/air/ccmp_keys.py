"""One CCMP key in use: the packet numbers of what is sent with it, and the replay check of what comes in.

Source: IEEE 802.11-2020, 12.5.3. The replay check has one counter for each priority (TID).
"""

from __future__ import annotations

from bk7238.formats import ccmp
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.plain import Record


class Replayed(ValueError):
    """The packet number is not above the last one of this priority."""


class SendingKey(Record):
    """A key that data frames are sent with. `packet_number` is the last one used."""

    def __init__(self, key: bytes, key_id: int = 0) -> None:
        self.key, self.key_id = key, key_id
        self.packet_number = 0

    def protect(self, frame: bytes) -> bytes:
        """A data frame as it goes on the air."""
        body = dot11.parse(frame)[1]
        at = len(frame) - len(body)
        self.packet_number += 1
        header = frame[:1] + bytes((frame[1] | dot11.PROTECTED,)) + frame[2:at]
        return ccmp.encrypt(self.key, header + ccmp.ccmp_header(self.packet_number, self.key_id) + body)


class ReceivingKey(Record):
    """A key that data frames are received with."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._last: dict[int, int] = {}  # packet number by TID

    def unprotect(self, frame: bytes) -> bytes:
        """The frame in the clear, without CCMP header and MIC. Raises MicError, Replayed, or ValueError where short."""
        header, body = dot11.parse(ccmp.decrypt(self.key, frame))
        number, priority = ccmp.packet_number(body), (header.qos or 0) & 15
        if number <= self._last.get(priority, 0):
            raise Replayed(f"packet number {number} comes again")
        self._last[priority] = number
        at = len(frame) - ccmp.MIC_SIZE - len(body)
        return frame[:1] + bytes((frame[1] & ~dot11.PROTECTED,)) + frame[2:at] + body[ccmp.HEADER_SIZE :]
