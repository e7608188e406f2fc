"""The GDB server: one client at a time on a TCP port of this host, and a machine that runs between its packets.

It listens on 127.0.0.1 unless it is given another address. A second client is told that there is a first. A client
that detaches leaves the machine running, one that vanishes leaves it paused, and one that begins as no debugger does is
dropped as if it had never come.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable

from bk7238.debug import packets
from bk7238.debug.debugger import Debugger
from bk7238.debug.files import Files
from bk7238.debug.monitor import Monitor
from bk7238.debug.session import Session
from bk7238.engine import interruption

HERE = "127.0.0.1"
PORT = 3333


class GdbServer:
    """Serves `debugger` on a host's address and port (0: any that is free). Raises OSError where it cannot listen."""

    def __init__(
        self,
        debugger: Debugger,
        monitor: Monitor,
        files: Files | None = None,
        *,
        host: str = HERE,
        port: int = PORT,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.debugger, self.monitor, self.files, self._tell = debugger, monitor, files or Files(), tell
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        self._listener = socket.create_server((host, port), family=family)
        self._client: _Client | None = None
        self.running = False  # without a client: after one has detached
        self._ran = False  # before there was a client
        self.over = False

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def serve(self, *, until_detached: bool = False) -> None:
        """Serve until GDB kills the target, `over` is set, or, if wanted, a client has gone. Raises Interrupted
        within `engine.interruption.heard`."""
        while not self.over:
            interruption.check()
            served = self._client is not None
            self.turn()
            if until_detached and served and self._client is None:
                return

    def close(self) -> None:
        """Stop listening and let go of the machine."""
        self._drop()
        self._listener.close()
        self.debugger.stops.clear()

    def __enter__(self) -> GdbServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def turn(self, patience: float = 0.2) -> None:
        """One look at the sockets, `patience` seconds long where the machine stands, and a little running where it is
        to run."""
        client = self._client
        moving = client.session.running if client is not None else self.running
        sockets = [self._listener] + ([client.socket] if client is not None else [])
        ready = select.select(sockets, [], [], 0 if moving else patience)[0]
        if self._listener in ready:
            self._accept()
        if client is not None and client.socket in ready:
            client.receive()
        if client is not None:
            if client.session.running and not client.gone:
                client.session.go()
            self._part(client)
        elif self.running and self.debugger.run_some() is not None:
            self.running = False

    def _accept(self) -> None:
        connection, peer = self._listener.accept()
        if self._client is not None:
            with contextlib.suppress(OSError):
                connection.sendall(packets.frame(b"E.another debugger is attached to this device"))
            connection.close()
            self._tell(f"a second client was refused ({peer[0]})")
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ran, self.running = self.running, False
        self.debugger.interrupt()
        self._client = _Client(connection, self.debugger, self.monitor, self.files)
        self._tell("a debugger has attached")

    def _part(self, client: _Client) -> None:
        session = client.session
        if session.killed:
            self.over = True
            self._tell("the debugger ended the session")
        elif session.detached:
            self.running = True
            self._tell("the debugger has detached; the device runs on")
        elif client.stranger:
            self.running = self._ran
            self._tell("it was no debugger, such as a web browser, and was dropped")
        elif client.gone:
            self._tell("the debugger has gone; the device is paused")
        else:
            return
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class _Client:
    """The connection of one GDB."""

    def __init__(self, connection: socket.socket, debugger: Debugger, monitor: Monitor, files: Files) -> None:
        self.socket = connection
        self.gone = False
        self._receiver = packets.PacketReceiver()
        self._last = b""
        self._known = False  # by the first that it sent
        self.stranger = False
        self._waiting = bytearray()  # came while a packet was being answered
        self._payloads: list[bytes] = []  # came together with it
        debugger.timeline.unwanted = self._interrupts
        self.session = Session(debugger, monitor, files, self._send)

    def receive(self) -> None:
        data = self._read()
        if data and not self._known:
            self._known = packets.is_debuggers(data)
            if not self._known:
                self.stranger = self.gone = True
                return
        while data:
            self._answer(data)
            data, self._waiting = bytes(self._waiting), bytearray()

    def _read(self) -> bytes:
        try:
            data = self.socket.recv(0x10000)
        except OSError:
            data = b""
        self.gone = self.gone or not data
        return data

    def _interrupts(self) -> bool:
        """Whether the client no longer wants what it is waiting for: it has sent an interrupt, or has gone."""
        if packets.INTERRUPT in self._payloads:
            self._payloads.remove(packets.INTERRUPT)
            return True
        while not self.gone and select.select([self.socket], [], [], 0)[0]:
            self._waiting += self._read()
        at = self._waiting.find(packets.INTERRUPT)
        if 0 <= at < (self._waiting + b"$").find(b"$"):  # it may be a byte of a packet
            del self._waiting[: at + 1]
            return True
        return self.gone

    def _answer(self, data: bytes) -> None:
        for byte_run in _one_by_one(data):
            payloads, acknowledgments, again = self._receiver.feed(byte_run)
            if acknowledgments:
                self._write(acknowledgments)
            if again and self._last:
                self._write(self._last)
            self._payloads = payloads
            while self._payloads:
                self.session.receive(self._payloads.pop(0))
                if self.session.no_ack:
                    self._receiver.acknowledging = False

    def close(self) -> None:
        self.session.debugger.timeline.unwanted = lambda: False
        self.session.close()
        self.socket.close()

    def _send(self, payload: bytes) -> None:
        self._last = packets.frame(payload)
        self._write(self._last)

    def _write(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            self.gone = True


def _one_by_one(data: bytes) -> list[bytes]:
    """Packets that arrive together, apart: the first may switch acknowledgments off."""
    parts = data.split(b"$")
    return [parts[0]] * bool(parts[0]) + [b"$" + part for part in parts[1:]]
