"""The gateway's TCP: finds the connection that a segment belongs to, opens new ones and refuses the rest."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bk7238.network.addresses import ip_text
from bk7238.network.events import ConnectionBroken, ConnectionClosed, ConnectionOpened, Events, Refused
from bk7238.network.tcp_connection import Application, Connection
from bk7238.network.tcp_segment import ACK, FIN, RST, SYN, Segment, build, parse
from bk7238.peripherals.core import Actor, State

CONNECTIONS = 64

Key = tuple[bytes, int, int]  # the client's address and port, our port


class Service(Protocol):
    """What listens on a port."""

    def accept(self, connection: Connection, client: bytes) -> Application:
        """The application of a new connection; the handshake is still under way."""


@dataclass
class _Published:
    """An application, and the events of its connection around it."""

    application: Application
    connection: Connection
    client: bytes
    events: Events

    def opened(self, now: int) -> None:
        self.events.publish(ConnectionOpened(now, *self._names()))
        self.application.opened(now)

    def received(self, data: bytes, now: int) -> None:
        self.application.received(data, now)

    def drained(self, now: int) -> None:
        self.application.drained(now)

    def ended(self, now: int) -> None:
        self.application.ended(now)

    def idle(self, now: int) -> None:
        self.application.idle(now)

    def closed(self, reason: str, now: int) -> None:
        self.application.closed(reason, now)
        if not self.connection.established:
            return
        if reason:
            self.events.publish(ConnectionBroken(now, *self._names(), reason, self.connection.server))
        else:
            self.events.publish(ConnectionClosed(now, *self._names()))

    def _names(self) -> tuple[str, int, int]:
        return ip_text(self.client), self.connection.client_port, self.connection.port


class TcpServer(Actor):
    """All connections of the address `address`. Initial sequence numbers come from `rng`."""

    connections: dict[Key, Connection] = State(factory=dict)
    address: bytes = State()

    def __init__(self, address: bytes, rng: random.Random, events: Events) -> None:
        self._services: dict[int, Service] = {}
        self.address = address
        self._rng = rng
        self._events = events

    def listen(self, port: int, service: Service) -> None:
        """Serve connections to a port, in place of whoever did."""
        self._services[port] = service

    def close(self, port: int) -> None:
        """Refuse new connections to a port from now on."""
        self._services.pop(port, None)

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        if not self.connections:
            return None
        times = [time for connection in self.connections.values() if (time := connection.deadline) is not None]
        return min(times, default=None)

    def receive(self, data: bytes, client: bytes, now: int) -> list[bytes]:
        """A segment from `client`; returns the segments for it. Raises ValueError where it is damaged."""
        segment = parse(data, client, self.address)
        key = (client, segment.source_port, segment.destination_port)
        connection = self.connections.get(key)
        opening = segment.flags & (SYN | ACK | RST | FIN) == SYN
        if connection is not None and not (opening and connection.follows(segment)):
            connection.receive(segment, now)
        elif opening and segment.destination_port in self._services and self._make_room():
            connection = self._open(key, segment, now)
        else:
            return self._refuse(segment, client, now)
        return self._collect(key, connection)

    def poll(self, now: int) -> Iterator[tuple[bytes, bytes]]:
        """What timers send at `now`: clients' addresses and segments."""
        for key, connection in list(self.connections.items()):
            deadline = connection.deadline
            if deadline is not None and deadline <= now:
                connection.poll(now)
                for segment in self._collect(key, connection):
                    yield key[0], segment

    def push(self, now: int) -> Iterator[tuple[bytes, bytes]]:
        """What applications have sent, closed or aborted by themselves, as for `poll`."""
        for key, connection in list(self.connections.items()):
            connection.push(now)
            for segment in self._collect(key, connection):
                yield key[0], segment

    def _open(self, key: Key, syn: Segment, now: int) -> Connection:
        client, _, port = key
        connection = Connection(syn, self._rng.getrandbits(32), now, ip_text(self.address))
        application = self._services[port].accept(connection, client)
        connection.attach(_Published(application, connection, client, self._events))
        self.connections.pop(key, None)
        self.connections[key] = connection
        return connection

    def _make_room(self) -> bool:
        """With the table full, the oldest connection goes that has ended or has not begun."""
        if len(self.connections) < CONNECTIONS:
            return True
        for key, connection in self.connections.items():
            if connection.in_time_wait or not connection.established:
                del self.connections[key]
                return True
        return False

    def _collect(self, key: Key, connection: Connection) -> list[bytes]:
        if connection.dead and self.connections.get(key) is connection:
            del self.connections[key]
        return [build(segment, self.address, key[0]) for segment in connection.take()]

    def _refuse(self, segment: Segment, client: bytes, now: int) -> list[bytes]:
        """RST for what belongs to no connection (RFC 9293, section 3.10.7.1), but never for an RST."""
        if segment.flags & RST:
            return []
        if segment.flags & SYN:
            names = ip_text(client), ip_text(self.address)
            self._events.publish(Refused(now, *names, "tcp", segment.destination_port, "reset", segment.source_port))
        ports = segment.destination_port, segment.source_port
        if segment.flags & ACK:
            reset = Segment(*ports, segment.acknowledgment, 0, RST, 0)
        else:
            reset = Segment(*ports, 0, segment.sequence + segment.length & 0xFFFF_FFFF, RST | ACK, 0)
        return [build(reset, self.address, client)]
