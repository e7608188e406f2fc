"""The gateway to the host: named servers of the user's machine, reached by the device, and nothing else.

Each stands behind the gateway's TCP or UDP as a service: a connection of the device's to that port
becomes a connection to the server, with back-pressure both ways: no more is read from either side than the other takes.
The server's sockets are polled every millisecond of virtual time, and never block. Virtual time does not run away from
a server that thinks: while an answer is awaited, each poll waits for it in wall time; after `patience` seconds of that
the connection is reset and told as an error. Datagrams go to the server from a socket for each port of a client's, and
answers come back to it. A run with a gateway depends on the host and is not deterministic.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable

from bk7238.network import udp
from bk7238.network.addresses import ip_text
from bk7238.network.events import Events, HostConnected, HostSilent, HostUnreachable
from bk7238.network.host_server import HostServer
from bk7238.network.host_socket import HostSocket, family
from bk7238.network.http_observer import HttpObserver
from bk7238.network.network import Network
from bk7238.network.pace import CADENCE, OfTheHost
from bk7238.network.tcp_connection import Connection

PATIENCE = 10.0  # seconds of wall time
THINKING = 0.02  # seconds of wall time that a poll waits for an answer,
_QUIET = CADENCE / 1e6  # and for more of one that has begun: no faster than the wall clock
_HOLD = 16_384  # bytes kept for a server that does not read
_PEERS = 64  # ports of clients that have a socket each; the oldest goes
_UDP_PATIENCE = 1.0  # seconds of wall time

Client = tuple[bytes, int]
"""A client's address and port."""


