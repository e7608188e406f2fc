"""Frames of the air as packets of scapy."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from scapy.layers import dhcp, dns, eap, inet  # noqa: F401  # they say which port has which protocol
from scapy.layers.dot11 import Dot11

from bk7238.formats import ccmp, tkip
from bk7238.formats.ieee80211 import PROTECTED, parse
from bk7238.testing.kit import Frame


def packet(frame: Frame, keys: Collection[bytes]) -> Any:
    """The packet of a frame: decrypted, without the cipher's header and MIC, where it is protected with one of these
    keys."""
    made = Dot11(_opened(frame.data, keys))
    made.time = frame.time / 1e6
    return made


def _opened(data: bytes, keys: Collection[bytes]) -> bytes:
    if not data[1] & PROTECTED:
        return data
    for key in reversed(list(keys)):
        with suppress(ValueError):
            of_tkip = len(key) == tkip.KEY_SIZE
            clear = tkip.decrypt(key, data)[: -tkip.MIC_SIZE] if of_tkip else ccmp.decrypt(key, data)
            at = len(clear) - len(parse(clear)[1])
            return clear[:1] + bytes((clear[1] & ~PROTECTED,)) + clear[2:at] + clear[at + ccmp.HEADER_SIZE :]
    return data
