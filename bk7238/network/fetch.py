"""HTTP over the client's end of a connection (h11): a GET with the redirections on its way, an upload by POST, and a
page that does something when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

import h11

from bk7238.formats.plain import Record
from bk7238.network.addresses import ip_bytes
from bk7238.network.events import Event, HttpFetched, HttpFetchFailed
from bk7238.network.exchange import Exchange

REDIRECTIONS = 5
_MOVED = (301, 302, 303, 307, 308)
_BOUNDARY = "bk7238-sim-boundary"
_SHOWN = 80  # bytes of an answer that say why


class Url(Record):
    """The parts of a URL with a numeric host. Raises ValueError for any other URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.username is not None:
            raise ValueError(f"{url!r} is not of the form http://ADDRESS[:PORT]/PATH")
        self.url = url
        self.address = ip_bytes(parts.hostname)
        self.port = 80 if parts.port is None else parts.port
        self.host = parts.netloc
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not self.path.isascii() or not self.path.isprintable() or " " in self.path or not self.port:
            raise ValueError(f"{url!r} has a port or characters that no request can have")


class Request(Exchange):
    """A request to `target` and its answer: `status`, `headers` and `body` fill up. It sends `content`, in which
    `package` begins at `start`."""

    def __init__(
        self,
        target: Url,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        content: bytes = b"",
        package: bytes = b"",
        start: int = 0,
    ) -> None:
        self._http = h11.Connection(h11.CLIENT)
        always = [("Host", target.host), ("User-Agent", "bk7238-sim"), ("Accept", "*/*"), ("Connection", "close")]
        head = self._http.send(h11.Request(method=method, target=target.path, headers=[*always, *headers])) or b""
        end = [self._http.send(h11.Data(data=content)) or b"", self._http.send(h11.EndOfMessage()) or b""]
        outgoing = b"".join([head, *end])
        super().__init__(target.url, target.address, target.port, outgoing, package, len(head) + start)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    def receive(self, data: bytes) -> None:
        """Take what the server sent next; nothing when it has ended."""
        if self.done:
            return
        try:
            self._http.receive_data(data)
            while not self.done and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self.failure = f"no HTTP answer: {error}"

    def _take(self, event: object) -> bool:
        if isinstance(event, h11.Response):
            self.status = event.status_code
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            self.body += event.data
        elif isinstance(event, h11.EndOfMessage):
            self.complete = True
        elif isinstance(event, h11.ConnectionClosed):
            self.failure = "the server closed the connection before it answered"
        return event is not h11.NEED_DATA and event is not h11.PAUSED


class Fetch(Request):
    """A GET for `target`, after so many redirections, or a POST of `content`, which is of that `kind`."""

    def __init__(self, target: Url, hops: int = 0, content: bytes | None = None, kind: str = "") -> None:
        if content is None:
            super().__init__(target)
        else:
            super().__init__(target, "POST", [("Content-Type", kind), ("Content-Length", str(len(content)))], content)
        self.hops = hops
        self.onwards = ""  # the URL that it is sent on to

    def redirection(self) -> Fetch | None:
        """The request that a complete answer asks for instead, if it does. Raises ValueError where it leads nowhere."""
        location = self.headers.get("location")
        if self.status not in _MOVED or not location:
            return None
        if self.hops >= REDIRECTIONS:
            raise ValueError(f"more than {REDIRECTIONS} redirections, the last to {location!r}")
        further = Fetch(Url(urljoin(self.target, location)), self.hops + 1)
        self.onwards = further.target
        return further

    def outcome(self, now: int) -> Event:
        """What is told of its end."""
        if self.failure:
            return HttpFetchFailed(now, self.target, self.failure)
        return HttpFetched(now, self.target, self.status, len(self.body), self.onwards)


class Visit(Request):
    """A request to `target` for what it does, by default a GET. Only an answer that all went well, 200 to 299,
    completes it, and where a `said` is named only a body that has it."""

    said = b""

    def _take(self, event: object) -> bool:
        more = super()._take(event)
        if self.complete and not (200 <= self.status < 300 and self.said in self.body):
            text = self.body[:_SHOWN].decode("ascii", "replace").strip()
            self.failure = f"the device answered {self.status}: {text}"
        return more


class Upload(Visit):
    """A POST of a package to `target`: as the body itself or, where a `field` is named, as a file in that field of a
    form. `said` is what the device answers where it has taken it."""

    def __init__(self, target: Url, package: bytes, name: str = "", field: str = "", said: bytes = b"") -> None:
        self.said = said
        before = after = ""
        kind = "application/octet-stream"
        if field:
            kind = f"multipart/form-data; boundary={_BOUNDARY}"
            disposition = f'form-data; name="{field}"; filename="{name}"'
            before = (
                f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
            )
            after = f"\r\n--{_BOUNDARY}--\r\n"
        content = before.encode() + package + after.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(content)))]
        super().__init__(target, "POST", headers, content, package, len(before.encode()))
