"""A host on somebody else's network: what a telephone or a laptop is to the device's own access point.

Ethernet II frames in and out, time passed in. It gets an address by DHCP (or has one), answers ARP and pings, and opens
connections, one after the other: it fetches pages, and pushes packages. Everything else is dropped and counted.
"""

from __future__ import annotations

import random
import struct
from collections import Counter, deque

from bk7238.network import arp, dhcp, icmp, ipv4, udp
from bk7238.network.addresses import BROADCAST_IP, BROADCAST_MAC, NO_IP, ip_text, mac_text
from bk7238.network.dhcp_client import DhcpClient
from bk7238.network.events import Events, LeaseTaken, PushBegan, PushDelivered, PushProgress
from bk7238.network.exchange import Exchange
from bk7238.network.fetch import Fetch, Url
from bk7238.network.tcp_client import TcpClient
from bk7238.network.tcp_segment import build, parse
from bk7238.peripherals.core import Actor, State

_ETHERNET = struct.Struct("!6s6sH")
_ARP, _IPV4 = 0x0806, 0x0800
_ASK_AGAIN = 500_000  # microseconds between two ARP questions
_ASKING = 10
_FIRST_PORT = 49_152
_PROGRESS = 4096  # bytes between two reports


class Host(Actor):
    """A host with the address `mac`. `address` is its static IPv4 address; without one it asks for a lease."""

    counters: Counter[str] = State(factory=Counter)
    fetched: list[Fetch] = State(factory=list)  # those that are over
    _wanted: deque[tuple[int, Exchange]] = State(factory=deque)  # and from when on
    _exchange: Exchange | None = State()
    _tcp: TcpClient | None = State()
    _ask_at: int | None = State()  # when the ARP question for the server is asked (again)
    _asked: int = State(0)
    _ports: int = State(0)
    _online: bool = State(False)
    _now: int = State(0)
    _output: list[bytes] = State(factory=list)

    def __init__(self, mac: bytes, rng: random.Random, events: Events, *, address: bytes = b"") -> None:
        self.mac, self.events = mac, events
        self._static = address
        self._rng = rng
        self._dhcp = DhcpClient(mac, rng)
        self._neighbours = arp.Neighbours()

    # What a user wants

    def fetch(self, url: str) -> None:
        """Fetch a page as soon as there is an address. Raises ValueError for what is no URL with a numeric host."""
        self.begin(Fetch(Url(url)))

    def begin(self, exchange: Exchange, at: int = 0, *, instead: bool = False) -> None:
        """Open a connection for an exchange at that time or later, when those before it are over, or `instead` of those
        that are wanted and have not begun."""
        if instead:
            self._wanted.clear()
        self._wanted.append((at, exchange))

    def abandon(self, why: str, now: int) -> None:
        """Give up what is under way, and forget what is wanted."""
        self._wanted.clear()
        if self._exchange is not None:
            if self._tcp is not None:
                self._tcp.abort()
                self._transmit(self._exchange, self._tcp)
            self._exchange.failure = why
            self._finish(self._exchange, now)

    @property
    def exchange(self) -> Exchange | None:
        """What is under way."""
        return self._exchange

    @property
    def busy(self) -> bool:
        """Whether something is under way or wanted."""
        return self._exchange is not None or bool(self._wanted)

    @property
    def address(self) -> bytes:
        """Its IPv4 address, empty while it has none."""
        return (self._static or self._dhcp.address) if self._online else b""

    # The link's side

    def link_up(self, now: int) -> None:
        """It has joined a network."""
        self._online = True
        if not self._static:
            self._dhcp.start(now)

    def link_down(self, now: int) -> None:
        """It has lost its network, and what it was doing there."""
        self._online = False
        self._dhcp.deadline = None
        if self._exchange is not None:
            self._exchange.failure = "the connection to the access point was lost"
            self._finish(self._exchange, now)

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        if self.address and self._exchange is None and self._wanted:
            return max(self._now, self._wanted[0][0])
        times = [self._dhcp.deadline, self._ask_at, None if self._tcp is None else self._tcp.deadline]
        return min((time for time in times if time is not None), default=None)

    def poll(self, now: int) -> list[bytes]:
        """The frames that are due at `now`."""
        if self._online:
            message = self._dhcp.poll(now)
            if message is not None:
                payload = udp.build(NO_IP, dhcp.CLIENT_PORT, BROADCAST_IP, dhcp.SERVER_PORT, message)
                self._packet(BROADCAST_MAC, NO_IP, BROADCAST_IP, ipv4.UDP, payload)
            if self._tcp is not None:
                self._tcp.poll(now)
            self._work(now)
        return self._take()

    def receive(self, frame: bytes, now: int) -> list[bytes]:
        """A frame for this host; returns those that answer it."""
        try:
            destination, _, kind = _ETHERNET.unpack_from(frame)
            if not self._online or (destination != self.mac and not destination[0] & 1):
                self.counters["not for this host"] += 1
            elif kind == _ARP:
                self._receive_arp(arp.parse(frame[_ETHERNET.size :]))
            elif kind == _IPV4:
                self._receive_ipv4(ipv4.parse(frame[_ETHERNET.size :]), now)
            else:
                self.counters["ethertype"] += 1
        except (ValueError, struct.error):
            self.counters["damaged"] += 1
        self._work(now)
        return self._take()

    def _take(self) -> list[bytes]:
        output, self._output = self._output, []
        return output

    # What arrives

    def _receive_arp(self, packet: arp.Arp) -> None:
        if packet.sender_ip != NO_IP:
            self._neighbours.learn(packet.sender_ip, packet.sender_mac)
        if packet.operation == arp.REQUEST and self.address and packet.target_ip == self.address:
            reply = arp.Arp(arp.REPLY, self.mac, self.address, packet.sender_mac, packet.sender_ip)
            self._frame(packet.sender_mac, _ARP, reply.pack())

    def _receive_ipv4(self, packet: ipv4.Packet, now: int) -> None:
        if packet.protocol == ipv4.UDP:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
            if datagram.destination_port == dhcp.CLIENT_PORT and not self._static and not self.address:
                self._dhcp.receive(datagram.payload, now)
                if self._dhcp.address:
                    lease = ip_text(self._dhcp.address), ip_text(self._dhcp.server)
                    self.events.publish(LeaseTaken(now, mac_text(self.mac), *lease))
        elif not self.address or packet.destination != self.address:
            self.counters["not for this host"] += 1
        elif packet.protocol == ipv4.ICMP:
            reply = icmp.echo_reply(packet.payload)
            if reply is not None:
                self._send(packet.source, ipv4.ICMP, reply)
        elif packet.protocol == ipv4.TCP and self._tcp is not None and self._exchange is not None:
            segment = parse(packet.payload, packet.source, packet.destination)
            ports = segment.destination_port, segment.source_port
            if packet.source == self._exchange.address and ports == (self._tcp.port, self._tcp.server_port):
                self._tcp.receive(segment, now)
        else:
            self.counters["protocol"] += 1

    # Exchanges

    def _work(self, now: int) -> None:
        """Go on with what is wanted, as far as it goes."""
        self._now = now
        while self.address and self._step(now):
            pass

    def _step(self, now: int) -> bool:
        """One step; true where there may be another."""
        if self._exchange is None and self._wanted and self._wanted[0][0] <= now:
            (_, self._exchange), self._asked, self._ask_at = self._wanted.popleft(), 0, now
        if self._exchange is None:
            return False
        if self._tcp is None:
            return self._connect(self._exchange, now)
        return self._transfer(self._exchange, self._tcp, now)

    def _connect(self, exchange: Exchange, now: int) -> bool:
        if self._neighbours.find(exchange.address) is None:
            if self._ask_at is None or self._ask_at > now:
                return False
            if self._asked >= _ASKING:
                exchange.failure = "nobody has the server's address"
                self._finish(exchange, now)
                return True
            self._asked, self._ask_at = self._asked + 1, now + _ASK_AGAIN
            question = arp.Arp(arp.REQUEST, self.mac, self.address, bytes(6), exchange.address)
            self._frame(BROADCAST_MAC, _ARP, question.pack())
            return False
        self._ask_at = None
        port = _FIRST_PORT + self._ports % (0x10000 - _FIRST_PORT)
        self._ports += 1
        self._tcp = TcpClient(port, exchange.port, self._rng.getrandbits(32), now)
        return True

    def _transfer(self, exchange: Exchange, tcp: TcpClient, now: int) -> bool:
        """Hand what has arrived to the exchange, and what it sends to the connection."""
        if tcp.received:
            exchange.receive(bytes(tcp.received))
            tcp.received.clear()
        self._report(exchange, tcp, now)
        if tcp.ended and not exchange.done:
            exchange.receive(b"")
        if tcp.failure and not exchange.done:
            exchange.failure = f"the connection: {tcp.failure}"
        while not exchange.done and (piece := exchange.outgoing[exchange.sent : exchange.sent + tcp.space]):
            tcp.send(piece, now)
            exchange.sent += len(piece)
        if exchange.done and exchange.sent == len(exchange.outgoing):
            tcp.close(now)
        elif exchange.done:
            tcp.abort()
        self._transmit(exchange, tcp)
        if exchange.done:
            self._finish(exchange, now)
        return exchange.done

    def _transmit(self, exchange: Exchange, tcp: TcpClient) -> None:
        for segment in tcp.take():
            self._send(exchange.address, ipv4.TCP, build(segment, self.address, exchange.address))

    def _report(self, exchange: Exchange, tcp: TcpClient, now: int) -> None:
        """Tell how much of a package has arrived."""
        before, total = exchange.arrived, len(exchange.package)
        if total and tcp.established and not exchange.began:
            exchange.began = True
            self.events.publish(PushBegan(now, exchange.target, total))
        exchange.delivered(tcp.delivered)
        if exchange.arrived // _PROGRESS > before // _PROGRESS or before < exchange.arrived == total:
            self.events.publish(PushProgress(now, exchange.target, exchange.arrived, total))
        if before < exchange.arrived == total:
            self.events.publish(PushDelivered(now, exchange.target, total))

    def _finish(self, exchange: Exchange, now: int) -> None:
        self._exchange = self._tcp = self._ask_at = None
        if isinstance(exchange, Fetch):
            self.fetched.append(exchange)
        if not exchange.failure:
            try:
                further = exchange.redirection()
            except ValueError as error:
                exchange.failure = str(error)
            else:
                if further is not None:
                    self._wanted.appendleft((now, further))
        self.events.publish(exchange.outcome(now))

    # Sending

    def _send(self, ip: bytes, protocol: int, payload: bytes) -> None:
        self._packet(self._neighbours.find(ip) or BROADCAST_MAC, self.address, ip, protocol, payload)

    def _packet(self, mac: bytes, source: bytes, destination: bytes, protocol: int, payload: bytes) -> None:
        packet = ipv4.build(source, destination, protocol, payload, self._rng.getrandbits(16))
        self._frame(mac, _IPV4, packet)

    def _frame(self, destination: bytes, kind: int, payload: bytes) -> None:
        self._output.append(_ETHERNET.pack(destination, self.mac, kind) + payload)
