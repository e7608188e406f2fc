"""What can be told of a network that is not ours, by listening to the device's own traffic: leases, HTTP, refusals.

It hears what goes out and what comes in, changes nothing, and tells the events that the simulated network would tell.
"""

from __future__ import annotations

import struct

from bk7238.network import dhcp, dns, icmp, ipv4, tcp_segment, udp
from bk7238.network.addresses import NO_IP, ip_text, mac_text
from bk7238.network.events import (
    ConnectionBroken,
    ConnectionClosed,
    ConnectionOpened,
    Events,
    LeaseGranted,
    LeaseRefused,
    NameAsked,
    Refused,
)
from bk7238.network.http_observer import HttpObserver
from bk7238.network.tcp_connection import near
from bk7238.network.tcp_receiver import Receiver
from bk7238.network.tcp_segment import ACK, FIN, RST, SYN, Segment

_IPV4 = b"\x08\x00"
_HEADER = 14
_CONVERSATIONS = 64
_WINDOW = 65_535
_PLAIN_IPV4, _QUOTED = 0x45, 28  # an IPv4 header without options, and eight bytes behind it

Key = tuple[bytes, int, bytes, int]  # the device's address and port, the server's


class Conversation:
    """One TCP connection that the device opened. Positions count from each side's SYN."""

    def __init__(self, events: Events, key: Key, first: int) -> None:
        self._events, self._key = events, key
        self._up, self._down = Receiver(), Receiver()
        self._up.window = self._down.window = _WINDOW
        self._first, self._answered_first = first, 0
        self._server = f"{ip_text(key[2])}:{key[3]}"
        self._observer = HttpObserver(events, ip_text(key[0]), key[1], self._server)
        self._ended_by = ""
        self.answered = self.over = False

    def sent(self, segment: Segment, now: int) -> None:
        """The device sent this."""
        if not self.answered or segment.flags & SYN:
            return
        position = near(segment.sequence - self._first, self._up.next)
        if self._up.acceptable(position, segment.length):
            self._observer.asked(self._up.receive(position, segment.payload, bool(segment.flags & FIN)))
            self._ended_by = self._ended_by or ("device" if self._up.ended else "")
        if segment.flags & ACK:
            acknowledged = near(segment.acknowledgment - self._answered_first, self._down.next)
            if acknowledged <= self._down.next:
                self._observer.delivered(acknowledged - 1 - (self._down.ended and acknowledged == self._down.next), now)
        self._end(segment, "device", now)

    def received(self, segment: Segment, now: int) -> None:
        """The device is sent this."""
        if segment.flags & SYN and segment.flags & ACK and not self.answered:
            self.answered, self._answered_first = True, segment.sequence
            self._events.publish(ConnectionOpened(now, *self._names()))
        elif self.answered and not segment.flags & SYN:
            position = near(segment.sequence - self._answered_first, self._down.next)
            if self._down.acceptable(position, segment.length):
                self._observer.answered(self._down.receive(position, segment.payload, bool(segment.flags & FIN)))
                self._ended_by = self._ended_by or ("server" if self._down.ended else "")
        self._end(segment, "server", now)

    def _end(self, segment: Segment, sender: str, now: int) -> None:
        both, reset = self._up.ended and self._down.ended, segment.flags & RST
        if self.over or not (reset or (both and not segment.length)):
            return
        self.over = True
        client, client_port, port = self._names()
        if not self.answered:
            if sender == "server":
                names = client, ip_text(self._key[2]), "tcp", port, "reset", client_port
                self._events.publish(Refused(now, *names))
            return
        reason = f"closed by the {self._ended_by}" if both else f"reset by the {sender}"
        self._observer.closed(now, reason)
        if both:
            self._events.publish(ConnectionClosed(now, *self._names()))
        else:
            self._events.publish(ConnectionBroken(now, *self._names(), reason, self._server))

    def _names(self) -> tuple[str, int, int]:
        return ip_text(self._key[0]), self._key[1], self._key[3]


