"""What the device finds on the radio, and behind it: the access point, the web server, the air."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bk7238.bench import values
from bk7238.bench.bench import add_access_point, add_forwarding_station
from bk7238.bench.values import microseconds
from bk7238.faults import Spec
from bk7238.faults.kinds.router import RouterRestart
from bk7238.formats.ieee80211 import BROADCAST
from bk7238.network.addresses import mac_text
from bk7238.network.http_server import Answer, Extent, Offer
from bk7238.testing.kit import NotSeen

if TYPE_CHECKING:
    from bk7238.air.access_point import AccessPoint
    from bk7238.air.medium import Medium
    from bk7238.network.forward import Forwarder
    from bk7238.network.http_server import HttpServer
    from bk7238.testing.kit import Dut, Frame

Reply = Callable[[bytes], "tuple[list[bytes], bytes]"]
"""Gives, for the body of a file, the header's lines and the body that follow the status 200."""

_ARP = b"\x08\x06"
_ASKER, _ASKER_IP = bytes.fromhex("02aabbccdd99"), bytes((192, 168, 77, 99))


class Ap:
    """The access point that the device finds."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        if not self._dut.made:
            return "<access point, not on the air yet>"
        ssid = self.model.ssid.decode("utf-8", "replace")
        stations = ", ".join(self.stations) or "no stations"
        state = stations if self.model.online else "off"
        return f"<access point {ssid!r} on channel {self.model.channel}: {state}>"

    @property
    def model(self) -> AccessPoint:
        """The access point itself."""
        return self._dut.bench.access_point

    @property
    def stations(self) -> list[str]:
        """MAC addresses of those that are associated; none while it is off."""
        if not self.model.online:
            return []
        return [mac_text(station.address) for station in self.model.stations if station.associated]

    def off(self) -> None:
        """Fall silent, as in a power cut."""
        self.model.switch_off()

    def on(self) -> None:
        """After `off`: all stations are strangers."""
        self.model.switch_on(self._dut.machine.now, forget=True)

    def restart(self, off: str | float = "30 s", **how: Any) -> None:
        """Fall silent, let that much time pass, and come back as a router that has started again: `how` are the other
        arguments of the fault `router-restart`, such as channel=11 or dhcp="20 s". Raises ValueError for what there is
        not."""
        after = RouterRestart(Spec(RouterRestart.NAME, tuple((name, str(one)) for name, one in how.items())), "").after
        self.model.check_channel(after.channel or self.model.channel)
        self.off()
        self._dut.run(off)
        self._dut.bench.router.on(self._dut.machine.now, after)

    def deauthenticate(self, reason: int = 1) -> None:
        """Throw everybody out."""
        for station in self.model.stations:
            self.model.deauthenticate(station.address, reason, self._dut.machine.now)


class Server:
    """The web server behind the access point."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __repr__(self) -> str:
        if not self._dut.made:
            return "<web server, not there yet>"
        return f"<web server with {', '.join(self.files) or 'nothing'}: {len(self.requests)} requests>"

    @property
    def model(self) -> HttpServer:
        """The web server itself."""
        return self._dut.bench.network.http

    @property
    def files(self) -> dict[str, bytes]:
        """What it offers, by path; can be changed at any time."""
        return self.model.files

    @property
    def requests(self) -> list[tuple[str, int]]:
        """All requests: path and status."""
        return [(event.path, event.status) for event in Air(self._dut).events("HttpRequested")]

    def answer(self, reply: Reply) -> None:
        """Answer each request for a file with what `reply` gives for its body, and hang up."""

        def answer(passing: Offer | Extent) -> Offer | Extent | Answer:
            if not isinstance(passing, Offer) or passing.body is None:
                return passing
            lines, sent = reply(passing.body)
            return Answer(200, b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", *lines, b"")), sent)

        self.model.tap.insert(answer)


class Air:
    """What is on the radio."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut
        self._packets: list[Any] = []

    def __repr__(self) -> str:
        if not self._dut.made:
            return "<air, silent yet>"
        return f"<air: {self.sent} frames from the device, {self.received} for it>"

    @property
    def model(self) -> Medium:
        """The medium itself."""
        return self._dut.bench.air

    @property
    def sent(self) -> int:
        """Frames from the device."""
        return self.model.sent

    @property
    def received(self) -> int:
        """Frames for the device."""
        return self.model.received

    @property
    def frames(self) -> list[Frame]:
        """All frames since the power-on, as a capture has them: before what a filter does to them."""
        return self._dut.frames

    @property
    def packets(self) -> list[Any]:
        """The same as packets of scapy, from `Dot11` on, those that the keys of this air open decrypted; `time` is in
        virtual seconds. As in `[packet for packet in air.packets if TCP in packet and packet[TCP].dport == 1883]`."""
        from bk7238.testing import packets

        frames = self._dut.frames
        self._packets += [packets.packet(frame, self._dut.keys) for frame in frames[len(self._packets) :]]
        return list(self._packets)

    def events(self, kind: str | None = None) -> list[Any]:
        """What the radio and the network had to tell since the power-on; `kind` is a class of bk7238.network.events or
        bk7238.air.events by name."""
        return [event for event in self._dut.events if kind in (None, type(event).__name__)]

    def expect(self, kind: str, within: str | float = "20 s") -> Any:
        """Run until an event of that kind, and give it. Events up to it are past: the next call looks at those behind
        it. Raises NotSeen."""
        dut = self._dut
        machine = dut.machine
        deadline = machine.now + microseconds(within)
        while True:
            while dut.unheard < len(dut.events):
                event = dut.events[dut.unheard]
                dut.unheard += 1
                if type(event).__name__ == kind:
                    return event
            if machine.now >= deadline:
                raise NotSeen(f"no {kind} within {within}, until {dut.now:.3f} s")
            dut.awaited = kind
            machine.run(until=deadline)
            dut.awaited = ""

    def skip(self) -> None:
        """Events until now are past."""
        self._dut.unheard = len(self._dut.events)

    def access_point(self, ssid: str | bytes | None = None, *, psk: str | None = None, **options: Any) -> AccessPoint:
        """Put one more access point on the air, with the same network behind it, and give it. `ssid` is by default the
        device's; `options` are those of bk7238.air.access_point.AccessPoint."""
        dut = self._dut
        text = dut.settings.ssid if ssid is None else ssid
        name, network = text.encode() if isinstance(text, str) else text, dut.bench.access_point.network
        made = add_access_point(dut.machine, self.model, name, psk, network, **options)
        return made

    def forward(self, *ports: str) -> Forwarder:
        """Let ports of this machine, as in "8080:80", lead to the device's own open access point, by a station that
        joins it; `addresses` of what this gives says where they are. Raises ValueError for one that cannot be had."""
        return add_forwarding_station(self._dut.machine, self.model, values.forwards(ports))

    def arping(self, ip: str | None = None, within: str | float = "500 ms") -> bool:
        """Whether who has this address answers an ARP request that a host of the network sends to everybody; by default
        the address that was leased last. Raises ValueError where none was."""
        dut = self._dut
        leases = self.events("LeaseGranted")
        if ip is None and not leases:
            raise ValueError("no address has been leased yet: name one")
        asked = bytes(map(int, (ip or leases[-1].ip).split(".")))
        query = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, _ASKER, _ASKER_IP, b"", asked)
        answers: list[bytes] = []
        network = dut.bench.access_point.network
        receive = network.receive

        def heard(frame: bytes, now: int) -> list[bytes]:
            if frame[:6] == _ASKER and frame[12:14] == _ARP and frame[28:32] == asked:
                answers.append(frame)
            return receive(frame, now)

        network.receive = heard  # type: ignore[method-assign]
        for point in self.model.access_points:
            point.send(BROADCAST + _ASKER + _ARP + query, dut.machine.now)
        self.model.on_change()
        dut.run(within)
        network.receive = receive  # type: ignore[method-assign]
        return bool(answers)
