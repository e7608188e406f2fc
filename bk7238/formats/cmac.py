"""AES-128-CMAC (RFC 4493): the MIC of WPA3's key frames, and of protected management frames to a group."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC


def cmac(key: bytes, data: bytes) -> bytes:
    """The code (16 bytes) of the data under a key of 16 bytes."""
    code = CMAC(AES(key))
    code.update(data)
    return code.finalize()
