"""TKIP: RC4 with a key for each frame, a check value (ICV), and Michael, the MIC over what a frame carries.

Source: IEEE 802.11-2020, 12.5.2 and annex J.1. A frame starts with frame control and ends before the FCS. The TKIP
header (8 bytes) with the sequence counter (TSC) is, as in CCMP, part of the plain and of the encrypted frame. A key has
32 bytes: the temporal key, and the MIC keys of what the access point sends and of what it receives.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

from bk7238.formats.ccmp import MicError, Replayed
from bk7238.formats.ieee80211 import FROM_DS, PROTECTED, TO_DS, Header, parse
from bk7238.formats.plain import Record

HEADER_SIZE = 8
MIC_SIZE = 8
ICV_SIZE = 4
TEMPORAL_KEY_SIZE = 16
KEY_SIZE = 32

_FROM_ACCESS_POINT, _TO_ACCESS_POINT = slice(16, 24), slice(24, 32)  # MIC keys
_EXTENDED_IV = 0x20
_WORD = 0xFFFF_FFFF


class IcvError(MicError):
    """The check value does not match: the frame was not made with this key, or not whole."""


def rc4(key: bytes, data: bytes, skip: int = 0) -> bytes:
    """`data` encrypted, or decrypted, with what follows the first `skip` bytes of the key stream."""
    return Cipher(ARC4(key), None).encryptor().update(bytes(skip) + data)[skip:]


# Key mixing


def _double(value: int) -> int:
    """In the field of AES."""
    return value << 1 ^ (0x11B if value & 0x80 else 0)


def _substitution() -> list[int]:
    """The S-box of 16-bit words: twice and three times AES's."""
    powers = [1]
    while len(powers) < 255:
        powers.append(powers[-1] ^ _double(powers[-1]))
    box = [0] * 256
    for value, inverse in ((0, 0), *zip(powers, (1, *reversed(powers[1:])), strict=True)):
        twice = inverse << 8 | inverse
        turned = (twice ^ twice >> 4 ^ twice >> 5 ^ twice >> 6 ^ twice >> 7) & 0xFF ^ 0x63
        box[value] = _double(turned) << 8 | _double(turned) ^ turned
    return box


_BOX = _substitution()


def _substitute(word: int) -> int:
    high = _BOX[word >> 8 & 0xFF]
    return _BOX[word & 0xFF] ^ (high << 8 & 0xFF00 | high >> 8)


@lru_cache(maxsize=16)
def phase_1(key: bytes, transmitter: bytes, high: int) -> tuple[int, ...]:
    """Five words that hold for 65,536 frames: of the temporal key, the transmitter's address and the counter's upper 32
    bits."""
    words = struct.unpack("<8H", key)
    mixed = [high & 0xFFFF, high >> 16, *struct.unpack("<3H", transmitter)]
    for step in range(8):
        odd = step & 1
        for place in range(5):
            word = words[odd + 2 * (place % 4)]
            mixed[place] = mixed[place] + _substitute(mixed[place - 1] ^ word) & 0xFFFF
        mixed[4] = mixed[4] + step & 0xFFFF
    return tuple(mixed)


def phase_2(mixed: tuple[int, ...], key: bytes, low: int) -> bytes:
    """The RC4 key (16 bytes) of the frame with these lower 16 bits of the counter."""
    words = struct.unpack("<8H", key)
    six = [*mixed, mixed[4] + low & 0xFFFF]
    for place in range(6):
        six[place] = six[place] + _substitute(six[place - 1] ^ words[place]) & 0xFFFF
    for place in range(6):
        turned = six[place - 1] ^ (words[6 + place] if place < 2 else 0)
        six[place] = six[place] + (turned >> 1 | turned << 15) & 0xFFFF
    last = (six[5] ^ words[0]) >> 1 & 0xFF
    return bytes((low >> 8, (low >> 8 | 0x20) & 0x7F, low & 0xFF, last)) + struct.pack("<6H", *six)


# Michael


def michael(key: bytes, data: bytes) -> bytes:
    """The code (8 bytes) of `data` under a key of 8 bytes."""
    left, right = struct.unpack("<II", key)
    padded = data + b"\x5a" + bytes(4 + (-len(data) - 1) % 4)
    for (word,) in struct.iter_unpack("<I", padded):
        left ^= word
        right ^= (left << 17 | left >> 15) & _WORD
        left = left + right & _WORD
        right ^= (left & 0xFF00_FF00) >> 8 | (left & 0x00FF_00FF) << 8
        left = left + right & _WORD
        right ^= (left << 3 | left >> 29) & _WORD
        left = left + right & _WORD
        right ^= (left >> 2 | left << 30) & _WORD
        left = left + right & _WORD
    return struct.pack("<II", left, right)


