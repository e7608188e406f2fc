"""Faults of the network behind the access point."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from bk7238.faults.arguments import Argument, count, one_of, seconds
from bk7238.faults.cable import Passing
from bk7238.faults.fault import Fault
from bk7238.faults.kinds.radio import Lasting
from bk7238.faults.targets import Targets
from bk7238.network import dhcp, dns, http_server
from bk7238.network.addresses import ip_text
from bk7238.network.events import NameAsked, Refused
from bk7238.network.http_server import Extent, HttpSession, Offer, Transfer
from bk7238.network.tcp_segment import ACK, RST, SYN, Segment
from bk7238.peripherals.core import Calls, State, on_alarm

_NO_SUCH_NAME = 3


class OnCable(Lasting):
    """A fault that sees what passes between access point and gateway."""

    def arm(self, targets: Targets) -> None:
        super().arm(targets)
        self.cable = targets.cable
        targets.cable.twists.insert(self._twist)

    def _twist(self, passing: Passing) -> list[bytes] | None:
        return self.twist(passing) if self.lasts(passing.now) else None

    @abstractmethod
    def twist(self, passing: Passing) -> list[bytes] | None:
        """The frames that arrive instead of this one; None: it passes as it is."""


def _is_dhcp_reply(passing: Passing) -> bool:
    return passing.to_device and passing.udp is not None and passing.udp.source_port == dhcp.SERVER_PORT


class DhcpSilent(OnCable):
    """The DHCP server does not answer."""

    NAME, SECTION = "dhcp-silent", "Network"
    FIRES = "an answer of the DHCP server was lost"

    def twist(self, passing: Passing) -> list[bytes] | None:
        if not _is_dhcp_reply(passing):
            return None
        self.record("DHCP server", "did not answer")
        return []


class DhcpLate(OnCable):
    """The DHCP server answers late."""

    NAME, SECTION = "dhcp-late", "Network"
    FIRES = "an answer of the DHCP server was delayed"
    delay = Argument(seconds, default=5_000_000, doc="by how much")

    def twist(self, passing: Passing) -> list[bytes] | None:
        if not _is_dhcp_reply(passing):
            return None
        self.cable.delay(passing.frame, passing.now + self.delay)
        self.record("DHCP server", f"answers {self.delay / 1e6:g} s late")
        return []


class DnsFail(OnCable):
    """Names are not resolved. The device asks only where it is told a host name: `--request http://ota.example/FILE`."""

    NAME, SECTION = "dns-fail", "Network"
    ASKED = True
    FIRES = "a question was answered with NXDOMAIN, or not at all"
    SWEPT = ("", "silent")
    how = Argument(one_of("nxdomain", "silent"), default="nxdomain", doc="how it fails")

    def twist(self, passing: Passing) -> list[bytes] | None:
        datagram = passing.udp
        if not passing.to_device or datagram is None or datagram.source_port != dns.PORT or passing.packet is None:
            return None
        name, end = dns.read_name(datagram.payload, 12)
        if self.how == "silent":
            self.record("name server", f"did not answer for {name}")
            return []
        self.record("name server", f"knows no {name}")
        self.cable.events.publish(NameAsked(passing.now, ip_text(passing.packet.destination), name, "A", ""))
        head = bytearray(datagram.payload[: end + 4])
        head[3] = head[3] & 0xF0 | _NO_SUCH_NAME
        head[6:8] = b"\0\0"
        return [passing.with_udp(replace(datagram, payload=bytes(head)))]


class ConnectionRefused(OnCable):
    """The server's port is closed: each attempt to connect is answered with a reset."""

    NAME, SECTION = "connection-refused", "Network"
    ASKED = True
    FIRES = "an attempt to connect was reset"

    def twist(self, passing: Passing) -> list[bytes] | None:
        segment = passing.tcp
        if passing.to_device or segment is None or segment.destination_port != http_server.PORT:
            return None
        if segment.flags & (SYN | ACK) != SYN:
            return None
        ports = segment.destination_port, segment.source_port
        reset = Segment(*ports, 0, segment.sequence + 1 & 0xFFFF_FFFF, RST | ACK, 0)
        self.cable.answer(passing.answered_with_tcp(reset))
        assert passing.packet is not None
        client, server = ip_text(passing.packet.source), ip_text(passing.packet.destination)
        self.record("server", f"refused {client}")
        port = segment.destination_port
        self.cable.events.publish(Refused(passing.now, client, server, "tcp", port, "reset", segment.source_port))
        return []


