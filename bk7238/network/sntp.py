"""A time server (SNTP, RFC 4330) that tells virtual time: the date of the power-on, and what has passed since then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bk7238.network.addresses import ip_text
from bk7238.network.events import Events, TimeAsked

PORT = 123
_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_SIZE = 48  # bytes of a message without extensions
_CLIENT, _SERVER = 3, 4  # modes
_LARGEST = 1 << 64  # a timestamp: 32 bits of seconds, 32 of their fraction


class SntpServer:
    """Answers clients with the time, as a primary server with a clock of its own. `date` is that of the power-on."""

    def __init__(self, date: str, events: Events) -> None:
        self._began = datetime.fromisoformat(date).replace(tzinfo=UTC)
        self._events = events

    def receive(self, data: bytes, client: bytes, _port: int, now: int) -> bytes | None:
        """The answer to a datagram; None for what no client sends."""
        if len(data) < _SIZE or data[0] & 7 != _CLIENT:
            return None
        from scapy.layers.ntp import NTPHeader

        asked = NTPHeader(data[:_SIZE])
        time = self._began + timedelta(microseconds=now)
        stamp = (time - _EPOCH) // timedelta(microseconds=1)
        fraction = (stamp << 32) // 1_000_000 % _LARGEST
        answer = NTPHeader(version=asked.version, mode=_SERVER, stratum=1, poll=asked.poll, precision=-20)
        answer.ref_id = b"LOCL"
        answer.fields |= {"ref": fraction, "orig": asked.getfieldval("sent"), "recv": fraction, "sent": fraction}
        self._events.publish(TimeAsked(now, ip_text(client), time.replace(tzinfo=None).isoformat(" ", "milliseconds")))
        return bytes(answer)
