"""Tells what passes over somebody else's HTTP connection, in the words of our own server (h11 reads along).

Of the answer it reads what the device has acknowledged, so that progress means the same as with our own server. What is
not HTTP is not told, and does no harm.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import h11

from bk7238.formats.plain import Record
from bk7238.network import http_head
from bk7238.network.events import Event, Events, HttpBodyAborted, HttpBodyDelivered, HttpBodyProgress, HttpRequested
from bk7238.network.http_server import request_host, request_path

_PROGRESS = 4096  # bytes between two reports
_LIMIT = 65_536  # bytes of answers nobody asked for


class HttpObserver(Record):
    """Reads along on one connection of `client` from its port to `server`, an address and a port."""

    def __init__(self, events: Events, client: str, client_port: int = 0, server: str = "") -> None:
        self._events, self._client = events, client
        self._ends = client_port, server
        self._flying = bytearray()  # sent to the device and not acknowledged
        self._delivered = 0
        self._lost = False
        self._request: h11.Request | None = None
        self._takes_body = False  # its head was told, and it has not ended
        self._total = self._size = self._told = self._crc = 0
        self._begin(b"", b"")

    def asked(self, data: bytes) -> None:
        """The device sent this."""
        if data and not self._lost:
            self._guard(self._read_request, data)

    def answered(self, data: bytes) -> None:
        """The server sent this; the device has not acknowledged it yet."""
        if not self._lost:
            self._flying += data

    def delivered(self, total: int, now: int) -> None:
        """The device has acknowledged `total` bytes of all that was sent."""
        count, self._delivered = total - self._delivered, total
        data = bytes(self._flying[:count])
        del self._flying[:count]
        if data and not self._lost:
            self._guard(self._read_answer, data, now)

    def closed(self, now: int, reason: str = "closed by the server") -> None:
        """The connection is gone, with a reason of HttpBodyAborted."""
        if self._takes_body and not self._lost and reason == "closed by the server":
            self._guard(self._read_answer, b"", now)  # a body without a length ends with the connection
        if self._request is not None and not self._answer_told:
            method, host = self._request.method.decode("latin-1"), request_host(self._request)
            self._tell(HttpRequested(now, self._client, method, self._path, host, 0, *self._ends))
            self._request = None
        if self._takes_body:
            names = self._client, self._path, self._size, self._total, *self._ends
            self._tell(HttpBodyAborted(now, *names, reason))
        self._takes_body, self._lost = False, True

    def _begin(self, request: bytes, answer: bytes) -> None:
        """For the next request and its answer, of which these bytes are there already."""
        self._server, self._answer = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
        self._request = None
        self._path = ""
        self._answer_told = self._takes_body = False
        self._total = self._size = self._told = self._crc = 0
        self._early = bytearray(answer)
        if request:
            self._read_request(request)

    def _guard(self, read: Callable[..., None], *arguments: Any) -> None:
        try:
            read(*arguments)
        except h11.ProtocolError:
            self._lost = True
            self._flying.clear()

    def _read_request(self, data: bytes) -> None:
        self._server.receive_data(data)
        while True:
            event = self._server.next_event()
            if isinstance(event, h11.Request):
                self._request, self._path = event, request_path(event)
                self._answer.send(h11.Request(method=event.method, target=event.target, headers=[(b"Host", b"-")]))
            elif isinstance(event, h11.EndOfMessage):
                self._answer.send(h11.EndOfMessage())
            elif not isinstance(event, h11.Data):
                return

    def _read_answer(self, data: bytes, now: int) -> None:
        if self._request is None:
            self._early += data
            self._lost = len(self._early) > _LIMIT
            return
        self._answer.receive_data(bytes(self._early) + data)
        self._early.clear()
        while True:
            event = self._answer.next_event()
            if isinstance(event, h11.Response):
                self._note_head(self._request, event, now)
            elif isinstance(event, h11.Data):
                self._note_body(event.data, now)
            elif isinstance(event, h11.EndOfMessage):
                self._note_end(now)
                self._begin(self._server.trailing_data[0], self._answer.trailing_data[0])
                return
            elif not isinstance(event, h11.InformationalResponse):
                return

    def _note_head(self, request: h11.Request, response: h11.Response, now: int) -> None:
        method = request.method.decode("latin-1")
        host = request_host(request)
        head = http_head.of(response)
        names = self._client, method, self._path, host, head.status, *self._ends, head
        self._tell(HttpRequested(now, *names))
        self._answer_told = True
        self._takes_body = response.status_code == 200 and method != "HEAD"
        self._total = head.length or 0

    def _note_body(self, data: bytes, now: int) -> None:
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        if self._takes_body and (self._size == self._total or self._size - self._told >= _PROGRESS):
            self._told = self._size
            self._tell(HttpBodyProgress(now, self._client, self._path, self._size, self._total))

    def _note_end(self, now: int) -> None:
        if self._takes_body and self._size:
            self._tell(HttpBodyDelivered(now, self._client, self._path, self._size, self._crc))
        self._takes_body = False

    def _tell(self, event: Event) -> None:
        self._events.publish(event)
