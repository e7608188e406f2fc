"""How an update reaches a device: it fetches it over HTTP, or a host on its network brings it.

    deliveries = (HttpPull(), WebUpload("/api/ota", then=("/index?restart=1",)))

Who brings it is what a user's computer is: a host with an address of its own, which connects once the device is on the
network, and again after some time where the device does not take what it brings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bk7238.families.family import Delivery, Operator
from bk7238.network.addresses import mac_bytes
from bk7238.network.events import Event, LeaseGranted, NotIdentified, Pushed, PushFailed
from bk7238.network.exchange import Exchange, Push
from bk7238.network.fetch import Upload, Url, Visit
from bk7238.network.host import Host
from bk7238.peripherals.core import Actor, State

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.image import Package
    from bk7238.machine import Machine
    from bk7238.network.network import Network
    from bk7238.peripherals.core import ResetKind

MAC, HOST = mac_bytes("02:aa:bb:cc:dd:02"), b"\x02"  # who brings it: its address ends so
SETTLE = 2_000_000  # virtual microseconds between the device's lease and the first connection
AGAIN = 10_000_000  # after one that failed


class HttpPull(Delivery):
    """The device is told a URL, and fetches the package."""

    name = "http"
    told = True


class Brought(Delivery, ABC):
    """A delivery in steps, each of which the device has to take before the next. `envelope` is what the package comes
    in, of bk7238.image.envelope; None for nothing."""

    envelope: str | None = None

    @abstractmethod
    def steps(self, address: str, content: bytes, name: str) -> list[Exchange]:
        """What is done, one after the other, with the device at an address: `content` is brought, of that name."""

    def attach(self, machine: Machine, air: Medium, network: Network, package: Package) -> Operator:
        """Bring the package to the device as soon as it is on the network."""
        content = package.data if self.envelope is None else package.within(self.envelope, machine.chip)
        return Messenger(machine, air, network, lambda address: self.steps(address, content, package.name))


class TcpPush(Brought):
    """The package goes to a TCP `port` of the device, behind a `preamble` that is made of it. `answer` is what the
    device says when it has taken it; where it says nothing, it has it when all has arrived."""

    name = "push"

    def __init__(self, port: int, preamble: Callable[[bytes], bytes] = lambda _data: b"", answer: bytes = b"") -> None:
        self.port, self.preamble, self.answer = port, preamble, answer

    def steps(self, address: str, content: bytes, _name: str) -> list[Exchange]:
        """One connection."""
        return [Push(address, self.port, self.preamble(content), content, self.answer)]


class WebUpload(Brought):
    """The package is posted to a `path` of the device's web server: as the body itself or, where a `field` is named, as
    a file in that field of a form. `then` are the pages that are asked for afterwards, as for a restart; `said` is in
    the answer where the device has taken the package."""

    name = "web"

    def __init__(
        self, path: str, *, port: int = 80, field: str = "", then: Sequence[str] = (), said: bytes = b""
    ) -> None:
        self.path, self.port, self.field, self.then, self.said = path, port, field, tuple(then), said

    def steps(self, address: str, content: bytes, name: str) -> list[Exchange]:
        """The upload, and what follows it."""
        server = f"http://{address}" + ("" if self.port == 80 else f":{self.port}")
        upload = Upload(Url(server + self.path), content, name, self.field, self.said)
        return [upload, *(Visit(Url(server + path)) for path in self.then)]


class Messenger(Actor):
    """Brings one device its update in `steps`, which are made of its address. What is under way is begun anew when the
    device joins anew; once the package is taken it is not brought again."""

    _address: str = State("")  # the device's
    _taken: int = State(0)  # steps
    _has_it: bool = State(False)  # the package
    _restarted: bool = State(False)  # with the package on it

    def __init__(self, machine: Machine, air: Medium, network: Network, steps: Callable[[str], list[Exchange]]) -> None:
        self._steps = steps
        self._host = Host(MAC, machine.random("messenger"), network.events, address=network.address[:3] + HOST)
        self._host.link_up(machine.now)
        network.join(self._host)
        machine.engine.on_reset.connect(self._reset)
        air.on_event.connect(self._event)

    def missing(self) -> str:
        """The answer to what was brought."""
        exchange = self._host.exchange
        return f"the device does not answer {exchange.target}" if exchange is not None else ""

    def _reset(self, _kind: ResetKind) -> None:
        self._restarted = self._has_it

    def _event(self, event: Event) -> None:
        if isinstance(event, LeaseGranted) and not event.renewal:
            self._address = event.ip
            self._host.abandon("the device joined anew", event.time)
            self._go(event.time + SETTLE)
        elif isinstance(event, (Pushed, NotIdentified)):
            self._has_it = self._has_it or bool(self._steps(self._address)[self._taken].package)
            self._taken += 1
            self._go(event.time)
        elif isinstance(event, PushFailed):
            self._go(event.time + AGAIN)

    def _go(self, at: int) -> None:
        """Begin the next step at a time, in place of what is wanted."""
        steps = self._steps(self._address)
        if self._taken < len(steps) and not self._restarted:
            self._host.begin(steps[self._taken], at, instead=True)
