"""CCMP: AES-CCM over an 802.11 frame, with an 8-byte header that carries the packet number and an 8-byte MIC.

Source: IEEE 802.11-2020, 12.5.3. A frame starts with frame control and ends before the FCS. The CCMP header, here in
front of the body, is part of the plain and of the encrypted frame alike. Keys are 16 bytes (CCMP-128). A key in use
has the packet number of what is sent with it, or the replay check of what comes in: a counter for each priority (TID).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from bk7238.formats.ieee80211 import MANAGEMENT, MORE_DATA, ORDER, POWER_MANAGEMENT, PROTECTED, RETRY, Header, parse
from bk7238.formats.plain import Record

HEADER_SIZE = 8
MIC_SIZE = 8
KEY_SIZE = 16


class MicError(ValueError):
    """The frame was not made with this key, or something changed it on its way."""


def ccmp_header(packet_number: int, key_id: int) -> bytes:
    """The 8 bytes in front of the body. The packet number has 48 bits and is never used twice with a key."""
    number = packet_number.to_bytes(6, "little")
    return number[:2] + bytes((0, 0x20 | key_id << 6)) + number[2:]


def packet_number(header: bytes) -> int:
    """The packet number in a CCMP header."""
    return int.from_bytes(header[:2] + header[4:8], "little")


def key_id(header: bytes) -> int:
    """The key id in a CCMP header: 0 for a pairwise key, otherwise which group key."""
    return header[3] >> 6


def encrypt(key: bytes, frame: bytes) -> bytes:
    """`frame` (MAC header, CCMP header, plain body) with its body encrypted and the MIC behind it.

    Raises ValueError where it is too short for the two headers.
    """
    header, at = _split(frame, 0)
    sealed = AESCCM(key, MIC_SIZE).encrypt(_nonce(header, frame[at - HEADER_SIZE : at]), frame[at:], _aad(header))
    return frame[:at] + sealed


def decrypt(key: bytes, frame: bytes) -> bytes:
    """`frame` with its body decrypted and the MIC removed. Raises MicError, or ValueError where it is too short."""
    header, at = _split(frame, MIC_SIZE)
    nonce = _nonce(header, frame[at - HEADER_SIZE : at])
    try:
        return frame[:at] + AESCCM(key, MIC_SIZE).decrypt(nonce, frame[at:], _aad(header))
    except InvalidTag:
        raise MicError("the MIC does not match") from None


def _split(frame: bytes, more: int) -> tuple[Header, int]:
    """The MAC header, and where the body begins, behind the CCMP header."""
    header, rest = parse(frame)
    if len(rest) < HEADER_SIZE + more:
        raise ValueError(f"a protected frame of {len(frame)} bytes has no room for CCMP")
    return header, len(frame) - len(rest) + HEADER_SIZE


def _nonce(header: Header, ccmp: bytes) -> bytes:
    priority = 0 if header.qos is None else header.qos & 0x0F
    flags = priority | (0x10 if header.kind == MANAGEMENT else 0)
    return bytes((flags,)) + header.addr2 + packet_number(ccmp).to_bytes(6, "big")


def _aad(header: Header) -> bytes:
    """The MAC header as far as it is protected: without what changes from one attempt to the next."""
    subtype = header.subtype if header.kind == MANAGEMENT else header.subtype & 8
    flags = header.flags & ~(RETRY | POWER_MANAGEMENT | MORE_DATA) | PROTECTED
    if header.qos is not None:
        flags &= ~ORDER
    control = bytes((header.kind << 2 | subtype << 4, flags))
    addresses = header.addr1 + header.addr2 + header.addr3
    qos = b"" if header.qos is None else bytes((header.qos & 0x0F, 0))
    return control + addresses + bytes((header.fragment, 0)) + header.addr4 + qos


_MANAGEMENT = 16  # stands for management frames, which have a replay counter of their own


class Replayed(ValueError):
    """The packet number is not above the last one of this priority."""


class SendingKey(Record):
    """A key that frames are sent with. `packet_number` is the last one used."""

    def __init__(self, key: bytes, key_id: int = 0) -> None:
        self.key, self.key_id = key, key_id
        self.packet_number = 0

    def protect(self, frame: bytes) -> bytes:
        """A data or management frame as it goes on the air."""
        body = parse(frame)[1]
        at = len(frame) - len(body)
        self.packet_number += 1
        header = frame[:1] + bytes((frame[1] | PROTECTED,)) + frame[2:at]
        return encrypt(self.key, header + ccmp_header(self.packet_number, self.key_id) + body)


class ReceivingKey(Record):
    """A key that frames are received with."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._last: dict[int, int] = {}  # packet number by TID

    def unprotect(self, frame: bytes) -> bytes:
        """The frame in the clear, without CCMP header and MIC. Raises MicError, Replayed, or ValueError where short."""
        header, body = parse(decrypt(self.key, frame))
        number, priority = packet_number(body), _MANAGEMENT if header.kind == MANAGEMENT else (header.qos or 0) & 15
        if number <= self._last.get(priority, 0):
            raise Replayed(f"packet number {number} comes again")
        self._last[priority] = number
        at = len(frame) - MIC_SIZE - len(body)
        return frame[:1] + bytes((frame[1] & ~PROTECTED,)) + frame[2:at] + body[HEADER_SIZE:]
