"""A name server (RFC 1035) that knows either every name, as one address, or those in its table."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from bk7238.network.addresses import ip_text
from bk7238.network.events import Events, NameAsked
from bk7238.peripherals.core import Actor, State

PORT = 53

_HEADER = struct.Struct("!HHHHHH")
_RESPONSE, _OPCODE, _RECURSION_DESIRED = 0x8000, 0x7800, 0x0100
_AUTHORITATIVE, _RECURSION_AVAILABLE = 0x0400, 0x0080
_CODE = 0x000F
_NO_ERROR, _FORMAT_ERROR, _NO_SUCH_NAME, _NOT_IMPLEMENTED = 0, 1, 3, 4
_A, _INTERNET, _ANY = 1, 1, 255
_KINDS = {1: "A", 2: "NS", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 255: "ANY"}
_TTL = 60  # seconds
_POINTER_TO_QUESTION = 0xC00C


class DnsServer(Actor):
    """Answers A questions. `names` maps lower-case names to IPv4 addresses; None maps every name to `address`. `hosts`
    are known besides, whatever `names` is. Names in `.local` among them are those of multicast DNS (mdns.py), and not
    known here (RFC 6762)."""

    names: Mapping[str, bytes] | None = State()
    address: bytes = State()

    def __init__(self, address: bytes, events: Events, names: Mapping[str, bytes] | None = None) -> None:
        self.names = names
        self.hosts: dict[str, bytes] = {}
        self.address = address
        self._events = events

    @property
    def local(self) -> dict[str, bytes]:
        """The names that are found by multicast DNS, and the addresses."""
        known = {**(self.names or {}), **self.hosts}
        return {name: address for name, address in known.items() if is_local(name)}

    def receive(self, data: bytes, client: bytes, _port: int, now: int) -> bytes | None:
        """The answer to a datagram, or None where there is none to give (too short, or itself an answer)."""
        if len(data) < _HEADER.size:
            return None
        number, flags, questions, *_ = _HEADER.unpack_from(data)
        if flags & _RESPONSE:
            return None
        if flags & _OPCODE:
            return self._answer(number, flags, _NOT_IMPLEMENTED)
        try:
            if questions != 1:
                raise ValueError("not one question")
            name, end = read_name(data, _HEADER.size)
            kind, internet = struct.unpack_from("!HH", data, end)
        except (ValueError, struct.error):
            return self._answer(number, flags, _FORMAT_ERROR)
        address = self._find(name) if internet in (_INTERNET, _ANY) else None
        known = address is not None
        if kind not in (_A, _ANY):
            address = None
        text = ip_text(address) if address else ""
        self._events.publish(NameAsked(now, ip_text(client), name, _KINDS.get(kind, str(kind)), text))
        question = data[_HEADER.size : end + 4]
        return self._answer(number, flags, _NO_ERROR if known else _NO_SUCH_NAME, question, address)

    def _find(self, name: str) -> bytes | None:
        name = name.lower()
        if is_local(name):
            return None
        if name in self.hosts:
            return self.hosts[name]
        if self.names is not None:
            return self.names.get(name)
        return None if name.endswith(".in-addr.arpa") else self.address

    @staticmethod
    def _answer(number: int, flags: int, code: int, question: bytes = b"", address: bytes | None = None) -> bytes:
        flags = _RESPONSE | flags & (_OPCODE | _RECURSION_DESIRED) | _AUTHORITATIVE | _RECURSION_AVAILABLE | code
        head = _HEADER.pack(number, flags, 1 if question else 0, 1 if address else 0, 0, 0)
        record = struct.pack("!HHHIH", _POINTER_TO_QUESTION, _A, _INTERNET, _TTL, 4) + address if address else b""
        return head + question + record


def in_vain(data: bytes) -> tuple[str, str] | None:
    """The name and the kind of a question that this message answers with an error. None for every other message."""
    if len(data) < _HEADER.size:
        return None
    _, flags, questions, *_ = _HEADER.unpack_from(data)
    if not flags & _RESPONSE or not flags & _CODE or questions != 1:
        return None
    try:
        name, end = read_name(data, _HEADER.size)
        (kind,) = struct.unpack_from("!H", data, end)
    except (ValueError, struct.error):
        return None
    return name, _KINDS.get(kind, str(kind))


def is_local(name: str) -> bool:
    """Whether a name is one of multicast DNS."""
    return f".{name.lower()}".rstrip(".").endswith(".local")


def read_name(data: bytes, at: int) -> tuple[str, int]:
    """The name at an offset, and the offset behind it. Raises ValueError where it is cut short or compressed.

    A question comes first in its message, so there is nothing for a compressed name to point at.
    """
    labels: list[str] = []
    while True:
        if at >= len(data):
            raise ValueError("a name without an end")
        length = data[at]
        at += 1
        if not length:
            return ".".join(labels), at
        if length > 63 or at + length > len(data) or len(labels) > 127:
            raise ValueError("a damaged name")
        labels.append(data[at : at + length].decode("latin-1"))
        at += length
