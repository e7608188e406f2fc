"""The web server of the page: on 127.0.0.1, for whoever has the address with its token, and nobody else.

A request that does not name the token, that was sent to another host's name or that comes from another site's page is
answered with 403. The first page has the controls; others follow, until it goes. The device runs between the requests,
in the same thread; where nobody looks nothing is told, and it runs as it does without a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bk7238.engine import interruption
from bk7238.view.live import FAST, PageError, PageState

HERE = "127.0.0.1"
_PAGE = Path(__file__).parent / "page"
_FILES = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'"
_HEADERS = {
    "Content-Security-Policy": f"{_POLICY}; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_WORK = 0.03  # host seconds of running between two looks at the sockets
_WORK_ALONE = 0.2  # the same where nobody looks
_MADE_UP = 0.1  # host seconds that a run that waits for the host makes up for, at most
_TELL = 0.1  # host seconds from one message to the next
_LONGEST = 64 << 10  # bytes of a message of the page's

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class Shown(Protocol):
    """What a page shows: a device that runs, or what is left of one."""

    @property
    def busy(self) -> bool:
        """Whether `turn` has something to do."""

    running: bool
    speed: float

    def look_at(self, somebody: bool) -> None:
        """Somebody looks from now on, or nobody."""

    def turn(self, until: int) -> None:
        """Run a little, to virtual microsecond `until` at most."""

    @property
    def now(self) -> int:
        """Virtual microseconds."""
        ...

    def introduction(self) -> dict[str, Any]:
        """What does not change."""
        ...

    def news(self, reader: PageState) -> dict[str, Any]:
        """What a page does not know yet."""
        ...

    def look(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to what changes nothing."""

    def obey(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        """Do what was asked for."""
        ...


class Guard:
    """Lets requests through that name the token and come from the page itself."""

    def __init__(self, app: Any, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = [f"{HERE}:{port}", f"localhost:{port}"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do so."""
        if scope["type"] == "lifespan" or self._may(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
        else:
            await PlainTextResponse("not for you\n", 403)(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        host, origin = headers.get(b"host", []), headers.get(b"origin", [])
        if len(host) != 1 or host[0] not in self._hosts:
            return False
        if origin != [f"http://{host[0]}"] and (origin or scope["type"] == "websocket"):
            return False
        if headers.get(b"sec-fetch-site", ["none"])[0] not in ("none", "same-origin"):
            return False
        token = scope["path"].removeprefix("/").partition("/")[0]
        return secrets.compare_digest(token.encode("utf-8", "replace"), self._token.encode())


class PageServer:
    """Serves `shown` on a port of this host (0: any that is free). Raises OSError where it cannot listen."""

    def __init__(self, shown: Shown, port: int = 0, token: str | None = None) -> None:
        self._shown = shown
        self._token = token or secrets.token_urlsafe(24)
        self._listener = socket.create_server((HERE, port))
        self.port: int = self._listener.getsockname()[1]
        self._viewers: list[_Viewer] = []
        routes = [Route(f"/{name}", _file(name)) for name in _FILES]
        app = Starlette(routes=[Mount(f"/{self._token}", routes=[*routes, WebSocketRoute("/live", self._meet)])])
        self.app = Guard(app, self._token, self.port)
        self._paced_at = 0.0  # the host's time up to which virtual time has been let go on
        self._server = _Server(
            uvicorn.Config(
                self.app, http="h11", ws="wsproto", loop="asyncio", lifespan="off", log_level="warning",
                server_header=False, ws_max_size=_LONGEST, timeout_graceful_shutdown=1,
            )
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        return f"http://{HERE}:{self.port}/{self._token}/"

    def serve(self) -> None:
        """Serve until a signal comes. Raises Interrupted within `engine.interruption.heard`."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        try:
            await self._work(serving)
        finally:
            self._server.should_exit = True
            await serving

    async def _work(self, serving: asyncio.Task[None]) -> None:
        """Let the device run, and tell those who look."""
        told = 0.0
        while not serving.done():
            interruption.check()
            shown, was = self._shown, self._shown.running
            moved = shown.busy and self._run()
            now = time.monotonic()
            if self._viewers and (shown.busy or was) and (now - told >= _TELL or was != shown.running):
                told = now
                await self.tell()
            await asyncio.sleep(0 if moved and shown.speed == FAST else 0.02)

    def _run(self) -> bool:
        """Run for some host time, no further than the speed allows. Returns whether virtual time has passed."""
        shown = self._shown
        began = now = time.monotonic()
        stood = shown.now
        until = 1 << 62
        if shown.speed != FAST:
            behind = min(now - self._paced_at, _MADE_UP)
            until = shown.now + round(behind * shown.speed * 1e6)
            self._paced_at = now
        while shown.busy and now - began < (_WORK if self._viewers else _WORK_ALONE):
            before = shown.now
            shown.turn(until)
            now = time.monotonic()
            if shown.now >= until or shown.now == before:
                break
        return shown.now != stood

    async def tell(self) -> None:
        """Tell all who look what they do not know yet."""
        for viewer in list(self._viewers):
            await viewer.send({**self._shown.news(viewer.reader), "controls": viewer is self._viewers[0]})

    async def _meet(self, websocket: WebSocket) -> None:
        """One page, from its beginning to its end."""
        await websocket.accept()
        viewer = _Viewer(websocket)
        self._viewers.append(viewer)
        self._shown.look_at(True)
        try:
            await viewer.send({"introduction": self._shown.introduction()})
            await self.tell()
            while True:
                wanted = await _message(websocket)
                await viewer.send(self._answer(viewer, wanted))
                await self.tell()
        except WebSocketDisconnect:
            pass
        finally:
            self._viewers.remove(viewer)
            self._shown.look_at(bool(self._viewers))
            await self.tell()

    def _answer(self, viewer: _Viewer, wanted: Any) -> dict[str, Any]:
        if not isinstance(wanted, dict):
            return {"refused": "a message is an object of JSON"}
        try:
            answer = self._shown.look(viewer.reader, wanted)
            if answer is None:
                if viewer is not self._viewers[0]:
                    raise PageError("another page has the controls; this one follows")
                answer = self._shown.obey(viewer.reader, wanted)
        except PageError as error:
            return {"refused": str(error)}
        return {"answer": answer, "to": wanted.get("do")}


class _Viewer:
    """A page that looks."""

    def __init__(self, websocket: WebSocket) -> None:
        self.reader = PageState()
        self._websocket = websocket

    async def send(self, told: dict[str, Any]) -> None:
        """Tell it, unless it has gone."""
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.send_json(told)


class _Server(uvicorn.Server):
    """A server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _message(websocket: WebSocket) -> Any:
    try:
        return await websocket.receive_json()
    except (ValueError, KeyError, RecursionError):
        return None


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    file, kind = _FILES[name]

    async def serve(_request: Request) -> Response:
        return Response((_PAGE / file).read_bytes(), headers=_HEADERS, media_type=kind)

    return serve
