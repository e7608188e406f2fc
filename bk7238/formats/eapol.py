"""EAPOL-Key frames: the packets of the key handshakes. The MIC is HMAC-SHA1 in key descriptor version 2, HMAC-MD5 in
version 1, that of TKIP, and AES-128-CMAC in version 0, where the key management that was agreed on says so: SAE does.
WPA has a type of descriptor of its own.

Source: IEEE 802.11-2020, 12.7.2, and IEEE 802.1X for the four bytes in front. A packet begins with the 802.1X version
and ends where its length says: what a data frame carries behind it is no part of it, nor of the MIC.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from bk7238.formats.cmac import cmac

# Key information
VERSION_OF_AKM, VERSION_RC4, VERSION_AES = 0x0000, 0x0001, 0x0002
PAIRWISE, INSTALL, ACK, MIC, SECURE = 0x0008, 0x0040, 0x0080, 0x0100, 0x0200
ERROR, REQUEST, ENCRYPTED = 0x0400, 0x0800, 0x1000
VERSION_MASK = 0x0007
KEY_ID_SHIFT = 4  # in WPA: of the group key that is handed on

RSN_DESCRIPTOR, WPA_DESCRIPTOR = 2, 254

_PROTOCOL, _KEY = 2, 3
_FRAME = struct.Struct("!BBH" + "BHHQ32s16s8s8s16sH")
_DIGESTS = {VERSION_OF_AKM: None, VERSION_RC4: "md5", VERSION_AES: "sha1"}
_FRONT = 4  # bytes of 802.1X that the length does not count
_INFO_AT, _MIC_AT, MIC_SIZE = 5, 81, 16


@dataclass(frozen=True)
class KeyFrame:
    """One EAPOL-Key frame. `receive_counter` is the last packet number of the group key, `data` the key data, and `iv`
    (16 bytes) goes with the key that it is encrypted with."""

    info: int
    replay_counter: int
    nonce: bytes = bytes(32)
    key_length: int = 0
    receive_counter: int = 0
    data: bytes = b""
    iv: bytes = bytes(16)
    descriptor: int = RSN_DESCRIPTOR

    def pack(self, kck: bytes | None = None) -> bytes:
        """The packet, with a MIC where `kck` (16 bytes) is given."""
        rsc = self.receive_counter.to_bytes(8, "little")
        front = (_PROTOCOL, _KEY, _FRAME.size - _FRONT + len(self.data), self.descriptor)
        key = (self.info, self.key_length, self.replay_counter, self.nonce, self.iv, rsc, bytes(8), bytes(MIC_SIZE))
        packet = _FRAME.pack(*front, *key, len(self.data)) + self.data
        return packet if kck is None else packet[:_MIC_AT] + _mic(kck, packet) + packet[_MIC_AT + MIC_SIZE :]


def parse(packet: bytes) -> KeyFrame:
    """Raises ValueError for whatever is no whole EAPOL-Key frame with one of these descriptors and MICs."""
    packet = _trimmed(packet)
    _, _, _, descriptor, info, key_length, counter, nonce, iv, rsc, _, _, length = _FRAME.unpack_from(packet)
    if descriptor not in (RSN_DESCRIPTOR, WPA_DESCRIPTOR) or info & VERSION_MASK not in _DIGESTS:
        raise ValueError(f"an EAPOL-Key frame with descriptor {descriptor}, version {info & VERSION_MASK}")
    if _FRAME.size + length > len(packet):
        raise ValueError(f"an EAPOL-Key frame whose {length} bytes of key data break off")
    data = packet[_FRAME.size : _FRAME.size + length]
    return KeyFrame(info, counter, nonce, key_length, int.from_bytes(rsc, "little"), data, iv, descriptor)


def mic_matches(packet: bytes, kck: bytes) -> bool:
    """Whether the packet's MIC was made with this key. Raises ValueError as `parse` does for a short one."""
    packet = _trimmed(packet)
    return hmac.compare_digest(packet[_MIC_AT : _MIC_AT + MIC_SIZE], _mic(kck, packet))


def _trimmed(packet: bytes) -> bytes:
    if len(packet) < _FRAME.size:
        raise ValueError(f"an EAPOL-Key frame of {len(packet)} bytes")
    end = _FRONT + int.from_bytes(packet[2:4], "big")
    if packet[1] != _KEY or not _FRAME.size <= end <= len(packet):
        raise ValueError(f"802.1X type {packet[1]} with length {end - _FRONT} in {len(packet)} bytes")
    return packet[:end]


def _mic(kck: bytes, packet: bytes) -> bytes:
    clear = packet[:_MIC_AT] + bytes(MIC_SIZE) + packet[_MIC_AT + MIC_SIZE :]
    digest = _DIGESTS.get(clear[_INFO_AT + 1] & VERSION_MASK)
    return hmac.digest(kck, clear, digest)[:MIC_SIZE] if digest else cmac(kck, clear)
