"""Multicast DNS (RFC 6762): names in `.local`, which hosts ask each other for, and no name server knows.

Who asks from port 5353 is answered where all hear it, unless he wants it otherwise; a simple resolver, which asks from
another port, gets an answer of its own (6.7). What is answered are addresses. Not simulated: probes, announcements,
services, and the hosts' own questions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from bk7238.network.addresses import ip_text
from bk7238.network.dns import DnsServer
from bk7238.network.events import Events, NameAsked

GROUP, PORT = bytes((224, 0, 0, 251)), 5353

_HEADER = 12  # bytes
_A, _ANY, _INTERNET = 1, 255, 1
_UNICAST = 0x8000  # of a question's class
_TTL, _LEGACY_TTL = 120, 10  # seconds


class MdnsResponder:
    """Answers for the hosts of a network, whose `names` a name server has; `send` sends a message to all hosts."""

    def __init__(self, names: DnsServer, send: Callable[[bytes, int], None], events: Events) -> None:
        self._names, self._send, self._events = names, send, events

    def receive(self, data: bytes, client: bytes, port: int, now: int) -> bytes | None:
        """The answer to a datagram that is for who sent it alone; None where there is none."""
        asked = _question(data)
        if asked is None:
            return None
        alone = port != PORT
        found = []
        for question in asked.qd:
            name, address = _text(question.qname), self._answer(question)
            if address is not None and (name.lower(), ip_text(address)) not in _known(asked):
                self._events.publish(NameAsked(now, ip_text(client), name, "A", ip_text(address)))
                found.append((question, address))
                alone = alone or bool(_class(question) & _UNICAST)
        if not found:
            return None
        message = _message(asked, found, legacy=port != PORT)
        if alone:
            return message
        self._send(message, now)
        return None

    def _answer(self, question: Any) -> bytes | None:
        if question.qtype not in (_A, _ANY) or _class(question) & ~_UNICAST not in (_INTERNET, _ANY):
            return None
        return self._names.local.get(_text(question.qname).lower())


def _question(data: bytes) -> Any:
    """A message that asks something; None for every other one."""
    if len(data) < _HEADER or data[2] & 0xF8:  # a response, or another operation
        return None
    from scapy.layers.dns import DNS, DNSQR

    logging.getLogger("scapy.runtime").setLevel(logging.CRITICAL)  # it tells the terminal of each damaged name
    try:
        asked = DNS(data)
    except Exception:  # whatever damaged bytes lead to there
        return None
    return asked if all(isinstance(one, DNSQR) for one in asked.qd) else None


def _message(asked: Any, found: list[tuple[Any, bytes]], *, legacy: bool) -> bytes:
    from scapy.layers.dns import DNS, DNSRR

    ttl, flush = (_LEGACY_TTL, 0) if legacy else (_TTL, 1)
    records = [
        DNSRR(rrname=question.qname, type="A", cacheflush=flush, ttl=ttl, rdata=ip_text(address))
        for question, address in found
    ]
    head = {"id": asked.id, "qd": [question for question, _ in found]} if legacy else {"id": 0, "qd": []}
    return bytes(DNS(qr=1, aa=1, rd=0, an=records, **head))


def _known(asked: Any) -> set[tuple[str, str]]:
    """The names and addresses that who asks knows, and will for a while (7.1)."""
    return {
        (_text(record.rrname).lower(), str(record.rdata))
        for record in asked.an
        if getattr(record, "type", None) == _A and 2 * record.ttl >= _TTL
    }


def _class(question: Any) -> int:
    return int(question.qclass) | (_UNICAST if question.unicastresponse else 0)


def _text(name: bytes) -> str:
    return name.decode("latin-1").removesuffix(".")
