"""An HTTP/1.1 server of a table of files, on top of h11. GET and HEAD; the body goes out as TCP takes it.

No Date header: RFC 9110 (section 6.6.1) forbids it to a server without a clock, and a run must not depend on one.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import h11

from bk7238.formats.plain import Record
from bk7238.network import http_head, http_path
from bk7238.network.addresses import ip_text
from bk7238.network.events import Event, Events, HttpBodyAborted, HttpBodyDelivered, HttpBodyProgress, HttpRequested
from bk7238.network.tcp_connection import Connection
from bk7238.peripherals.core import Actor, Signal, State, Tap

PORT = 80
_HEADER_LIMIT = 8192  # bytes of one request's head
_BODY_LIMIT = 65_536  # bytes of a request's body, which nobody reads
_PIPELINE_LIMIT = 16_384  # bytes of requests that wait for an answer to the one before
_PROGRESS = 4096  # bytes between two reports
_FINAL = (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}


@dataclass(eq=False)
class Transfer:
    """An answer that `session` is sending. `start` is where its body begins in what the connection delivers."""

    session: HttpSession
    path: str
    body: bytes
    start: int
    head: http_head.Head
    sent: int = 0
    told: int = 0
    whole: bool = False  # all that was announced has arrived
    raw: bool = False  # its head was not the HTTP library's

    @property
    def total(self) -> int:
        """The bytes of the body as announced."""
        return len(self.body) if self.head.length is None else self.head.length


@dataclass(frozen=True)
class Answer:
    """An answer as a server gives it that is not quite right: `head` goes out as it is, up to and with its empty
    line, then `body`, then the connection is closed."""

    status: int
    head: bytes
    body: bytes


@dataclass(frozen=True)
class Offer:
    """What the server has at a path that was asked for: None for a 404."""

    path: str
    body: bytes | None


@dataclass(frozen=True)
class Extent:
    """How far the body of a transfer may be sent by now, in bytes."""

    transfer: Transfer
    end: int

    def until(self, end: int) -> Extent:
        """No further than to there."""
        return Extent(self.transfer, min(end, self.end))


class HttpServer(Actor):
    """Serves `files`, a table of decoded paths (`http_path`) and bodies that may be changed at any time.

    Through `tap` passes the Offer for each request, in whose place a stage may give an Answer, and an Extent
    whenever more of a body could be sent, in whose place it may give one that ends sooner. `on_progress` is told a
    Transfer and how many bytes of it the device has acknowledged, `on_output` (with the time) that a session sends
    by itself.
    """

    files: dict[str, bytes] = State()
    sessions: list[HttpSession] = State(factory=list)  # on which a body is or was under way

    def __init__(self, events: Events, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.events = events
        self.tap = Tap()
        self.on_progress, self.on_output = Signal(), Signal()

    def body(self, path: str) -> bytes | None:
        """What is offered at a decoded path; its slash may be left out in the table."""
        return self.files.get(path, self.files.get(path.removeprefix("/")))

    def accept(self, connection: Connection, client: bytes) -> HttpSession:
        """Make the session of a connection that the device opened."""
        return HttpSession(self, connection, ip_text(client), connection.client_port, connection.server)


class HttpSession(Record):
    """One connection's requests, one after the other. `asked` is our address and port as the device used them."""

    def __init__(
        self, server: HttpServer, connection: Connection, client: str, client_port: int = 0, asked: str = ""
    ) -> None:
        self._server = server
        self._ends = client_port, asked
        self._connection = connection
        self._client = client
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEADER_LIMIT)
        self._request: h11.Request | None = None
        self._unread = 0
        self._queued = 0  # bytes handed to the connection
        self._sending: Transfer | None = None
        self._delivering: list[Transfer] = []  # bodies that are not acknowledged to their end
        self._broken = False
        self._peer_ended = self._closing = False
        self._ended_by = "server"

    # What others do to it, between two segments

    def resume(self, now: int) -> None:
        """Send what may be sent by now."""
        self._pump()
        self._server.on_output(now)

    def hang_up(self, now: int) -> None:
        """Send no more of the body, and close in order."""
        self._broken = True
        self._sending = None
        self._close()
        self._server.on_output(now)

    def abort(self, now: int) -> None:
        """Reset the connection."""
        self._broken = True
        self._sending = None
        self._connection.abort(now)
        self._server.on_output(now)

    # What the connection tells

    def opened(self, now: int) -> None:
        """The client speaks first."""

    def received(self, data: bytes, now: int) -> None:
        """Parse what the client sent, and answer whole requests."""
        if self._broken:
            return
        self._http.receive_data(data)
        self._advance(now)
        if len(self._http.trailing_data[0]) > _PIPELINE_LIMIT:
            self._broken = True
            self._connection.abort(now)

    def drained(self, now: int) -> None:
        """Tell what was acknowledged, and send more of the body."""
        self._report(now)
        self._pump()
        self._advance(now)

    def ended(self, now: int) -> None:
        """End as well, once the answer is out."""
        self._peer_ended = True
        if not self._closing:
            self._ended_by = "device"
        if not self._broken:
            self._http.receive_data(b"")
        self._advance(now)

    def idle(self, _now: int) -> None:
        """Close a connection on which nothing happens."""
        self._broken = True
        self._close()

    def _close(self) -> None:
        self._closing = True
        self._connection.close()

    def closed(self, reason: str, now: int) -> None:
        """Tell how the download ended, and forget the session."""
        self._broken = True
        self._report(now)
        if self in self._server.sessions:
            self._server.sessions.remove(self)
        reason = reason or f"closed by the {self._ended_by}"
        for transfer in self._delivering:
            if not transfer.whole:
                arrived = min(max(0, self._connection.delivered - transfer.start), len(transfer.body))
                names = self._client, transfer.path, arrived, transfer.total, *self._ends
                self._tell(HttpBodyAborted(now, *names, reason))
        self._delivering = []

    # Requests

    def _advance(self, now: int) -> None:
        """Look at what has arrived; requests behind one that is being answered wait."""
        while self._sending is None and not self._broken and self._next_event(now):
            pass
        if self._sending is None and (self._peer_ended or self._http.our_state in _FINAL):
            self._close()

    def _next_event(self, now: int) -> bool:
        """Handle one event of h11; False where there is none yet, or no more."""
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            self._fail(error.error_status_hint, now)
            return False
        if isinstance(event, h11.Request):
            self._request, self._unread = event, 0
            if event.method not in (b"GET", b"HEAD"):
                self._fail(405, now)
        elif isinstance(event, h11.Data):
            self._unread += len(event.data)
            if self._unread > _BODY_LIMIT:
                self._fail(413, now)
        elif isinstance(event, h11.EndOfMessage):
            self._answer(now)
        elif event is h11.PAUSED and self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            return False
        return True

    def _answer(self, now: int) -> None:
        path = request_path(self._request)
        body = self._server.body(path)
        (answer,) = self._server.tap.passed(Offer(path, body))
        if isinstance(answer, Answer):
            self._answer_as_told(answer, now)
        elif body is None:
            self._respond(404, b"404 Not Found\n", "text/plain", now)
        else:
            self._respond(200, body, "application/octet-stream", now)

    def _answer_as_told(self, answer: Answer, now: int) -> None:
        """Past the HTTP library, which would not send what is wrong."""
        self._broken = True
        method, path = self._tell_request(head := http_head.read(answer.head, answer.status), now)
        self._send(answer.head)
        body = b"" if method == "HEAD" else answer.body
        self._transfer(Transfer(self, path, body, self._queued, head, raw=True))

    def _tell_request(self, head: http_head.Head, now: int) -> tuple[str, str]:
        """The request is answered with this: its method and path."""
        request, self._request = self._request, None
        method = request.method.decode("latin-1") if request else ""
        path = request_path(request)
        names = self._client, method, path, request_host(request), head.status, *self._ends, head
        self._tell(HttpRequested(now, *names))
        return method, path

    def _fail(self, status: int, now: int) -> None:
        """Answer and close: the rest of what arrives is not looked at."""
        self._broken = True
        text = f"{status} {_PHRASES.get(status, 'Error')}\n".encode("ascii")
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._respond(status, text, "text/plain", now, last=True)
        else:
            self._close()

    def _respond(self, status: int, body: bytes, kind: str, now: int, *, last: bool = False) -> None:
        headers = [("Server", "bk7238-sim"), ("Content-Type", kind), ("Content-Length", str(len(body)))]
        if status == 405:
            headers.append(("Allow", "GET, HEAD"))
        if last:
            headers.append(("Connection", "close"))
        reason = _PHRASES.get(status, "Error").encode("ascii")
        head = http_head.Head(status, kind, len(body), "Content-Length")
        method, path = self._tell_request(head, now)
        self._send(self._http.send(h11.Response(status_code=status, headers=headers, reason=reason)))
        self._transfer(Transfer(self, path, b"" if method == "HEAD" else body, self._queued, head))

    # Bodies

    def _transfer(self, transfer: Transfer) -> None:
        self._sending = transfer
        if transfer.body and transfer.head.status == 200:
            self._delivering.append(transfer)
            if self not in self._server.sessions:
                self._server.sessions.append(self)
            self._server.on_progress(transfer, 0)
        self._pump()

    def _pump(self) -> None:
        """Send as much of the body as the connection takes."""
        transfer = self._sending
        if transfer is None:
            return
        limit = len(transfer.body)
        if self._server.tap and transfer in self._delivering:
            limit = self._server.tap.passed(Extent(transfer, limit))[0].end
        while transfer.sent < limit and self._connection.space:
            piece = transfer.body[transfer.sent : min(limit, transfer.sent + self._connection.space)]
            self._send(piece if transfer.raw else self._http.send(h11.Data(data=piece)))
            transfer.sent += len(piece)
        if transfer.sent == len(transfer.body):
            self._sending = None
            if transfer.raw:
                self._close()
            else:
                self._send(self._http.send(h11.EndOfMessage()))

    def _send(self, data: bytes | None) -> None:
        if data:
            self._queued += len(data)
            self._connection.send(data)

    def _report(self, now: int) -> None:
        """Tell how far the bodies have been acknowledged."""
        for transfer in list(self._delivering):
            body = transfer.body
            acknowledged = min(self._connection.delivered - transfer.start, len(body))
            if acknowledged == len(body) or acknowledged - transfer.told >= _PROGRESS:
                transfer.told = acknowledged
                arrived = min(acknowledged, transfer.total)
                self._tell(HttpBodyProgress(now, self._client, transfer.path, arrived, transfer.total))
            if acknowledged >= 0:
                self._server.on_progress(transfer, acknowledged)
            if acknowledged >= transfer.total and not transfer.whole:
                transfer.whole = True
                crc = None if transfer.head.coding else zlib.crc32(body[: transfer.total])
                self._tell(HttpBodyDelivered(now, self._client, transfer.path, transfer.total, crc))
            if acknowledged == len(body) and transfer.whole and transfer in self._delivering:
                self._delivering.remove(transfer)

    def _tell(self, event: Event) -> None:
        self._server.events.publish(event)


def request_path(request: h11.Request | None) -> str:
    """The decoded path that a request asks for; empty without a request."""
    return "" if request is None else http_path.decoded(request.target)


def request_host(request: h11.Request | None) -> str:
    """The Host header of a request, or nothing."""
    headers = request.headers if request else ()
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
