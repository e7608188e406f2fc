"""What a user writes for a setting, read and checked: on the command line, in markers, in tests. Each raises ValueError
with one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from bk7238.faults.arguments import seconds as read_time

SIZES = {"2M": 0x200000, "4M": 0x400000}


def ssid(text: str | bytes) -> bytes:
    data = os.fsencode(text)
    if not 1 <= len(data) <= 32:
        raise ValueError(f"an SSID has 1 to 32 bytes, this one has {len(data)}")
    if b"\0" in data:
        raise ValueError("an SSID with a zero byte cannot be configured")
    return data


def passphrase(text: str) -> str:
    if not 8 <= len(text) <= 63 or not all(" " <= character <= "~" for character in text):
        raise ValueError("a passphrase has 8 to 63 printable ASCII characters")
    return text


def channel(number: str | int) -> int:
    text = str(number)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 13:
        raise ValueError(f"channels go from 1 to 13, not {number!r}")
    return int(text)


def flash_size(size: str | int) -> int:
    """In bytes; `size` is that too, or 2M or 4M."""
    read = SIZES.get(size.upper(), 0) if isinstance(size, str) else size
    if read not in SIZES.values():
        raise ValueError(f"flash sizes are 2M and 4M, not {size!r}")
    return read


def microseconds(time: str | float) -> int:
    """`20 s`, `250 ms` or seconds as a number."""
    return read_time(time.replace(" ", "")) if isinstance(time, str) else round(time * 1e6)


def within(time: str | float) -> float:
    """Virtual seconds."""
    value = microseconds(time) / 1e6
    if not 0 < value < 1e6:
        raise ValueError(f"{time!r} is no number of seconds above 0")
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "ssid": ssid,
    "ap_ssid": ssid,
    "psk": passphrase,
    "channel": channel,
    "flash_size": flash_size,
    "within": within,
}


def read(name: str, value: Any) -> Any:
    """The value of the setting of this name. None, which stands for what is usual, is left alone."""
    try:
        return _READERS[name](value) if name in _READERS and value is not None else value
    except (TypeError, AttributeError):
        raise ValueError(f"{name} cannot be {value!r}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
