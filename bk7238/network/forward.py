"""Ports of the user's machine that lead to the device: what comes there comes from a host on the device's network.

With the gateway the only module with sockets. Each forward listens on an address of the host, 127.0.0.1 unless another
one is named, from the moment that it is made. A connection waits there until the device has an address; then it becomes
one of this host's to the device, with back-pressure both ways, and a datagram becomes one from a port of its own, which
is where answers are taken. The sockets are polled every millisecond of virtual time, and from the device's address on
virtual time does not run ahead of wall time. A run with a forward depends on the host and is not deterministic.
"""

from __future__ import annotations

import random
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence

from bk7238.network import arp, ipv4, udp
from bk7238.network.addresses import BROADCAST_MAC, ip_bytes, ip_text, mac_bytes, mac_text
from bk7238.network.events import (
    Event,
    Events,
    ForwardedConnection,
    ForwardFailed,
    LeaseGranted,
    LeaseTaken,
)
from bk7238.network.host import Host
from bk7238.network.host_server import Forward, HostServer
from bk7238.network.host_socket import HostSocket, family
from bk7238.network.pace import CADENCE, OfTheHost, Pace
from bk7238.network.tcp_client import TcpClient
from bk7238.network.tcp_segment import build, parse

MAC, HOST = mac_bytes("02:aa:bb:cc:dd:03"), b"\x03"  # on the simulated network: its address ends so
CONNECTIONS = 64
_PEERS = 256  # of a UDP port, who are told apart
_HOLD = 16_384  # bytes kept for a client that does not read: the device's window
_BURST = 64
_FIRST_PORT, _PORTS = 49_152, 16_384  # the dynamic ones of RFC 6335
_ASK_AGAIN = 500_000  # microseconds between two ARP questions
_PATIENCE = 5_000_000  # for the answer to them
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is closed is reset


