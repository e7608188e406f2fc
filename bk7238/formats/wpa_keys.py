"""The keys of WPA, WPA2 and WPA3: from passphrase or master key to the pairwise keys, and how a group key travels.

Source: IEEE 802.11-2020, 12.7.1 and J.4 (passphrase), 12.7.2 (key data); RFC 3394 (key wrap). Proved by their vectors.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from bk7238.formats import ccmp, rsn, tkip
from bk7238.formats.ieee80211 import VENDOR, element, elements
from bk7238.formats.passphrase import check_passphrase, is_key

PMK_SIZE = 32
_ITERATIONS = 4096
# Key data elements: a group key, the name of a PMK, the group key of management frames
_GROUP_KEY, _PMKID, _INTEGRITY_KEY = rsn.OUI + b"\x01", rsn.OUI + b"\x04", rsn.OUI + b"\x09"


class PairwiseKeys(NamedTuple):
    """The PTK in its parts: confirmation (MIC) and encryption (key data), 16 bytes each, and the key of the cipher."""

    kck: bytes
    kek: bytes
    tk: bytes


@lru_cache(maxsize=64)  # 4,096 rounds, for an access point each time that one is made
def pmk(passphrase: str, ssid: bytes) -> bytes:
    """The pre-shared key. Raises ValueError unless the passphrase has 8 to 63 printable ASCII characters, or is the key
    in hexadecimal."""
    check_passphrase(passphrase)
    if is_key(passphrase):
        return bytes.fromhex(passphrase)
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid, _ITERATIONS, PMK_SIZE)


def prf(key: bytes, label: str, data: bytes, size: int) -> bytes:
    """`size` bytes of the standard's pseudo-random function (PRF-384 where `size` is 48)."""
    start = label.encode() + b"\0" + data
    blocks = (hmac.digest(key, start + bytes((i,)), "sha1") for i in range(-(-size // 20)))
    return b"".join(blocks)[:size]


def kdf(key: bytes, label: str, data: bytes, size: int) -> bytes:
    """`size` bytes of the standard's key derivation function with SHA-256 (KDF-SHA-256-384 where `size` is 48)."""
    end = label.encode() + data + struct.pack("<H", 8 * size)
    blocks = (hmac.digest(key, struct.pack("<H", i + 1) + end, "sha256") for i in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def pairwise(
    pmk: bytes,
    authenticator: bytes,
    station: bytes,
    anonce: bytes,
    snonce: bytes,
    derive: Callable[[bytes, str, bytes, int], bytes] = prf,
    size: int = ccmp.KEY_SIZE,
) -> PairwiseKeys:
    """The keys of one association, from the two MAC addresses and the two nonces (32 bytes each), by `prf` or `kdf`;
    the cipher's key has `size` bytes."""
    addresses = min(authenticator, station) + max(authenticator, station)
    nonces = min(anonce, snonce) + max(anonce, snonce)
    ptk = derive(pmk, "Pairwise key expansion", addresses + nonces, 32 + size)
    return PairwiseKeys(ptk[:16], ptk[16:32], ptk[32:])


def group_key_data(key_id: int, key: bytes) -> bytes:
    """The key data element that hands a group key on."""
    return element(VENDOR, _GROUP_KEY + bytes((key_id, 0)) + key)


def pmkid_data(pmkid: bytes) -> bytes:
    """The key data element that names the master key (16 bytes)."""
    return element(VENDOR, _PMKID + pmkid)


def integrity_key_data(key_id: int, packet_number: int, key: bytes) -> bytes:
    """The key data element that hands on the group key of management frames (IGTK) and the number it is at."""
    return element(VENDOR, _INTEGRITY_KEY + key_id.to_bytes(2, "little") + packet_number.to_bytes(6, "little") + key)


def find_integrity_key(data: bytes) -> tuple[int, int, bytes] | None:
    """Id, packet number and key of the first such element in (unwrapped) key data."""
    for content in _key_data(data):
        if content.startswith(_INTEGRITY_KEY) and len(content) > 12:
            return int.from_bytes(content[4:6], "little"), int.from_bytes(content[6:12], "little"), content[12:]
    return None


def find_group_key(data: bytes) -> tuple[int, bytes] | None:
    """Id and key of the first group key in (unwrapped) key data."""
    for content in _key_data(data):
        if content.startswith(_GROUP_KEY) and len(content) > 6:
            return content[4] & 3, content[6:]
    return None


def wrap(kek: bytes, data: bytes) -> bytes:
    """Key data as it travels encrypted: filled up to whole blocks, 8 bytes longer."""
    if len(data) % 8 or len(data) < 16:
        padded = -(-(len(data) + 1) // 8) * 8
        data = (data + b"\xdd").ljust(max(16, padded), b"\0")
    return aes_key_wrap(kek, data)


def unwrap(kek: bytes, data: bytes) -> bytes:
    """What `wrap` was given, with its filling. Raises ValueError where this is not the key, or the data not whole."""
    try:
        return aes_key_unwrap(kek, data)
    except InvalidUnwrap:
        raise ValueError("the key data cannot be unwrapped with this key") from None


def encrypt(kek: bytes, iv: bytes, data: bytes) -> bytes:
    """Key data as it travels encrypted in TKIP's handshakes, or what it was before that."""
    return tkip.rc4(iv + kek, data, skip=256)


def _key_data(data: bytes) -> Iterator[bytes]:
    return (content for number, content in elements(data) if number == VENDOR)
