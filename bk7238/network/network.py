"""The network behind the access point: one gateway that answers for everything and reaches nothing by itself.

Ethernet II frames in and out, without padding or FCS. Time is microseconds of virtual time. Whatever is not the
gateway's is refused as a gateway without an uplink refuses it, and told as an event.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from bk7238.network import arp, dhcp, dns, http_server, icmp, ipv4, mdns, power_on_date, sntp, udp
from bk7238.network.addresses import BROADCAST_IP, BROADCAST_MAC, NO_IP, ip_bytes, ip_text, is_multicast, mac_bytes
from bk7238.network.events import Events, PingAnswered, Pinged, Refused
from bk7238.network.host import Host
from bk7238.network.tcp import Service, TcpServer
from bk7238.peripherals.core import Actor, Signal, State

_PING = 0x4250  # the identifier of our echo requests
_ETHERNET = struct.Struct("!6s6sH")
_ARP, _IPV4 = 0x0806, 0x0800
_HERE = b""  # stands for the gateway's own address, wherever it moves
_FIRST_PLACE = 10  # last byte of the first address with a name of its own; hosts come before it
_PROTOCOLS = {ipv4.ICMP: "icmp", ipv4.TCP: "tcp", ipv4.UDP: "udp"}


class Outside(Protocol):
    """A service whose other side is not simulated, and which has to be asked for what comes from there."""

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do, in virtual microseconds."""

    def poll(self, now: int) -> None:
        """See what has come from outside."""


class Datagrams(Protocol):
    """What listens on a UDP port."""

    def receive(self, data: bytes, client: bytes, port: int, now: int) -> bytes | None:
        """A datagram from a client's address and port: the datagram that answers it, if one does."""


