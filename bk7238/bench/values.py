"""What a user writes for a setting, read and checked: on the command line, in markers, in tests.

Each function takes the text, or a value that needs no reading, and gives the value. Each raises ValueError with one
line, or TypeError for what is no such thing at all. What it gives it takes again, and gives the same.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bk7238 import chip as chips
from bk7238 import host_files
from bk7238.air.misbehaviour import NONE, Misbehaviour
from bk7238.air.radio_mode import RadioMode
from bk7238.air.routers import ROUTERS
from bk7238.chip import Chip
from bk7238.engine.engine import NAMES
from bk7238.formats.duration import duration
from bk7238.formats.passphrase import check_passphrase
from bk7238.formats.scrambling import Coefficients
from bk7238.image import partition_json
from bk7238.network import host_server, power_on_date
from bk7238.network.host_server import Forward, GatewayServer
from bk7238.network.http_path import escaped

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):/|\s*//")
_HOST = re.compile(r"http://([^/?#\\]*)(.*)", re.DOTALL)


def text(value: str) -> str:
    """Check that it is a text."""
    if not isinstance(value, str):
        raise TypeError
    return value


def switch(value: bool) -> bool:
    """Check that it is a bool."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def whole(number: str | int) -> int:
    """Read a whole number, decimal or with a prefix such as 0x."""
    if isinstance(number, bool) or not isinstance(number, (str, int)):
        raise TypeError
    try:
        return int(number, 0) if isinstance(number, str) else number
    except ValueError:
        raise ValueError(f"{number!r} is no whole number, decimal or with 0x") from None


def ssid(text: str | bytes) -> bytes:
    """Read an SSID, 1 to 32 bytes."""
    data = os.fsencode(text)
    if not 1 <= len(data) <= 32:
        raise ValueError(f"an SSID has 1 to 32 bytes, this one has {len(data)}")
    if b"\0" in data:
        raise ValueError("an SSID with a zero byte cannot be configured")
    return data


def passphrase(text: str) -> str:
    """Check that it can be the passphrase of a network, or its key in hexadecimal."""
    try:
        check_passphrase(text)
    except ValueError as error:
        raise ValueError(f"{error}; leave it out for an open network") from None
    return text


def ap_passphrase(text: str) -> str:
    """The access point's own passphrase; empty for an open one."""
    return passphrase(text) if text != "" else text


def router(name: str) -> str:
    """Check that there is a preset of this name."""
    if text(name) not in ROUTERS:
        raise ValueError(f"{name!r} is no router's setting; there is {', '.join(ROUTERS)}")
    return name


def request(text: str) -> str:
    """What a device is told to fetch: a path as it is, or a whole URL with what cannot stand in one percent-encoded."""
    if re.search(r"[\r\n]", text):
        raise ValueError(f"{text!r} has a line end, behind which a request has headers; write a path or a URL alone")
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
    """Read the number of a channel, 1 to 14."""
    text = str(number)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 14:
        raise ValueError(f"channels go from 1 to 14, not {number!r}")
    return int(text)


def dtim(number: str | int) -> int:
    """Read every how many beacons there is a DTIM."""
    return RadioMode(dtim=whole(number)).dtim


def country(code: str) -> str:
    """Check that it is a country's code of two letters."""
    return RadioMode(country=text(code).upper()).country or ""


def chip(name: str | Path | Chip) -> Chip:
    """A chip by its name, or by the folder of its files."""
    if not isinstance(name, (str, Path, Chip)):
        raise TypeError
    return name if isinstance(name, Chip) else chips.load(name)


def flash_key(key: str | Iterable[int]) -> Coefficients:
    """The four coefficients of scrambled code: numbers of 32 bits, or their hexadecimal digits, 32 in all."""
    if isinstance(key, str):
        digits = re.sub(r"[\s,:-]|\b0[xX]", "", key)
        if not re.fullmatch("[0-9a-fA-F]{32}", digits):
            raise ValueError(f"{key!r} is no key; write four words of 32 bits in hexadecimal, 8 digits each")
        key = [int(digits[at : at + 8], 16) for at in range(0, 32, 8)]
    words = tuple(key)
    if len(words) != 4 or not all(type(word) is int and 0 <= word < 1 << 32 for word in words):
        raise ValueError(f"{words!r} are no four numbers of 32 bits")
    return (words[0], words[1], words[2], words[3])