class Overheard:
    """Listens for `events`."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._conversations: dict[Key, Conversation] = {}

    def sent(self, frame: bytes, now: int) -> None:
        """A frame from the device."""
        packet = _packet(frame, ipv4.TCP)
        if packet is None:
            return
        segment = _segment(packet)
        if segment is None:
            return
        key = packet.source, segment.source_port, packet.destination, segment.destination_port
        if segment.flags & (SYN | ACK) == SYN:
            while len(self._conversations) >= _CONVERSATIONS:
                del self._conversations[next(iter(self._conversations))]
            self._conversations[key] = Conversation(self._events, key, segment.sequence)
        self._pass(key, segment, now, True)

    def received(self, frame: bytes, now: int) -> None:
        """A frame for the device."""
        packet = _packet(frame, ipv4.TCP)
        if packet is not None:
            segment = _segment(packet)
            if segment is not None:
                key = packet.destination, segment.destination_port, packet.source, segment.source_port
                self._pass(key, segment, now, False)
            return
        packet = _packet(frame, ipv4.UDP)
        if packet is not None:
            self._note_datagram(packet, now)
            return
        packet = _packet(frame, ipv4.ICMP)
        if packet is not None:
            self._note_undelivered(packet, now)

    def _pass(self, key: Key, segment: Segment, now: int, sent: bool) -> None:
        conversation = self._conversations.get(key)
        if conversation is None:
            return
        if sent:
            conversation.sent(segment, now)
        else:
            conversation.received(segment, now)
        if conversation.over:
            del self._conversations[key]

    def _note_datagram(self, packet: ipv4.Packet, now: int) -> None:
        try:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
            if datagram.source_port == dns.PORT:
                asked = dns.in_vain(datagram.payload)
                if asked is not None:
                    self._events.publish(NameAsked(now, ip_text(packet.destination), *asked, ""))
            elif datagram.source_port == dhcp.SERVER_PORT and datagram.destination_port == dhcp.CLIENT_PORT:
                self._note_lease(datagram.payload, now)
        except ValueError:
            pass

    def _note_lease(self, message: bytes, now: int) -> None:
        lease, refused = dhcp.lease(message), dhcp.refused(message)
        if lease is not None:
            mac, ip, before = lease
            self._events.publish(LeaseGranted(now, mac_text(mac), ip_text(ip), before != NO_IP))
        elif refused is not None:
            self._events.publish(LeaseRefused(now, mac_text(refused), "", "the server's NAK"))

    def _note_undelivered(self, packet: ipv4.Packet, now: int) -> None:
        found = icmp.undelivered(packet.payload)
        if found is None or len(found[1]) < _QUOTED or found[1][0] != _PLAIN_IPV4:
            return
        code, quoted = found
        protocol, ports = quoted[9], (None, None)
        if protocol in (ipv4.TCP, ipv4.UDP):
            ports = struct.unpack_from("!HH", quoted, 20)
        name = {ipv4.TCP: "tcp", ipv4.UDP: "udp"}.get(protocol, str(protocol))
        answer = icmp.CODES.get(code, f"unreachable, code {code}")
        names = ip_text(quoted[12:16]), ip_text(quoted[16:20])
        self._events.publish(Refused(now, *names, name, ports[1], answer, ports[0]))


def _packet(frame: bytes, protocol: int) -> ipv4.Packet | None:
    if frame[12:_HEADER] != _IPV4 or frame[_HEADER + 9 : _HEADER + 10] != bytes((protocol,)):
        return None
    try:
        return ipv4.parse(frame[_HEADER:])
    except ValueError:
        return None


def _segment(packet: ipv4.Packet) -> Segment | None:
    try:
        return tcp_segment.parse(packet.payload, packet.source, packet.destination)
    except ValueError:
        return None
