"""What a user writes for a setting, read and checked: on the command line, in markers, in tests. Each raises ValueError
with one line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bk7238.air.misbehaviour import Misbehaviour
from bk7238.engine.engine import NAMES
from bk7238.faults.arguments import seconds as read_time
from bk7238.network import host_server
from bk7238.network.http_path import escaped

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):/|\s*//")
_HOST = re.compile(r"http://([^/?#\\]*)(.*)", re.DOTALL)
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
        raise ValueError("a passphrase has 8 to 63 printable ASCII characters; leave it out for an open network")
    return text


def ap_passphrase(text: str) -> str:
    """The access point's own passphrase; empty for an open one."""
    return passphrase(text) if text != "" else text


def request(text: str) -> str:
    """What a device is told to fetch: a path as it is, or a whole URL with what cannot stand in one percent-encoded."""
    if re.match("http://", text) is None:
        scheme = _SCHEME.match(text)
        if scheme is None:
            return text
        if (scheme[1] or "").lower() == "http":
            raise ValueError(f"{text!r}: a device takes a URL as it is written; begin it with http:// in small letters")
        what = f"{scheme[1]} URL" if scheme[1] else "URL without a scheme"
        raise ValueError(f"{text!r} is a {what}, and devices fetch by plain HTTP; write http://HOST/FILE, or a path")
    host, path = re.fullmatch(_HOST, text).groups()  # type: ignore[union-attr]
    try:
        parts = urlsplit(f"http://{host}")
        known = parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or re.fullmatch("[!-~]+", host) is None:
        raise ValueError(f"{text!r} has no host and port as in http://192.168.77.1:80/FILE, in ASCII")
    return f"http://{host}{escaped(path)}"


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
    if isinstance(time, str):
        return read_time(time.replace(" ", ""))
    if not isinstance(time, (int, float)) or not 0 <= time < 1e12:
        raise ValueError(f"{time!r} is no time such as '20 s', '250 ms' or a number of seconds")
    return round(time * 1e6)


def within(time: str | float) -> float:
    """Virtual seconds."""
    value = microseconds(time) / 1e6
    if not 0 < value < 1e6:
        raise ValueError(f"{time!r} is no number of seconds above 0")
    return value


def gateway(server: str | host_server.Server) -> host_server.Server:
    """A server of this machine, also as HOST:PORT; another machine's is made with `host_server.server`."""
    return server if isinstance(server, host_server.Server) else host_server.server(server)


def engine(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"{name!r} is no engine; there is {', '.join(NAMES)}")
    return name


def served(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if not all(isinstance(path, str) and isinstance(body, bytes) for path, body in files.items()):
        raise ValueError("files are bytes by path, as in {'/more.txt': b'more'}")
    return files


def _instance(*kinds: type) -> Callable[[Any], Any]:
    """A reader of what needs no reading: a value of one of these types, and no other."""

    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError
        return value

    return read


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "ssid": ssid,
    "ap_ssid": ssid,
    "psk": passphrase,
    "ap_psk": ap_passphrase,
    "channel": channel,
    "ht": _instance(bool),
    "hidden": _instance(bool),
    "misbehaviour": _instance(Misbehaviour),
    "profile": _instance(str),
    "request": request,
    "serve": served,
    "gateway": gateway,
    "tap": _instance(str),
    "flash_size": flash_size,
    "engine": engine,
    "seed": _instance(int),
    "within": within,
    "faults": _instance(list, tuple),
    "delivered": _instance(bool),
}


def read(name: str, value: Any) -> Any:
    """The value of the setting of this name."""
    try:
        return _READERS[name](value)
    except (TypeError, AttributeError):
        raise ValueError(f"{name} cannot be {value!r}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