class _OfSessions(Fault):
    """A fault of the connections on which a body is under way. Struck earlier, it waits for one."""

    PASSING = True
    ending = Calls()
    _struck: bool = State(False)

    def arm(self, targets: Targets) -> None:
        targets.server.tap.insert(self._limit)
        super().arm(targets)

    def strike(self, targets: Targets) -> None:
        self._struck = True
        for session in reversed(list(targets.server.sessions)):  # an older one may be of before a power cut
            self._end(session)

    def _limit(self, passing: Offer | Extent) -> Offer | Extent:
        if not self._struck or not isinstance(passing, Extent):
            return passing
        self.ending.after(0, passing.transfer.session)
        return passing.until(0)

    @on_alarm(ending)
    def _end(self, session: HttpSession) -> None:
        if self._struck:
            self._struck = False
            self.end(session, self.clock.now)

    @abstractmethod
    def end(self, session: HttpSession, now: int) -> None:
        """How the transfer ends."""


class ConnectionReset(_OfSessions):
    """The server resets the connection during the download."""

    NAME, SECTION = "connection-reset", "Network"
    FIRES = "a connection was reset"
    USUALLY = "the beginning of the body"

    def end(self, session: HttpSession, now: int) -> None:
        self.record("server", "reset the connection")  # first: what follows from it is told at once
        session.abort(now)


class ConnectionClose(_OfSessions):
    """The server closes the connection in order, in the middle of the body."""

    NAME, SECTION = "connection-close", "Network"
    FIRES = "a connection was closed before its body was whole"
    USUALLY = "the beginning of the body"

    def end(self, session: HttpSession, now: int) -> None:
        self.record("server", "closed the connection")
        session.hang_up(now)


class NetworkStall(OnCable):
    """The uplink stalls: nothing passes between access point and gateway, and no one is told."""

    NAME, SECTION = "network-stall", "Network"
    FIRES = "a frame did not pass"
    SWEPT = ("", "20s")

    def twist(self, passing: Passing) -> list[bytes] | None:
        way = "to the device" if passing.to_device else "from the device"
        self.record("network", f"{len(passing.frame)} bytes {way} did not pass")
        return []


class NetworkSlow(Fault):
    """The server sends the body slowly, one byte a second unless told."""

    NAME, SECTION = "network-slow", "Network"
    FIRES = "the server held the body back"
    rate = Argument(count, default=1, doc="bytes a second")
    burst = Argument(count, default=1, doc="bytes at a time")

    more = Calls()
    _places: dict[Transfer, int] = State(factory=dict)
    _slow: bool = State(False)

    def arm(self, targets: Targets) -> None:
        targets.server.tap.insert(self._limit)
        super().arm(targets)

    def strike(self, _targets: Targets) -> None:
        self._slow = True

    def _limit(self, passing: Offer | Extent) -> Offer | Extent:
        if not self._slow or not isinstance(passing, Extent):
            return passing
        transfer = passing.transfer
        if transfer not in self._places:
            self._places[transfer] = transfer.sent
            self._again(transfer)
        return passing.until(self._places[transfer])

    @on_alarm(more)
    def _again(self, transfer: Transfer) -> None:
        if self.targets is None or transfer.session not in self.targets.server.sessions:
            return
        self._places[transfer] += self.burst
        self.record("server", f"sends {self.burst} more")
        transfer.session.resume(self.clock.now)
        self.more.after(max(1, 1_000_000 * self.burst // self.rate), transfer)


class BodyCorrupt(OnCable):
    """One byte of the download changes on the way, and all checksums of the network are right."""

    NAME, SECTION = "body-corrupt", "Network"
    PASSING = True
    FIRES = "a byte was changed"
    times = Argument(count, default=1, doc="how many, each in a segment of its own")

    def twist(self, passing: Passing) -> list[bytes] | None:
        segment = passing.tcp
        if not passing.to_device or segment is None or segment.source_port != http_server.PORT:
            return None
        if not segment.payload or segment.payload.startswith(b"HTTP/") or self.count >= self.times:
            return None
        payload = bytearray(segment.payload)
        place = len(payload) // 2
        payload[place] ^= 0xFF
        self.record("network", f"byte {place} of a segment of {len(payload)} became {payload[place]:#04x}")
        return [passing.with_tcp(replace(segment, payload=bytes(payload)))]


KINDS = (
    DhcpSilent,
    DhcpLate,
    DnsFail,
    ConnectionRefused,
    ConnectionReset,
    ConnectionClose,
    NetworkStall,
    NetworkSlow,
    BodyCorrupt,
)