def mic(key: bytes, header: Header, body: bytes) -> bytes:
    """Michael of what a data frame carries between its end points, with the priority."""
    to = header.addr3 if header.flags & TO_DS else header.addr1
    source = header.addr3 if header.flags & (TO_DS | FROM_DS) == FROM_DS else header.addr4 or header.addr2
    priority = 0 if header.qos is None else header.qos & 0x0F
    return michael(key, to + source + bytes((priority, 0, 0, 0)) + body)


# Frames


def tkip_header(counter: int, key_id: int) -> bytes:
    """The 8 bytes in front of the body. The counter has 48 bits and is never used twice with a key."""
    middle = counter >> 8 & 0xFF
    front = bytes((middle, (middle | 0x20) & 0x7F, counter & 0xFF, _EXTENDED_IV | key_id << 6))
    return front + (counter >> 16).to_bytes(4, "little")


def sequence_counter(header: bytes) -> int:
    """The sequence counter in a TKIP header."""
    return int.from_bytes(header[4:8], "little") << 16 | header[0] << 8 | header[2]


def encrypt(key: bytes, frame: bytes) -> bytes:
    """`frame` (MAC header, TKIP header, plain body with its MIC) with its body encrypted, and the ICV behind it.

    The key is the temporal key, of which 16 bytes are used. Raises ValueError for a frame too short for the headers.
    """
    stream, at = _split(key, frame)
    body = frame[at:]
    return frame[:at] + rc4(stream, body + zlib.crc32(body).to_bytes(ICV_SIZE, "little"))


def decrypt(key: bytes, frame: bytes) -> bytes:
    """`frame` with its body decrypted and the ICV removed. Raises IcvError, or ValueError where it is too short."""
    stream, at = _split(key, frame, ICV_SIZE)
    opened = rc4(stream, frame[at:])
    body, icv = opened[:-ICV_SIZE], opened[-ICV_SIZE:]
    if zlib.crc32(body).to_bytes(ICV_SIZE, "little") != icv:
        raise IcvError("the ICV does not match")
    return frame[:at] + body


def _split(key: bytes, frame: bytes, more: int = 0) -> tuple[bytes, int]:
    """The RC4 key of a frame, and where its body begins, behind the TKIP header."""
    header, rest = parse(frame)
    if len(rest) < HEADER_SIZE + more:
        raise ValueError(f"a protected frame of {len(frame)} bytes has no room for TKIP")
    counter, temporal = sequence_counter(rest), key[:TEMPORAL_KEY_SIZE]
    mixed = phase_1(temporal, header.addr2, counter >> 16)
    return phase_2(mixed, temporal, counter & 0xFFFF), len(frame) - len(rest) + HEADER_SIZE


class TkipSendingKey(Record):
    """A key that the access point sends frames with. `packet_number` is the last counter used."""

    def __init__(self, key: bytes, key_id: int = 0) -> None:
        self.key, self.key_id = key, key_id
        self.packet_number = 0

    def protect(self, frame: bytes) -> bytes:
        """A data frame as it goes on the air."""
        header, body = parse(frame)
        at = len(frame) - len(body)
        self.packet_number += 1
        front = frame[:1] + bytes((frame[1] | PROTECTED,)) + frame[2:at]
        sealed = body + mic(self.key[_FROM_ACCESS_POINT], header, body)
        return encrypt(self.key, front + tkip_header(self.packet_number, self.key_id) + sealed)


class TkipReceivingKey(Record):
    """A key that the access point receives frames with."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._last: dict[int, int] = {}  # counter by TID

    def unprotect(self, frame: bytes) -> bytes:
        """The frame in the clear, without TKIP header, MIC and ICV. Raises MicError, IcvError, Replayed, or ValueError
        where it is too short."""
        header, opened = parse(decrypt(self.key, frame))
        counter, priority = sequence_counter(opened), (header.qos or 0) & 15
        if counter <= self._last.get(priority, 0):
            raise Replayed(f"sequence counter {counter} comes again")
        body, code = opened[HEADER_SIZE:-MIC_SIZE], opened[-MIC_SIZE:]
        if len(opened) < HEADER_SIZE + MIC_SIZE or mic(self.key[_TO_ACCESS_POINT], header, body) != code:
            raise MicError("the MIC does not match")
        self._last[priority] = counter
        at = len(frame) - ICV_SIZE - len(opened)
        return frame[:1] + bytes((frame[1] & ~PROTECTED,)) + frame[2:at] + body