def flash_size(size: str | int) -> int:
    """In bytes; `size` is that too, or such as 2M or 512K. Which of them there are is the chip's matter."""
    return partition_json.size(size, "for a flash")


def size_text(size: int) -> str:
    """The shortest text of a number of bytes that is read as the same."""
    unit = next(unit for unit in (1 << 20, 1 << 10, 1) if size % unit == 0)
    return f"{size // unit}{ {1 << 20: 'M', 1 << 10: 'K', 1: ''}[unit] }"


def microseconds(time: str | float) -> int:
    """`20 s`, `250ms`, or seconds as a number or its text."""
    if isinstance(time, bool) or not isinstance(time, (str, int, float)):
        raise TypeError
    if isinstance(time, str):
        with suppress(ValueError):
            return duration(time.strip())
    try:
        if 0 <= float(time) < 1e12:
            return round(float(time) * 1e6)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{time!r} is no time such as 20s, 250ms, 2min or a number of seconds")


def within(time: str | float) -> float:
    """Virtual seconds."""
    value = microseconds(time) / 1e6
    if not 0 < value < 1e6:
        raise ValueError(f"{time!r} is no number of seconds above 0 and below a million")
    return value


def time_text(seconds: float) -> str:
    """The shortest text of a number of seconds that is read as the same."""
    short = f"{seconds:g}"
    return short if float(short) == seconds else repr(seconds)


def date(text: str | datetime.date) -> str:
    """A date and a time of day (UTC unless an offset is said), each also alone in a date's case: `2026-03-29T00:59`.
    Gives it to the second, without an offset."""
    said = text if isinstance(text, str) else text.isoformat()
    try:
        read = datetime.datetime.fromisoformat(said.strip())
    except ValueError:
        raise ValueError(f"{said!r} is no date and time such as 2026-03-29T00:59:30") from None
    read = read.replace(tzinfo=read.tzinfo or datetime.UTC, microsecond=0).astimezone(datetime.UTC)
    if not power_on_date.FIRST <= read < power_on_date.LAST:
        raise ValueError(f"{said!r} lies before {power_on_date.FIRST.year} or behind {power_on_date.LAST.year - 1}")
    return read.replace(tzinfo=None).isoformat()


def engine(name: str) -> str:
    """Check that there is an engine of this name."""
    if text(name) not in NAMES:
        raise ValueError(f"{name!r} is no engine; there is {', '.join(NAMES)}")
    return name


def gateway(servers: str | GatewayServer | Iterable[str | GatewayServer]) -> tuple[GatewayServer, ...]:
    """Servers of the user's, each also as [[NAME][:PORT]=]HOST:PORT[/udp]. The device tells them apart by their names
    and ports."""
    several = [servers] if isinstance(servers, (str, GatewayServer)) else servers
    read = tuple(
        one if isinstance(one, GatewayServer) else host_server.gateway_server(one, anywhere=True) for one in several
    )
    places = [(one.name, one.port, one.protocol) for one in read]
    for name, port, protocol in places:
        if places.count((name, port, protocol)) > 1:
            at = f"{name}:{port}" if name else f"port {port}"
            raise ValueError(f"two servers at {at}: the device tells them apart by their names and ports")
    return read


def forwards(several: str | Forward | Iterable[str | Forward]) -> tuple[Forward, ...]:
    """Ports that lead to the device, each also as [ADDRESS:]PORT:PORT[/udp]."""
    listed = [several] if isinstance(several, (str, Forward)) else several
    return tuple(one if isinstance(one, Forward) else host_server.forward(one) for one in listed)