class Forwarder(OfTheHost, Host):
    """A host whose connections are those of others. Raises ValueError for a port that cannot be had."""

    def __init__(
        self,
        mac: bytes,
        rng: random.Random,
        events: Events,
        *,
        forwards: Sequence[Forward],
        address: bytes = b"",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(mac, rng, events, address=address)
        self.device = b""  # its address, once it has one
        self._pace = Pace(clock, sleep)
        self._look_at: int | None = None
        self._question_at = 0
        self._next_port = 0
        self._connections: dict[int, _Connection] = {}  # by our port
        self._listening: dict[int, _Port] = {}
        for forward in forwards:
            _Port(forward, self._listening)
        events.on_event.connect(self._heard)

    @property
    def addresses(self) -> list[HostServer]:
        """Where they listen, in the order of the forwards."""
        return [port.address for port in self._listening.values()]

    def close(self) -> None:
        """Give up all ports and connections of the host."""
        for connection in self._connections.values():
            connection.drop()
        for port in self._listening.values():
            port.socket.close()
        self._connections.clear()
        self._listening.clear()
        self._look_at = None

    def _heard(self, event: Event) -> None:
        """The device has an address: one that the network leased it, or that of its own network's server."""
        if isinstance(event, LeaseGranted) or (isinstance(event, LeaseTaken) and event.mac == mac_text(self.mac)):
            self.device = ip_bytes(event.ip if isinstance(event, LeaseGranted) else event.server)
            if self._look_at is None:
                self._pace.begin()
                self._look_at = event.time

    # The network's side

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        times = [super().deadline, self._look_at, *(one.deadline for one in self._connections.values())]
        return min((time for time in times if time is not None), default=None)

    def poll(self, now: int) -> list[bytes]:
        """Take what has come from the host, once wall time has caught up, and do what is due."""
        if self._look_at is not None and self._look_at <= now:
            self._look_at = now + CADENCE
            self._look(now)
        return super().poll(now)

    def link_down(self, now: int) -> None:
        """The network is lost, and the connections with it."""
        super().link_down(now)
        self._look_at = None
        for connection in self._connections.values():
            connection.fail("the connection to the access point was lost", now)

    def _look(self, now: int) -> None:
        self._pace.wait(now)
        poll = select.poll()
        for port in self._listening.values():
            poll.register(port.socket, select.POLLIN)
        ready = {number for number, _ in poll.poll(0)}
        for port in self._listening.values():
            if port.socket.fileno() in ready:
                self._take_from(port, now)

    def _take_from(self, port: _Port, now: int) -> None:
        for _ in range(_BURST):
            try:
                if port.forward.protocol == "udp":
                    data, client = port.socket.recvfrom(udp.LONGEST + 1)
                    self._datagram(port, data, client)
                elif len(self._connections) < CONNECTIONS:
                    made, client = port.socket.accept()
                    number = self._number()
                    names = str(HostServer(client[0], client[1])), f"{ip_text(self.device)}:{port.forward.to}"
                    self._connections[number] = _Connection(self.events, made, names, now)
                    self._connections[number].aim = number, port.forward.to
                else:
                    return
            except OSError:  # nothing more, or a client that has gone again
                return

    def _number(self) -> int:
        """A port of this host's that is not in use."""
        taken = {number for port in self._listening.values() for number in port.clients}
        while True:
            number = _FIRST_PORT + self._next_port % _PORTS
            self._next_port += 1
            if number not in self._connections and number not in taken:
                return number

    def _work(self, now: int) -> None:
        super()._work(now)
        if not self.address:
            return
        reached = bool(self.device) and self._neighbours.find(self.device) is not None
        if self._connections and not reached and self._question_at <= now:
            self._question_at = now + _ASK_AGAIN
            self._ask()
        for connection in list(self._connections.values()):
            if connection.tcp is None and reached:
                connection.open(self._rng.getrandbits(32), now)
            elif connection.tcp is None and now - connection.since > _PATIENCE:
                connection.fail("nobody has the device's address", now)
            connection.pump(now)
            for segment in connection.tcp.take() if connection.tcp is not None else ():
                self._send(self.device, ipv4.TCP, build(segment, self.address, self.device))
        self._connections = {number: one for number, one in self._connections.items() if not one.over}

    def _ask(self) -> None:
        question = arp.Arp(arp.REQUEST, self.mac, self.address, bytes(6), self.device)
        self._frame(BROADCAST_MAC, 0x0806, question.pack())

    def _receive_ipv4(self, packet: ipv4.Packet, now: int) -> None:
        ours = bool(self.address) and (packet.source, packet.destination) == (self.device, self.address)
        if ours and packet.protocol == ipv4.TCP:
            segment = parse(packet.payload, packet.source, packet.destination)
            connection = self._connections.get(segment.destination_port)
            if connection is None or connection.tcp is None or connection.aim[1] != segment.source_port:
                self.counters["port"] += 1
            else:
                connection.tcp.receive(segment, now)
        elif ours and packet.protocol == ipv4.UDP:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
            if not any(port.answer(datagram) for port in self._listening.values()):
                self.counters["port"] += 1
        else:
            super()._receive_ipv4(packet, now)

    def _datagram(self, port: _Port, data: bytes, client: tuple[str, int]) -> None:
        if len(data) > udp.LONGEST or not self.address:
            self.counters["datagram"] += 1
            return
        number = port.number(client) or self._number()
        port.remember(number, client)
        if self._neighbours.find(self.device) is None:
            self._ask()  # a datagram may be lost
        self._send(self.device, ipv4.UDP, udp.build(self.address, number, self.device, port.forward.to, data))


class _Port:
    """A port of the host that listens. `clients` are those of UDP, by the port that this host gave each."""

    def __init__(self, forward: Forward, ports: dict[int, _Port]) -> None:
        self.forward = forward
        self.clients: dict[int, tuple[str, int]] = {}
        kind = socket.SOCK_DGRAM if forward.protocol == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(family(forward.host), kind)
        try:
            if kind == socket.SOCK_STREAM:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((forward.host, forward.port))
            if kind == socket.SOCK_STREAM:
                self.socket.listen(CONNECTIONS)
        except OSError as error:
            self.socket.close()
            reason = error.strerror or str(error)
            for port in ports.values():
                port.socket.close()
            raise ValueError(f"--forward {forward}: {reason}; name another port, or 0 for any that is free") from None
        self.socket.setblocking(False)
        ports[self.socket.fileno()] = self

    @property
    def address(self) -> HostServer:
        """Where it listens."""
        host, port = self.socket.getsockname()[:2]
        return HostServer(host, port)

    def number(self, client: tuple[str, int]) -> int | None:
        """The port that a client of UDP was given."""
        return next((number for number, known in self.clients.items() if known == client), None)

    def remember(self, number: int, client: tuple[str, int]) -> None:
        """Keep the last clients."""
        self.clients.pop(number, None)
        self.clients[number] = client
        if len(self.clients) > _PEERS:
            del self.clients[next(iter(self.clients))]

    def answer(self, datagram: udp.Datagram) -> bool:
        """Hand a datagram of the device's to the client that it is for. Whether it is for one of this port's."""
        client = self.clients.get(datagram.destination_port)
        if client is None or datagram.source_port != self.forward.to:
            return False
        try:
            self.socket.sendto(datagram.payload, client)
        except OSError:  # UDP may lose it
            return True
        return True


class _Connection(HostSocket):
    """One connection of a client's, and its counterpart to the device."""

    def __init__(self, events: Events, made: socket.socket, names: tuple[str, str], now: int) -> None:
        super().__init__()
        self.socket, self._events, self._names, self.since = made, events, names, now
        self.socket.setblocking(False)
        self.tcp: TcpClient | None = None
        self.aim = 0, 0  # our port, the device's
        self._told = False

    @property
    def deadline(self) -> int | None:
        """When the device's side has something to do."""
        return None if self.tcp is None else self.tcp.deadline

    def open(self, first: int, now: int) -> None:
        """Open the connection to the device."""
        self.tcp = TcpClient(*self.aim, first, now)

    def pump(self, now: int) -> None:
        """Move what can be moved without waiting."""
        if self.tcp is None or self.over:
            return
        tcp = self.tcp
        tcp.poll(now)
        if tcp.established and not self._told:
            self._told = True
            self._events.publish(ForwardedConnection(now, *self._names))
        if tcp.received:
            self.pending += tcp.received
            tcp.received.clear()
        self.device_ended = tcp.ended
        try:
            self.write()
            while tcp.established and (data := self.read(tcp.space)) is not None:
                if not data:
                    tcp.close(now)
                    break
                tcp.send(data, now)
        except OSError as error:
            self.fail(f"the client: {error.strerror or error}", now)
            return
        tcp.withhold(len(self.pending), now)
        if tcp.failure and not tcp.finished:
            self.fail(tcp.failure, now)
        elif len(self.pending) > 2 * _HOLD:  # a device that does not mind the window
            self.fail("more was sent than the window allows", now)
        elif tcp.finished and not self.pending:
            self.drop()

    def fail(self, reason: str, now: int) -> None:
        """Break off both sides."""
        if self.over:
            return
        self._events.publish(ForwardFailed(now, *self._names, reason))
        if self.tcp is not None and not self.tcp.failure:
            self.tcp.abort()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.drop()
