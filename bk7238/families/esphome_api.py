"""ESPHome's native API, so far as it takes to learn who a device is: hello, login, the question for its description.

A message of the plain-text protocol is a zero, its length, its type, and its fields as Protocol Buffers have them; the
numbers are varints. A device with an encryption key begins with a one instead, and says nothing without the key.
Source: ESPHome, components/api/api.proto and api_frame_helper.cpp.
"""

from __future__ import annotations

from bk7238.network.addresses import ip_bytes
from bk7238.network.events import Event, Identified, NotIdentified
from bk7238.network.exchange import Exchange

PORT = 6053
_PLAIN = 0
_HELLO, _LOGIN, _DESCRIBE = 1, 3, 9  # types of messages; an answer has the next number
_LOGGED_IN, _DESCRIPTION = _LOGIN + 1, _DESCRIBE + 1
_CLIENT_INFO = 1  # of the hello
_INVALID_PASSWORD = 1  # of the answer to the login
_NAME, _VERSION = 2, 4  # of the description
_VARINT, _BITS_64, _BYTES, _BITS_32 = 0, 1, 2, 5  # kinds of fields
_LONGEST = 1 << 20  # bytes of a message that is taken


class _More(Exception):
    """Not all of it is there yet."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it. Raises _More, and ValueError for one of more than 64 bits."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _More
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("a number of more than 64 bits")


def message(kind: int, fields: bytes = b"") -> bytes:
    """The bytes of a message."""
    return bytes((_PLAIN,)) + _varint(len(fields)) + _varint(kind) + fields


def text(number: int, value: str) -> bytes:
    """A field with a text."""
    data = value.encode()
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def fields(data: bytes) -> dict[int, int | bytes]:
    """The fields of a message by their numbers: varints as numbers, all others as bytes. Raises ValueError."""
    found: dict[int, int | bytes] = {}
    at = 0
    try:
        while at < len(data):
            key, at = _read_varint(data, at)
            if key & 7 == _VARINT:
                found[key >> 3], at = _read_varint(data, at)
                continue
            size = {_BITS_64: 8, _BITS_32: 4}.get(key & 7)
            if key & 7 == _BYTES:
                size, at = _read_varint(data, at)
            if size is None or at + size > len(data):
                raise ValueError(f"field {key >> 3} does not fit")
            found[key >> 3], at = data[at : at + size], at + size
    except _More:
        raise ValueError("a field breaks off") from None
    return found


class EsphomeApi(Exchange):
    """The question who the device at an address is. What it says is `name` and `version`, ESPHome's."""

    def __init__(self, address: str, port: int = PORT) -> None:
        asks = message(_HELLO, text(_CLIENT_INFO, "bk7238-sim")) + message(_LOGIN) + message(_DESCRIBE)
        super().__init__(f"{address}:{port}", ip_bytes(address), port, asks)
        self._said = b""
        self.name = self.version = ""

    def receive(self, data: bytes) -> None:
        """Take what the device says."""
        self._said += data
        try:
            while not self.done and self._said:
                self._take()
        except _More:
            pass
        except ValueError as error:
            self.failure = f"no native API: {error}"
        if not data and not self.done:
            self.failure = "closed by the device, which did not say who it is"

    def _take(self) -> None:
        """One message, where all of it is there."""
        if self._said[0] != _PLAIN:
            raise ValueError("the device wants an encrypted connection" if self._said[0] == 1 else self._said[:8].hex())
        size, at = _read_varint(self._said, 1)
        kind, at = _read_varint(self._said, at)
        if size > _LONGEST:
            raise ValueError(f"a message of {size} bytes")
        if at + size > len(self._said):
            raise _More
        content, self._said = fields(self._said[at : at + size]), self._said[at + size :]
        if kind == _LOGGED_IN and content.get(_INVALID_PASSWORD):
            self.failure = "the device asks for a password"
        elif kind == _DESCRIPTION:
            self.name, self.version = (_shown(content.get(number)) for number in (_NAME, _VERSION))
            self.complete = True

    def outcome(self, now: int) -> Event:
        """What is told of its end."""
        if self.failure:
            return NotIdentified(now, self.target, self.failure)
        return Identified(now, self.target, self.name, self.version)


def _shown(value: int | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
