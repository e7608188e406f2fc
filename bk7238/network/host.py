"""A host on somebody else's network: what a telephone or a laptop is to the device's own access point.

Ethernet II frames in and out, time passed in. It gets an address by DHCP (or has one), answers ARP and pings, and
fetches pages over HTTP, one after the other. Everything else is dropped and counted.
"""

from __future__ import annotations

import random
import struct
from collections import Counter, deque

from bk7238.network import arp, dhcp, icmp, ipv4, udp
from bk7238.network.addresses import BROADCAST_IP, BROADCAST_MAC, NO_IP, ip_text, mac_text
from bk7238.network.dhcp_client import DhcpClient
from bk7238.network.events import Events, HttpFetched, HttpFetchFailed, LeaseTaken
from bk7238.network.fetch import Fetch, Target
from bk7238.network.tcp_client import TcpClient
from bk7238.network.tcp_segment import build, parse

_ETHERNET = struct.Struct("!6s6sH")
_ARP, _IPV4 = 0x0806, 0x0800
_ASK_AGAIN = 500_000  # microseconds between two ARP questions
_ASKING = 10
_FIRST_PORT = 49_152


class Host:
    """A host with the address `mac`. `address` is its static IPv4 address; without one it asks for a lease."""

    def __init__(self, mac: bytes, rng: random.Random, events: Events, *, address: bytes = b"") -> None:
        self.mac, self.events = mac, events
        self.counters: Counter[str] = Counter()
        self.fetched: list[Fetch] = []  # those that are over
        self._static = address
        self._rng = rng
        self._dhcp = DhcpClient(mac, rng)
        self._neighbours = arp.Neighbours()
        self._wanted: deque[Fetch] = deque()
        self._fetch: Fetch | None = None
        self._tcp: TcpClient | None = None
        self._ask_at: int | None = None  # when the ARP question for the server is asked (again)
        self._asked = 0
        self._ports = 0
        self._online = False
        self._now = 0
        self._output: list[bytes] = []

    # What a user wants

    def fetch(self, url: str) -> None:
        """Fetch a page as soon as there is an address. Raises ValueError for what is no URL with a numeric host."""
        self._wanted.append(Fetch(Target(url)))

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
        if self._fetch is not None and not self._fetch.done:
            self._finish("the connection to the access point was lost", now)

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        if self.address and self._fetch is None and self._wanted:
            return self._now
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
        elif packet.protocol == ipv4.TCP and self._tcp is not None and self._fetch is not None:
            segment = parse(packet.payload, packet.source, packet.destination)
            ports = segment.destination_port, segment.source_port
            if packet.source == self._fetch.target.address and ports == (self._tcp.port, self._tcp.server_port):
                self._tcp.receive(segment, now)
        else:
            self.counters["protocol"] += 1

    # Fetching

    def _work(self, now: int) -> None:
        """Go on with what is wanted, as far as it goes."""
        self._now = now
        while self.address and self._step(now):
            pass

    def _step(self, now: int) -> bool:
        """One step; true where there may be another."""
        if self._fetch is None and self._wanted:
            self._fetch, self._asked, self._ask_at = self._wanted.popleft(), 0, now
        if self._fetch is None:
            return False
        if self._tcp is None:
            return self._connect(self._fetch, now)
        return self._transfer(self._fetch, self._tcp, now)

    def _connect(self, fetch: Fetch, now: int) -> bool:
        if self._neighbours.find(fetch.target.address) is None:
            if self._ask_at is None or self._ask_at > now:
                return False
            if self._asked >= _ASKING:
                self._finish("nobody has the server's address", now)
                return True
            self._asked, self._ask_at = self._asked + 1, now + _ASK_AGAIN
            question = arp.Arp(arp.REQUEST, self.mac, self.address, bytes(6), fetch.target.address)
            self._frame(BROADCAST_MAC, _ARP, question.pack())
            return False
        self._ask_at = None
        port = _FIRST_PORT + self._ports % (0x10000 - _FIRST_PORT)
        self._ports += 1
        self._tcp = TcpClient(port, fetch.target.port, self._rng.getrandbits(32), now)
        self._tcp.send(fetch.request())
        return True

    def _transfer(self, fetch: Fetch, tcp: TcpClient, now: int) -> bool:
        """Hand what has arrived to the request, and the request's answer to the user."""
        if tcp.received:
            fetch.receive(bytes(tcp.received))
            tcp.received.clear()
        if tcp.ended and not fetch.done:
            fetch.receive(b"")
        if tcp.failure and not fetch.done:
            fetch.failure = f"the connection: {tcp.failure}"
        if fetch.done:
            tcp.close(now)
        for segment in tcp.take():
            self._send(fetch.target.address, ipv4.TCP, build(segment, self.address, fetch.target.address))
        if fetch.done:
            self._finish(fetch.failure, now)
        return fetch.done

    def _finish(self, failure: str, now: int) -> None:
        fetch, self._fetch, self._tcp, self._ask_at = self._fetch, None, None, None
        assert fetch is not None
        fetch.failure = failure
        self.fetched.append(fetch)
        further = None
        if not failure:
            try:
                further = fetch.redirection()
            except ValueError as error:
                failure = str(error)
            if further is not None:
                self._wanted.appendleft(further)
        if failure:
            self.events.publish(HttpFetchFailed(now, fetch.target.url, failure))
        else:
            onwards = "" if further is None else further.target.url
            self.events.publish(HttpFetched(now, fetch.target.url, fetch.status, len(fetch.body), onwards))

    # Sending

    def _send(self, ip: bytes, protocol: int, payload: bytes) -> None:
        self._packet(self._neighbours.find(ip) or BROADCAST_MAC, self.address, ip, protocol, payload)

    def _packet(self, mac: bytes, source: bytes, destination: bytes, protocol: int, payload: bytes) -> None:
        packet = ipv4.build(source, destination, protocol, payload, self._rng.getrandbits(16))
        self._frame(mac, _IPV4, packet)

    def _frame(self, destination: bytes, kind: int, payload: bytes) -> None:
        self._output.append(_ETHERNET.pack(destination, self.mac, kind) + payload)