class Gateway:
    """Connections to `target`. `now` of the methods is virtual, `clock` tells wall time in seconds."""

    def __init__(
        self,
        target: HostServer,
        events: Events,
        *,
        patience: float = PATIENCE,
        thinking: float = THINKING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target, self.events, self.patience, self.clock = target, events, patience, clock
        self.thinking = thinking
        self._links: list[_HostConnection] = []
        self._next: int | None = None

    def accept(self, connection: Connection, client: bytes) -> _HostConnection:
        """Make the counterpart of a connection that the device opened."""
        return _HostConnection(self, connection, ip_text(client))

    def add(self, link: _HostConnection, now: int) -> None:
        """A connection is established: poll it."""
        self._links.append(link)
        self._next = now

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do: while there are connections."""
        return self._next

    def poll(self, now: int) -> None:
        """Move what can be moved; what the device gets is in its connections afterwards."""
        if not self._pump(now) and self._wait():
            self._pump(now)
        self._links = [link for link in self._links if not link.over]
        self._next = now + CADENCE if self._links else None

    def close(self) -> None:
        """Give up all connections to the host."""
        for link in self._links:
            link.drop()
        self._links, self._next = [], None

    def _pump(self, now: int) -> bool:
        return any([link.pump(now) for link in self._links])

    def _wait(self) -> bool:
        """Wait in wall time for what some connection waits for. Whether there is something now."""
        seconds = max((link.waits for link in self._links), default=0.0)
        if not seconds:
            return False
        poll = select.poll()
        for link in self._links:
            if link.interest:
                poll.register(link.socket, link.interest)
        return bool(poll.poll(seconds * 1000))


class _HostConnection(HostSocket):
    """One connection of the device's, and its counterpart to the host."""

    def __init__(self, gateway: Gateway, connection: Connection, client: str) -> None:
        super().__init__()
        self._gateway, self._connection, self._client = gateway, connection, client
        self._observer = HttpObserver(gateway.events, client, connection.client_port, connection.server)
        self._handed = 0  # bytes from the host that the connection has
        self._connected = False
        self._owing = True  # the host owes something: the connection, or an answer
        self._since = gateway.clock()
        self.over = True  # until the device's handshake is complete
        self._failure = ""
        self._ended_by = "server"

    # What the connection tells

    def opened(self, now: int) -> None:
        target = self._gateway.target
        self.socket = socket.socket(family(target.host))
        self.socket.setblocking(False)
        self.over, self._since = False, self._gateway.clock()
        try:
            with contextlib.suppress(BlockingIOError):
                self.socket.connect((target.host, target.port))
        except OSError as error:
            self._failure = error.strerror or str(error)
        self._gateway.add(self, now)

    def received(self, data: bytes, now: int) -> None:
        self._observer.asked(data)
        self.pending += data
        self._owing, self._since = True, self._gateway.clock()
        self._connection.withhold(len(self.pending))
        if len(self.pending) > 2 * _HOLD:  # a peer that does not mind the window
            self._fail("more was sent than the window allows", now)

    def drained(self, now: int) -> None:
        self._observer.delivered(self._connection.delivered, now)

    def ended(self, _now: int) -> None:
        self.device_ended = True
        if not self.host_ended:
            self._ended_by = "device"

    def idle(self, _now: int) -> None:
        self._connection.close()

    def closed(self, reason: str, now: int) -> None:
        self._observer.delivered(self._connection.delivered, now)
        self._observer.closed(now, reason or f"closed by the {self._ended_by}")
        self.drop()

    # The gateway's side

    @property
    def interest(self) -> int:
        """What to wait for at the socket."""
        if self.over or self._failure:
            return 0
        if not self._connected:
            return select.POLLOUT
        reads = 0 if self.host_ended or not self._connection.space else select.POLLIN
        return reads | (select.POLLOUT if self.pending else 0)

    @property
    def waits(self) -> float:
        """Seconds of wall time to wait for the host: it owes something, or the device has all that it has sent."""
        if self.over or self._failure or self.host_ended:
            return 0.0
        if self._owing:
            return self._gateway.thinking
        quiet = self._gateway.clock() - self._since < self._gateway.patience
        return _QUIET if quiet and self._connection.delivered >= self._handed else 0.0

    def pump(self, now: int) -> bool:
        """Move what can be moved without waiting; whether anything moved."""
        if self.over:
            return False
        try:
            moved = self._finish_connecting(now) | self._to_host() | self._to_device()
        except OSError as error:
            self._failure = self._failure or error.strerror or str(error)
            moved = True
        if self._failure:
            self._fail(self._failure, now)
        elif moved:
            self._since = self._gateway.clock()
        elif self._owing and self._gateway.clock() - self._since > self._gateway.patience:
            names = self._client, self._connection.client_port, str(self._gateway.target)
            self._gateway.events.publish(HostSilent(now, *names, self._gateway.patience, self._connection.server))
            self._connection.abort(now)
            self.drop()
        return moved

    def _finish_connecting(self, now: int) -> bool:
        if self._connected or self._failure:
            return False
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        if not poll.poll(0):
            return False
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self._connected = True
        self._owing = bool(self.pending)
        names = self._client, self._connection.client_port, str(self._gateway.target)
        self._gateway.events.publish(HostConnected(now, *names))
        return True

    def _to_host(self) -> bool:
        if not self._connected:
            return False
        count = self.write()
        self._connection.withhold(len(self.pending))
        return count > 0

    def _to_device(self) -> bool:
        data = self.read(self._connection.space) if self._connected else None
        if data is None:
            return False
        self._owing = False
        if data:
            self._observer.answered(data)
            self._handed += len(data)
            self._connection.send(data)
        else:
            self._connection.close()
        return True

    def _fail(self, reason: str, now: int) -> None:
        names = self._client, self._connection.client_port, str(self._gateway.target)
        self._gateway.events.publish(HostUnreachable(now, *names, reason, self._connection.server))
        self._connection.abort(now)
        self.drop()


class DatagramGateway(OfTheHost):
    """Datagrams to `port` of `address`, one of the network's, that go to `target`, and its answers. A poll waits for an
    answer as long as one is awaited, for `patience` seconds of wall time at most: UDP owes none."""

    def __init__(
        self,
        target: HostServer,
        network: Network,
        port: int,
        address: bytes,
        *,
        patience: float = _UDP_PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target, self._network, self._port, self._address = target, network, port, address
        self._patience, self._clock = patience, clock
        self._asked: list[tuple[Client, bytes]] = []
        self._sockets: dict[Client, socket.socket] = {}
        self._until = 0.0  # of wall time an answer is waited for
        self._next: int | None = None

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do: from the first datagram on."""
        return self._next

    def receive(self, data: bytes, client: bytes, port: int, _now: int) -> None:
        """A datagram of the device's, which is sent with the next poll; answers come with later ones."""
        self._asked.append(((client, port), data))
        self._next = 0

    def poll(self, now: int) -> None:
        """Send what was asked, and take what has come."""
        for client, data in self._asked:
            self._to_host(client, data, now)
        self._asked.clear()
        wait = min(max(0.0, self._until - self._clock()), THINKING)
        poll = select.poll()
        for one in self._sockets.values():
            poll.register(one, select.POLLIN)
        ready = {number for number, _ in poll.poll(wait * 1000)}
        for client, one in self._sockets.items():
            if one.fileno() in ready:
                self._to_device(client, one, now)
        self._next = now + CADENCE

    def close(self) -> None:
        """Give up all that is awaited."""
        for one in self._sockets.values():
            one.close()
        self._sockets.clear()
        self._next = None

    def _to_host(self, client: Client, data: bytes, now: int) -> None:
        try:
            self._socket(client).send(data)
        except OSError as error:
            self._fail(client, error, now)
        else:
            self._until = self._clock() + self._patience

    def _to_device(self, client: Client, one: socket.socket, now: int) -> None:
        try:
            while True:
                data = one.recv(udp.LONGEST + 1)
                self._until = 0.0
                if len(data) <= udp.LONGEST:
                    self._network.send_datagram(self._port, *client, data, now, self._address)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(client, error, now)

    def _socket(self, client: Client) -> socket.socket:
        """The client's own, made where there is none."""
        if client not in self._sockets:
            made = socket.socket(family(self.target.host), socket.SOCK_DGRAM)
            made.setblocking(False)
            if len(self._sockets) >= _PEERS:
                self._sockets.pop(next(iter(self._sockets))).close()
            self._sockets[client] = made
            made.connect((self.target.host, self.target.port))
        return self._sockets[client]

    def _fail(self, client: Client, error: OSError, now: int) -> None:
        self._until = 0.0
        names = ip_text(client[0]), client[1], str(self.target)
        asked = f"{ip_text(self._address)}:{self._port}"
        self._network.events.publish(HostUnreachable(now, *names, error.strerror or str(error), asked, "udp"))
