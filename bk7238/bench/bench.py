"""The bench that a device stands on: the machine, and the air, access point and network around it, with their seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.air.routers import ROUTERS, USUAL
from bk7238.air.station import Station
from bk7238.air.wpa2 import Wpa2
from bk7238.bench.router import Router
from bk7238.bench.settings import Settings
from bk7238.image import FlashImage
from bk7238.machine import Machine
from bk7238.network import forward
from bk7238.network.forward import Forwarder
from bk7238.network.gateway import DatagramGateway, Gateway
from bk7238.network.host_server import Forward
from bk7238.network.link import Link
from bk7238.network.network import Network
from bk7238.network.tap import TapInterface
from bk7238.peripherals.core import ResetKind
from bk7238.registry import Registry, RegistryError
from bk7238.things import file as things

Plug = Callable[[Machine, Network], Link]
"""Gives what the access point has behind it in the place of the simulated network alone."""


PLUGINS: Registry[Callable[[Bench], object]] = Registry(
    "bk7238.plugins",
    own=(),
    fits=callable,
    name=lambda plugin: f"{plugin.__module__}.{getattr(plugin, '__qualname__', type(plugin).__qualname__)}",
)
"""What other packages add to look on: each is called with a bench once that is assembled, before the power-on."""


def network_alone(_machine: Machine, network: Network) -> Link:
    """The network, with nothing between it and the air."""
    return network


def _nothing_more(behind: Link) -> Link:
    return behind


def add_access_point(
    machine: Machine,
    air: Medium,
    ssid: bytes,
    passphrase: str | None,
    network: Link,
    *,
    router: str | None = None,
    **options: Any,
) -> AccessPoint:
    """Put an access point with `network` behind it on the air and return it; without a passphrase it is open.

    `router` is one of `ROUTERS`; without it a passphrase is one of WPA2.
    Its seeds and its keys' are the machine's, by the number of those that were there before. `options` are those of
    `AccessPoint`.
    """
    number = len(air.access_points)
    name = f"access point {number}" if number else "access point"
    offer = ROUTERS[router or USUAL]
    if passphrase and offer is not None:
        rng = machine.random(f"keys of {name}" if number else "keys")
        options["security"] = Wpa2(passphrase, rng, **offer._asdict())
    made = AccessPoint(ssid, network=network, rng=machine.random(name), **options)
    air.add(made)
    return made


def add_forwarding_station(machine: Machine, air: Medium, forwards: Sequence[Forward]) -> Forwarder:
    """Let ports of this machine lead to a device that has an access point of its own, by a station that joins it; gives
    the station's host. Raises ValueError for a port that cannot be had."""
    station = Station(machine.random("forward"), address=forward.MAC, host=partial(Forwarder, forwards=forwards))
    air.add_station(station)
    machine.reaches("forward")
    assert isinstance(station.host, Forwarder)
    return station.host


class Bench:
    """A machine with `image` in its flash, the simulated network, and an air that is empty until `put_on_air`.

    What is random around the device has a seed of its own, made of the settings' and a name: `network`, `access point`,
    `keys`. Raises ValueError for an image that no flash holds or that was read for another chip than the settings
    name, EngineError where the engine cannot be had.
    """

    router: Router

    def __init__(self, settings: Settings, image: FlashImage, plug: Plug = network_alone) -> None:
        settings.check_chip(image.chip)
        self.settings, self._plug = settings, plug
        self.machine = Machine(
            image.data,
            flash_size=settings.flash_size,
            seed=settings.seed,
            engine=settings.engine,
            chip=image.chip,
            devices=things.expand(settings.devices),
        )
        self.network = Network(self.machine.random("network"), files=settings.serve, date=settings.date)
        self.air = Medium()
        self.forwarder: Forwarder | None = None
        self.machine.actors |= {"network": self.network, "air": self.air}
        self.machine.engine.on_reset.connect(self._reset)

    def _reset(self, kind: ResetKind) -> None:
        """The world does not wait for a device without power."""
        if kind is ResetKind.POWER_ON:
            self.network.renumber()
            self.air.device_restarts(self.machine.now)

    def put_on_air(self, wired: Callable[[Link], Link] = _nothing_more) -> AccessPoint:
        """Connect the network to what is outside, and put the access point in front of it on the air: the `router`.

        `wired` gives what the access point has behind it, of what would be there without. Raises ValueError for a TAP
        that cannot be had.
        """
        chosen = self.settings
        another = partial(
            add_access_point,
            self.machine,
            self.air,
            chosen.ssid if chosen.ap_ssid is None else chosen.ap_ssid,
            chosen.passphrase,
            wired(self._outside()),
            router=chosen.router,
            **asdict(chosen.radio_mode),
            hidden=chosen.hidden,
            misbehaviour=chosen.misbehaviour,
        )
        self.router = Router(another(channel=chosen.channel), self.network, another)
        return self.router.access_point

    def power_on(self) -> None:
        """Put the device into the air, once all is made that listens there.

        Raises RegistryError for a plug-in of another package that cannot be used, or fails.
        """
        for name, plugin in PLUGINS.items():
            try:
                plugin(self)
            except Exception as error:  # whatever others do
                why = " ".join(f"{type(error).__name__}: {error}".split())
                raise RegistryError(f"{PLUGINS.group}: {name} of {PLUGINS.origin(name)} failed: {why}") from error
        self.machine.connect_air(self.air)

    def _outside(self) -> Link:
        """The device's network, with what is not simulated connected to it or in its place."""
        if self.settings.tap is not None:
            self.machine.reaches("tap")
            return TapInterface(self.settings.tap)
        for server in self.settings.gateway:
            self.machine.reaches("gateway")
            at = self.network.place(server.name) if server.name else self.network.address
            if server.protocol == "udp":
                datagrams = DatagramGateway(server.target, self.network, server.port, at)
                self.network.attach(datagrams)
                self.network.listen_udp(server.port, datagrams, at)
            else:
                gateway = Gateway(server.target, self.network.events)
                self.network.attach(gateway)
                self.network.listen(server.port, gateway, at)
        if self.settings.forward:
            self.machine.reaches("forward")
            self.forwarder = Forwarder(
                forward.MAC,
                self.machine.random("forward"),
                self.network.events,
                forwards=self.settings.forward,
                address=self.network.address[:3] + forward.HOST,
            )
            self.forwarder.link_up(self.machine.now)
            self.network.join(self.forwarder)
        return self._plug(self.machine, self.network)

    def forward_by_air(self) -> None:
        """Forward ports by a station that joins the device's own access point. Raises ValueError for a port that cannot
        be had."""
        self.forwarder = add_forwarding_station(self.machine, self.air, self.settings.forward)
