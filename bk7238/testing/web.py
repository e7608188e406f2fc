"""A host on the device's network that asks the device's web server."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bk7238.network.addresses import mac_bytes
from bk7238.network.fetch import Fetch, Url
from bk7238.network.host import Host
from bk7238.network.http_path import escaped
from bk7238.testing.kit import NotSeen

if TYPE_CHECKING:
    from bk7238.testing.kit import Dut

_MAC, _HOST = mac_bytes("02:aa:bb:cc:dd:03"), b"\x03"


class Response:
    """What the device has answered: `status`, `headers` (their names in lower case) and `body`; `url` is where it was
    found, behind redirections."""

    def __init__(self, request: Fetch) -> None:
        self.url, self.status, self.headers = request.target, request.status, dict(request.headers)
        self.body = bytes(request.body)

    def __repr__(self) -> str:
        return f"<{self.status} of {self.url}: {len(self.body)} bytes {self.body[:60]!r}>"

    @property
    def text(self) -> str:
        """The body as text, whatever is in it."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


class WebClient:
    """Asks the web server of a device that has joined. A path may be written as people do: what cannot stand in a URL
    is percent-encoded."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        return f"<web client of {self._dut!r}>"

    @cached_property
    def _host(self) -> Host:
        network, machine = self._dut.bench.network, self._dut.machine
        host = Host(_MAC, machine.random("web client"), network.events, address=network.address[:3] + _HOST)
        host.link_up(machine.now)
        network.join(host)
        return host

    def get(self, path: str = "/", within: str | float = "20 s", *, port: int = 80) -> Response:
        """Fetch a page, behind its redirections. Raises NotSeen where no answer comes."""
        return self._ask(Fetch(self._url(path, port)), within)

    def post(
        self,
        path: str,
        content: bytes = b"",
        within: str | float = "20 s",
        *,
        kind: str = "application/x-www-form-urlencoded",
        port: int = 80,
    ) -> Response:
        """Post content of this kind. Raises NotSeen where no answer comes."""
        return self._ask(Fetch(self._url(path, port), content=content, kind=kind), within)

    def _url(self, path: str, port: int) -> Url:
        server = self._dut.address + ("" if port == 80 else f":{port}")
        return Url(f"http://{server}/{escaped(path.removeprefix('/'))}")

    def _ask(self, request: Fetch, within: str | float) -> Response:
        host, machine = self._host, self._dut.machine
        host.begin(request, machine.now)
        self._dut.bench.network.on_change()
        try:
            self._dut.wait(lambda: not host.busy, within, lambda: f"{request.target}: no answer")
        except NotSeen:
            host.abandon("given up", machine.now)
            raise
        last = host.fetched[-1]
        if last.failure:
            raise NotSeen(f"{last.target}: {last.failure}")
        return Response(last)