class Network(Actor):
    """A gateway with DHCP, DNS, SNTP, ping, TCP and HTTP on one /24 subnet, which answers multicast DNS, too.

    `files` is what the HTTP server offers on port 80, a path to a body. `names` maps lower-case names to addresses;
    those in `.local` multicast DNS knows, the others DNS; without it every other name is the gateway's. Later changes:
    `network.http.files`, `network.dns.names`. `date` (UTC, ISO 8601) is what SNTP tells at the power-on.
    `counters` counts what was dropped, by cause. `on_change` is told when an application sends by itself.
    """

    counters: Counter[str] = State(factory=Counter)
    address: bytes = State()
    _identification: int = State()
    _output: list[bytes] = State(factory=list)
    _push_at: int | None = State()  # when applications have sent, closed or aborted by themselves

    def __init__(
        self,
        rng: random.Random,
        *,
        address: str = "192.168.77.1",
        mac: str = "02:aa:bb:cc:dd:fe",
        domain: str = "lan",
        files: Mapping[str, bytes] | None = None,
        names: Mapping[str, str] | None = None,
        first_lease: int = 50,
        last_lease: int = 254,
        lease_seconds: int = 86_400,
        date: str = power_on_date.USUAL,
    ) -> None:
        self.address, self.mac = ip_bytes(address), mac_bytes(mac)
        self.events = Events()
        self.on_change = Signal()
        self.dhcp = dhcp.DhcpServer(
            self.address, self.events, first=first_lease, last=last_lease, lease_seconds=lease_seconds, domain=domain
        )
        table = None if names is None else {name.lower(): ip_bytes(ip) for name, ip in names.items()}
        self.dns = dns.DnsServer(self.address, self.events, table)
        self.tcp = TcpServer(self.address, rng, self.events)
        self.http = http_server.HttpServer(self.events, files)
        self.http.on_output.connect(self.push_soon)
        self._servers = {self.address: self.tcp}  # by the addresses that the gateway answers for
        self.tcp.listen(http_server.PORT, self.http)
        self._first_lease = first_lease
        self._neighbours = arp.Neighbours()
        self._rng = rng
        self.renumber()
        self._outside: list[Outside] = []
        self._datagrams: dict[tuple[bytes, int], Datagrams] = {  # by address and port
            (_HERE, dns.PORT): self.dns,
            (_HERE, sntp.PORT): sntp.SntpServer(date, self.events),
            (mdns.GROUP, mdns.PORT): mdns.MdnsResponder(self.dns, self._to_all, self.events),
        }
        self.hosts: list[Host] = []

    def renumber(self) -> None:
        """Number IP packets from somewhere on: the device does not know to whom else there was something to send."""
        self._identification = self._rng.getrandbits(16)

    def move(self, address: bytes) -> None:
        """Be another subnet, with the gateway and all its services at this address. What was under way breaks off."""
        self.address = self.dns.address = self.tcp.address = address
        self.dhcp.move(address)
        self._list_servers()

    def restore(self, snapshot: dict[str, Any]) -> None:
        """As an actor; it may have moved."""
        super().restore(snapshot)
        self._list_servers()

    def _list_servers(self) -> None:
        others = {address: server for address, server in self._servers.items() if server is not self.tcp}
        self._servers = {self.address: self.tcp, **others}

    def join(self, host: Host) -> None:
        """Connect one more host, beside the gateway, which has an address of its own."""
        self.hosts.append(host)

    def place(self, name: str) -> bytes:
        """The address that is found under a name: one of its own, for which the gateway answers. Raises ValueError
        where there is none left."""
        hosts = self.dns.hosts
        if name.lower() not in hosts:
            last = _FIRST_PLACE + len(hosts)
            if last >= self._first_lease:
                raise ValueError(f"no address left for {name}: there are {len(hosts)}")
            address = hosts[name.lower()] = self.address[:3] + bytes([last])
            self._servers[address] = TcpServer(address, self._rng, self.events)
        return hosts[name.lower()]

    def attach(self, outside: Outside) -> None:
        """Ask for what comes from outside, from now on. The HTTP server is no more: over TCP only such services are
        reached."""
        if not self._outside:
            self.tcp.close(http_server.PORT)
        self._outside.append(outside)

    def listen(self, port: int, service: Service, address: bytes = b"") -> None:
        """Serve a TCP port of the gateway, or of another address that it answers for, in place of whoever did. Raises
        ValueError for one that there is not."""
        if not 0 < port < 0x10000:
            raise ValueError(f"ports go from 1 to 65535, not {port}")
        self._servers[address or self.address].listen(port, service)

    def listen_udp(self, port: int, service: Datagrams, address: bytes = b"") -> None:
        """Serve a UDP port, as `listen` does TCP ports. Raises ValueError for one that there is not, or that is DHCP's
        or DNS's."""
        if port in (dhcp.SERVER_PORT, dns.PORT) or not 0 < port < 0x10000:
            raise ValueError(f"UDP servers have ports from 1 to 65535, but for {dns.PORT} and {dhcp.SERVER_PORT}")
        self._datagrams[self._service_at(address or self.address), port] = service

    def _service_at(self, address: bytes) -> bytes:
        """By what the services of an address are found."""
        return _HERE if address == self.address else address

    def _to_all(self, data: bytes, now: int) -> None:
        """Send a message of multicast DNS."""
        self.send_datagram(mdns.PORT, mdns.GROUP, mdns.PORT, data, now)

    def push_soon(self, now: int) -> None:
        """An application has sent, closed or aborted by itself."""
        self._push_at = now
        self.on_change()

    def send_datagram(self, port: int, ip: bytes, to_port: int, data: bytes, now: int, address: bytes = b"") -> None:
        """Send a datagram from a UDP port of the gateway, or of another address that it answers for."""
        address = address or self.address
        self._send(ip, ipv4.UDP, udp.build(address, port, ip, to_port, data), source=address)
        self.push_soon(now)

    def ping(self, ip: bytes, now: int) -> None:
        """Send an ICMP echo request from the gateway, or where it does not know whose address that is, ask for it."""
        self._send(ip, ipv4.ICMP, icmp.echo_request(_PING))
        self.push_soon(now)

    @property
    def gateway_ip(self) -> str:
        """The gateway's address as text, for URLs."""
        return ip_text(self.address)

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do, or None."""
        if self._push_at is None and not self._outside and not self.hosts:
            return self.tcp.deadline
        others: list[Outside | Host | TcpServer] = [*self._servers.values(), *self._outside, *self.hosts]
        deadlines = [self._push_at, *(other.deadline for other in others)]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def poll(self, now: int) -> list[bytes]:
        """The frames that timers, and the outside, send at `now`."""
        for outside in self._outside:
            if outside.deadline is not None and outside.deadline <= now:
                outside.poll(now)
                self._push(now)
        for host in self.hosts:
            if host.deadline is not None and host.deadline <= now:
                self._output += host.poll(now)
        for address, server in self._servers.items():
            for client, segment in server.poll(now):
                self._send(client, ipv4.TCP, segment, source=address)
        if self._push_at is not None and self._push_at <= now:
            self._push_at = None
            self._push(now)
        return self._take()

    def _push(self, now: int) -> None:
        """Send what TCP applications have sent, closed or aborted by themselves."""
        for address, server in self._servers.items():
            for client, segment in server.push(now):
                self._send(client, ipv4.TCP, segment, source=address)

    def receive(self, frame: bytes, now: int) -> list[bytes]:
        """A frame from the access point; returns the frames that answer it."""
        if len(frame) < _ETHERNET.size:
            self.counters["ethernet"] += 1
            return []
        destination, source, kind = _ETHERNET.unpack_from(frame)
        for host in self.hosts:
            if destination in (host.mac, BROADCAST_MAC):
                self._output += host.receive(frame, now)
        if source[0] & 1 or (destination != self.mac and not destination[0] & 1):
            self.counters["not for the gateway"] += 1
            return self._take()
        try:
            if kind == _ARP:
                self._receive_arp(arp.parse(frame[_ETHERNET.size :]), now)
            elif kind == _IPV4:
                self._receive_ipv4(ipv4.parse(frame[_ETHERNET.size :]), source, now)
            else:
                self.counters["ethertype"] += 1
        except ipv4.Fragment:
            self.counters["ip fragment"] += 1
        except ValueError:
            self.counters["damaged"] += 1
        return self._take()

    def _take(self) -> list[bytes]:
        output, self._output = self._output, []
        return output

    # ARP

    def _receive_arp(self, packet: arp.Arp, now: int) -> None:
        if self._is_local(packet.sender_ip):
            self._neighbours.learn(packet.sender_ip, packet.sender_mac)
        if packet.operation != arp.REQUEST:
            return
        if packet.target_ip in self._servers:
            reply = arp.Arp(arp.REPLY, self.mac, packet.target_ip, packet.sender_mac, packet.sender_ip)
            self._frame(packet.sender_mac, _ARP, reply.pack())
        elif any(packet.target_ip == host.address for host in self.hosts):
            pass  # it answers itself
        elif packet.sender_ip not in (NO_IP, packet.target_ip):  # those are probes and announcements (RFC 5227)
            names = ip_text(packet.sender_ip), ip_text(packet.target_ip)
            self.events.publish(Refused(now, *names, "arp", None, "nothing"))

    # IPv4

    def _receive_ipv4(self, packet: ipv4.Packet, mac: bytes, now: int) -> None:
        source, destination = packet.source, packet.destination
        if self._is_local(source):
            self._neighbours.learn(source, mac)
        elif source != NO_IP:
            self.counters["source address"] += 1
            return
        if destination in (*self._servers, BROADCAST_IP, self.address[:3] + b"\xff") or is_multicast(destination):
            self._receive_here(packet, now)
        else:
            self._refuse(packet, icmp.HOST if self._is_local(destination) else icmp.NET, now)

    def _is_local(self, ip: bytes) -> bool:
        """Whether an address can be another host's on this subnet."""
        return ip[:3] == self.address[:3] and ip[3] not in (0, 255) and ip not in self._servers

    def _receive_here(self, packet: ipv4.Packet, now: int) -> None:
        ours = packet.destination in self._servers
        if packet.protocol == ipv4.UDP:
            self._receive_udp(packet, now)
        elif not ours or packet.source == NO_IP:
            self.counters["not for the gateway"] += 1
        elif packet.protocol == ipv4.TCP:
            for segment in self._servers[packet.destination].receive(packet.payload, packet.source, now):
                self._send(packet.source, ipv4.TCP, segment, source=packet.destination)
        elif packet.protocol == ipv4.ICMP:
            reply = icmp.echo_reply(packet.payload)
            if icmp.answers_echo(packet.payload):
                self.events.publish(PingAnswered(now, ip_text(packet.source)))
            elif reply is not None:
                self.events.publish(Pinged(now, ip_text(packet.source)))
                self._send(packet.source, ipv4.ICMP, reply, source=packet.destination)
        else:
            self._refuse(packet, icmp.PROTOCOL, now)

    def _receive_udp(self, packet: ipv4.Packet, now: int) -> None:
        datagram = udp.parse(packet.payload, packet.source, packet.destination)
        ours = packet.destination in self._servers
        service = self._datagrams.get((self._service_at(packet.destination), datagram.destination_port))
        if datagram.destination_port == dhcp.SERVER_PORT:
            for reply in self.dhcp.receive(datagram.payload, now):
                payload = udp.build(self.address, dhcp.SERVER_PORT, reply.ip, dhcp.CLIENT_PORT, reply.payload)
                self._send(reply.ip, ipv4.UDP, payload, reply.mac)
        elif packet.source == NO_IP or (service is None and not ours):
            self.counters["not for the gateway"] += 1
        elif service is None:
            self._refuse(packet, icmp.PORT, now)
        else:
            answer = service.receive(datagram.payload, packet.source, datagram.source_port, now)
            self._answer(datagram, packet.source, packet.destination if ours else self.address, answer)

    def _answer(self, datagram: udp.Datagram, theirs: bytes, ours: bytes, payload: bytes | None) -> None:
        if payload is not None:
            answer = udp.build(ours, datagram.destination_port, theirs, datagram.source_port, payload)
            self._send(theirs, ipv4.UDP, answer, source=ours)

    def _refuse(self, packet: ipv4.Packet, code: int, now: int) -> None:
        """Answer with ICMP unreachable, and tell."""
        if packet.source == NO_IP:
            return
        message = icmp.unreachable(packet, code)
        if message is None:
            return
        protocol = _PROTOCOLS.get(packet.protocol, str(packet.protocol))
        port = client_port = None
        if packet.protocol in (ipv4.TCP, ipv4.UDP) and len(packet.payload) >= 4:
            client_port, port = struct.unpack_from("!HH", packet.payload)
        names = ip_text(packet.source), ip_text(packet.destination)
        self.events.publish(Refused(now, *names, protocol, port, icmp.CODES[code], client_port))
        source = packet.destination if packet.destination in self._servers else self.address
        self._send(packet.source, ipv4.ICMP, message, source=source)

    # Sending

    def _send(
        self, ip: bytes, protocol: int, payload: bytes, mac: bytes | None = None, source: bytes | None = None
    ) -> None:
        """A packet from the gateway, or from another address that it answers for. Without a known MAC address, ask for
        it: what is lost is sent again by TCP."""
        mac = mac or (_group_mac(ip) if is_multicast(ip) else self._neighbours.find(ip))
        if mac is None:
            question = arp.Arp(arp.REQUEST, self.mac, self.address, bytes(6), ip)
            self._frame(BROADCAST_MAC, _ARP, question.pack())
            return
        self._identification = self._identification + 1 & 0xFFFF
        self._frame(mac, _IPV4, ipv4.build(source or self.address, ip, protocol, payload, self._identification))

    def _frame(self, destination: bytes, kind: int, payload: bytes) -> None:
        self._output.append(_ETHERNET.pack(destination, self.mac, kind) + payload)


def _group_mac(ip: bytes) -> bytes:
    """The MAC address of a multicast group (RFC 1112, 6.4)."""
    return bytes((0x01, 0x00, 0x5E, ip[1] & 0x7F, ip[2], ip[3]))
