"""The passphrase of a protected network, or its key in hexadecimal; alone, as what reads a command needs no ciphers."""

from __future__ import annotations

import re


def is_key(text: str) -> bool:
    """Whether it is no passphrase but the pre-shared key itself, in 64 hexadecimal digits."""
    return re.fullmatch("[0-9A-Fa-f]{64}", text) is not None


def check_passphrase(text: str) -> None:
    """Raises ValueError unless it has 8 to 63 printable ASCII characters, or is the key in hexadecimal."""
    if not is_key(text) and not (8 <= len(text) <= 63 and all(" " <= character <= "~" for character in text)):
        raise ValueError("a passphrase has 8 to 63 printable ASCII characters, a key 64 hexadecimal digits")