class FileContent(bytes):
    """The bytes of a file, and its path as the user named it."""

    path: Path


def served(files: Mapping[str, bytes | Path] | Iterable[str | Path]) -> dict[str, bytes]:
    """Files by the path at which they are offered: a mapping as it is, or the names of files, each at "/" and its
    name."""
    if isinstance(files, Mapping):
        if not all(isinstance(path, str) and isinstance(body, (bytes, Path)) for path, body in files.items()):
            raise ValueError("files are bytes by path, as in {'/more.txt': b'more'}")
        return {path: body if isinstance(body, bytes) else _content(body) for path, body in files.items()}
    if isinstance(files, (str, bytes)):
        raise TypeError
    read: dict[str, bytes] = {}
    for path in map(Path, files):
        if "/" + path.name in read:
            raise ValueError(f"{path}: another file is served as /{path.name} already")
        read["/" + path.name] = _content(path)
    return read


def _content(path: Path) -> FileContent:
    try:
        content = FileContent(host_files.read(path, host_files.BINARY))
    except (OSError, ValueError) as error:  # a zero byte in the name is a ValueError
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}; name a file to serve") from None
    content.path = path
    return content


def served_texts(files: Mapping[str, bytes]) -> list[str]:
    """The names of the files, for the command line. Raises ValueError for what is no file or has another name there."""
    for path, body in files.items():
        if not isinstance(body, FileContent) or "/" + body.path.name != path:
            raise ValueError(f"{path} is served from memory: no command can say it; write it to a file of that name")
    return paths(body.path for body in files.values() if isinstance(body, FileContent))


def paths(files: Iterable[str | Path]) -> list[str]:
    """Names of files for a command line that may be typed in any folder."""
    return [str(Path(one).absolute()) for one in files]


def descriptions(files: str | Path | Iterable[str | Path]) -> tuple[str, ...]:
    """The names of files with platform descriptions, or with things."""
    read = tuple(str(one) for one in ([files] if isinstance(files, (str, Path)) else files))
    for name in read:
        if not Path(name).is_file():
            raise ValueError(f"{name} is no file; name a platform description (.repl) or things (.toml)")
    return read


def misbehaviour(value: str | Misbehaviour) -> Misbehaviour:
    """Of an access point, also as `silent-at=STEP,deauthenticate-at=STEP,reason=N,refuse=N`, or some of these."""
    if isinstance(value, Misbehaviour):
        return value
    usual = {field.name.replace("_", "-"): field.default for field in fields(Misbehaviour)}
    read: dict[str, Any] = {}
    for part in text(value).split(","):
        name, _, given = part.partition("=")
        if name not in usual or not given or name.replace("-", "_") in read:
            known = ", ".join(f"{name}={'N' if isinstance(one, int) else 'STEP'}" for name, one in usual.items())
            raise ValueError(f"{part!r}: a misbehaviour is made of {known}, each once, with commas between them")
        read[name.replace("-", "_")] = whole(given) if isinstance(usual[name], int) else given
    return Misbehaviour(**read)


def misbehaviour_text(value: Misbehaviour) -> str:
    """Write what differs from the usual, as `misbehaviour` reads it."""
    parts = {field.name: getattr(value, field.name) for field in fields(value)}
    return ",".join(f"{name.replace('_', '-')}={one}" for name, one in parts.items() if one != getattr(NONE, name))


def faults(several: Iterable[Any]) -> tuple[Any, ...]:
    """Faults as text, specs or objects of Python; what stands above knows what they are. A spec becomes its text."""
    if isinstance(several, (str, bytes, Mapping)):
        raise TypeError
    return tuple(str(one) if hasattr(one, "kind") and hasattr(one, "arguments") else one for one in several)


def fault_texts(several: Iterable[Any]) -> list[str]:
    """Faults for the command line. Raises ValueError for one that was made in Python."""
    for one in several:
        if not isinstance(one, str):
            raise ValueError(f"a {type(one).__name__} made in Python: no command can say it; write it as text")
    return list(several)
