"""One HTTP GET over the client's end of a connection (h11), with the redirections on its way."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import h11

from bk7238.network.addresses import ip_bytes

REDIRECTIONS = 5
_MOVED = (301, 302, 303, 307, 308)


class Target:
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


class Fetch:
    """A GET for `target`. `status`, `headers` and `body` fill up; `failure` says why it broke."""

    def __init__(self, target: Target, hops: int = 0) -> None:
        self.target, self.hops = target, hops
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.failure = ""
        self.complete = False
        self._http = h11.Connection(h11.CLIENT)

    @property
    def done(self) -> bool:
        return self.complete or bool(self.failure)

    def request(self) -> bytes:
        """The request's bytes."""
        headers = [("Host", self.target.host), ("User-Agent", "bk7238-sim"), ("Accept", "*/*"), ("Connection", "close")]
        head = self._http.send(h11.Request(method="GET", target=self.target.path, headers=headers))
        return (head or b"") + (self._http.send(h11.EndOfMessage()) or b"")

    def receive(self, data: bytes) -> None:
        """What the server sent next; nothing when it has ended."""
        if self.done:
            return
        try:
            self._http.receive_data(data)
            while not self.done and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self.failure = f"no HTTP answer: {error}"

    def redirection(self) -> Fetch | None:
        """The request that a complete answer asks for instead, if it does. Raises ValueError where it leads nowhere."""
        location = self.headers.get("location")
        if self.status not in _MOVED or not location:
            return None
        if self.hops >= REDIRECTIONS:
            raise ValueError(f"more than {REDIRECTIONS} redirections, the last to {location!r}")
        return Fetch(Target(urljoin(self.target.url, location)), self.hops + 1)

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
