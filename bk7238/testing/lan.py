"""What the device finds on its network: servers that a test lets listen there, and what is said to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bk7238.network.addresses import ip_text

if TYPE_CHECKING:
    from bk7238.network.network import Network
    from bk7238.network.tcp_connection import Connection
    from bk7238.testing.kit import Dut
    from bk7238.testing.mqtt import Broker

Service = Callable[["Peer", bytes], "bytes | None"]
"""Is told who has sent what, and gives the answer; None where there is none. Of a connection it is told the next bytes,
however they came in segments, of UDP a datagram."""


class Peer:
    """Whom a server talks to: a connection that the device has opened, or a UDP port of the device.

    `address` and `port` are the device's, `received` is all that has come from there, `is_open` says whether more may.
    """

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.received = bytearray()
        self.is_open = True
        self.read = 0  # bytes that `Listener.expect` has passed

    def __repr__(self) -> str:
        state = "" if self.is_open else ", closed"
        return f"<{self.address}:{self.port}{state}, {len(self.received)} bytes received>"

    def send(self, data: bytes) -> None:
        """Send bytes of the connection, or a datagram."""
        raise NotImplementedError


class TcpPeer(Peer):
    """A TCP connection, as its server has it."""

    def __init__(self, listener: Listener, connection: Connection, client: bytes) -> None:
        super().__init__(ip_text(client), connection.client_port)
        self._listener, self._connection = listener, connection

    def send(self, data: bytes) -> None:
        """Queue bytes: they go out as the device takes them."""
        self._connection.send(data)
        self._listener.push()

    def close(self) -> None:
        """Send what is queued, and end the connection in order."""
        self._connection.close()
        self._listener.push()

    def abort(self) -> None:
        """Reset the connection."""
        self._connection.abort(self._listener.now)
        self._listener.push()


class _Session:
    """Follows one connection for its listener."""

    def __init__(self, listener: Listener, stream: TcpPeer, connection: Connection) -> None:
        self._listener, self._stream, self._connection = listener, stream, connection

    def opened(self, _now: int) -> None:
        self._listener.peers.append(self._stream)

    def received(self, data: bytes, _now: int) -> None:
        answer = self._listener.heard(self._stream, data)
        if answer:
            self._connection.send(answer)

    def drained(self, _now: int) -> None:
        """TCP sends what is queued by itself."""

    def ended(self, _now: int) -> None:
        self._stream.is_open = False
        self._connection.close()

    def idle(self, _now: int) -> None:
        """A connection may be idle for as long as it likes."""

    def closed(self, _reason: str, _now: int) -> None:
        self._stream.is_open = False


class UdpPeer(Peer):
    """A UDP port of the device, as a server has it."""

    def __init__(self, listener: Listener, address: bytes, port: int) -> None:
        super().__init__(ip_text(address), port)
        self._listener, self._address = listener, address

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        self._listener.datagram(self._address, self.port, data)


class Listener:
    """What listens on a port of the device's network. `peers` are those who have come, in their order."""

    def __init__(self, dut: Dut, port: int, service: Service | None) -> None:
        self._dut, self.port, self._service = dut, port, service
        self.peers: list[Peer] = []

    def __repr__(self) -> str:
        return f"<listener on port {self.port}: {', '.join(map(repr, self.peers)) or 'nobody has come'}>"

    @property
    def received(self) -> bytes:
        """All that has come, from one peer after the other."""
        return b"".join(bytes(peer.received) for peer in self.peers)

    def expect(self, pattern: bytes, within: str | float = "20 s") -> re.Match[bytes]:
        """Run until what a peer has sent matches a regular expression, and give the match; the next call looks at what
        this peer sends behind it. Raises NotSeen."""
        wanted = re.compile(pattern, re.DOTALL)
        found: list[re.Match[bytes]] = []

        def matches() -> bool:
            for peer in self.peers:
                match = wanted.search(bytes(peer.received), peer.read)
                if match is not None:
                    peer.read = match.end()
                    found.append(match)
                    break
            return bool(found)

        self._dut.wait(matches, within, lambda: f"{pattern!r} did not come to {self!r}, which has {self.received!r}")
        return found[0]

    # The network's side

    @property
    def _network(self) -> Network:
        return self._dut.bench.network

    @property
    def now(self) -> int:
        """Virtual microseconds."""
        return self._dut.machine.now

    def push(self) -> None:
        """Something was done to a connection between two segments."""
        self._network.push_soon(self.now)

    def datagram(self, address: bytes, port: int, data: bytes) -> None:
        """Send a datagram to a port of the device."""
        self._network.send_datagram(self.port, address, port, data, self.now)

    def heard(self, peer: Peer, data: bytes) -> bytes | None:
        """Bytes have come from a peer: the answer."""
        peer.received += data
        return self._service(peer, data) if self._service is not None else None

    def accept(self, connection: Connection, client: bytes) -> _Session:
        """Follow a connection that the device opens."""
        return _Session(self, TcpPeer(self, connection, client), connection)

    def receive(self, data: bytes, client: bytes, port: int, _now: int) -> bytes | None:
        """A datagram has come: the one that answers it."""
        for peer in self.peers:
            if (peer.address, peer.port) == (ip_text(client), port):
                return self.heard(peer, data)
        peer = UdpPeer(self, client, port)
        self.peers.append(peer)
        return self.heard(peer, data)


class Lan:
    """The device's network."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        return f"<network of {self._dut!r}>"

    @property
    def model(self) -> Network:
        """The network itself."""
        return self._dut.bench.network

    @property
    def address(self) -> str:
        """Whose ports `listen` gives: the gateway's IPv4 address."""
        return self.model.gateway_ip

    def listen(
        self, port: int, service: Service | None = None, *, udp: bool = False, name: str | None = None
    ) -> Listener:
        """Let a server listen on a TCP port, or with `udp` on a UDP port, in the place of whoever did; without a
        `service` it answers nothing by itself. With a `name` it is found under that name, in `.local` by multicast DNS,
        and from then on the name server knows such names alone. Raises ValueError for a port that there is not, or that
        the network needs."""
        listener = Listener(self._dut, port, service)
        if udp:
            self.model.listen_udp(port, listener)
        else:
            self.model.listen(port, listener)
        if name is not None:
            names = self.model.dns
            names.names = {**(names.names or {}), name.lower(): self.model.address}
        return listener

    def broker(self, port: int = 1883, name: str | None = None) -> Broker:
        """Let a stand-in for an MQTT broker listen on a port, as `listen` does."""
        from bk7238.testing.mqtt import Broker

        return Broker(self._dut, port, name)
