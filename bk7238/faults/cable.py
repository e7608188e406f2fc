"""The cable between the access point and the gateway: it stands for the network, and faults cut and twist it."""

from __future__ import annotations

import heapq
import struct
from dataclasses import dataclass

from bk7238.network import ipv4, tcp_segment, udp
from bk7238.network.events import Events
from bk7238.network.link import Link
from bk7238.network.tcp_segment import Segment
from bk7238.network.udp import Datagram
from bk7238.peripherals.core import Actor, Signal, State, Tap

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = 0x0800


@dataclass(frozen=True)
class Passing:
    """A frame on the cable, and what it carries: `udp` and `tcp` are None where it is something else."""

    frame: bytes
    to_device: bool
    now: int
    packet: ipv4.Packet | None = None
    udp: Datagram | None = None
    tcp: Segment | None = None

    def with_tcp(self, segment: Segment) -> bytes:
        """The same frame with another segment in it; all checksums hold."""
        assert self.packet is not None
        payload = tcp_segment.build(segment, self.packet.source, self.packet.destination)
        return self.frame[:14] + ipv4.build(self.packet.source, self.packet.destination, ipv4.TCP, payload, 0)

    def with_udp(self, datagram: Datagram) -> bytes:
        """The same frame with another datagram in it."""
        assert self.packet is not None
        source, destination = self.packet.source, self.packet.destination
        payload = udp.build(source, datagram.source_port, destination, datagram.destination_port, datagram.payload)
        return self.frame[:14] + ipv4.build(source, destination, ipv4.UDP, payload, 0)

    def answered_with_tcp(self, segment: Segment) -> bytes:
        """A frame back to where this one came from."""
        assert self.packet is not None
        source, destination = self.packet.destination, self.packet.source
        payload = tcp_segment.build(segment, source, destination)
        head = self.frame[6:12] + self.frame[:6] + self.frame[12:14]
        return head + ipv4.build(source, destination, ipv4.TCP, payload, 0)


class Cable(Actor):
    """A link behind a cable. The stages of the tap `twists` get what passes, and give None where they leave it alone,
    else the frames that pass on instead; the first decides."""

    _back: list[bytes] = State(factory=list)
    _late: list[tuple[int, int, bytes]] = State(factory=list)  # when, order, frame for the device
    _number: int = State(0)

    def __init__(self, behind: Link) -> None:
        self._behind = behind
        self.twists = Tap()

    # For faults

    def answer(self, frame: bytes) -> None:
        """A frame for the device, from the cable itself."""
        self._back.append(frame)

    def delay(self, frame: bytes, until: int) -> None:
        """A frame for the device that comes at `until`."""
        self._number += 1
        heapq.heappush(self._late, (until, self._number, frame))

    # As a network

    @property
    def events(self) -> Events:
        """Those of the network behind it."""
        return self._behind.events

    @property
    def on_change(self) -> Signal:
        """That of the network behind it."""
        return self._behind.on_change

    @property
    def deadline(self) -> int | None:
        """When the network has something to do, or a frame that was held back is due."""
        deadline = self._behind.deadline
        if not self._late:
            return deadline
        return self._late[0][0] if deadline is None else min(deadline, self._late[0][0])

    def poll(self, now: int) -> list[bytes]:
        """Frames to the device: the network's that pass, and those held back that are due."""
        passed = self._passed(self._behind.poll(now), True, now)
        while self._late and self._late[0][0] <= now:
            passed.append(heapq.heappop(self._late)[2])
        return passed

    def receive(self, frame: bytes, now: int) -> list[bytes]:
        """Hand the network a frame of the device's, if it passes. Returns the answers that pass."""
        answers: list[bytes] = []
        for arrived in self._passed([frame], False, now):
            answers += self._behind.receive(arrived, now)
        back, self._back = self._back, []
        return back + self._passed(answers, True, now)

    def _passed(self, frames: list[bytes], to_device: bool, now: int) -> list[bytes]:
        if not self.twists:
            return frames
        passed: list[bytes] = []
        for frame in frames:
            changed = self.twists.decided(look(frame, to_device, now))
            passed += [frame] if changed is None else changed
        return passed


def look(frame: bytes, to_device: bool, now: int) -> Passing:
    """What a frame carries."""
    try:
        if len(frame) < _ETHERNET.size or _ETHERNET.unpack_from(frame)[2] != _IPV4:
            return Passing(frame, to_device, now)
        packet = ipv4.parse(frame[_ETHERNET.size :])
        if packet.protocol == ipv4.UDP:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
            return Passing(frame, to_device, now, packet, udp=datagram)
        if packet.protocol == ipv4.TCP:
            segment = tcp_segment.parse(packet.payload, packet.source, packet.destination)
            return Passing(frame, to_device, now, packet, tcp=segment)
        return Passing(frame, to_device, now, packet)
    except ValueError:
        return Passing(frame, to_device, now)
