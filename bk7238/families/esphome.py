"""ESPHome on LibreTiny: told its network in the captive portal of its own access point, updated over its web server or
by its own protocol, in UF2.

A device that knows no network opens an access point, named as it is called itself, whose portal its owner's telephone
is led to: `/wifisave?ssid=...&psk=...` is kept in the flash. Once it is on the network the access point is gone. Facts:
docs/firmware-families.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from bk7238.air.events import NetworkJoined
from bk7238.air.station import Station
from bk7238.families import esphome_ota
from bk7238.families.delivery import Brought, WebUpload
from bk7238.families.esphome_api import EsphomeApi
from bk7238.families.family import Family, Kind
from bk7238.network.events import Event, HttpFetched, HttpFetchFailed, LeaseGranted, LeaseTaken
from bk7238.network.fetch import Fetch, Url
from bk7238.peripherals.core import Actor, ResetKind, State

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.families.family import Instructions
    from bk7238.image.flash_view import FlashView
    from bk7238.machine import Machine
    from bk7238.network.exchange import Exchange

AGAIN = 10_000_000  # virtual microseconds after a page of the portal that did not come
_SSID, _PASSPHRASE = 32, 64  # bytes that it keeps


class EsphomePush(Brought):
    """ESPHome's own protocol, to a `port`, with the `password` of devices that have one. The device is asked first who
    it is."""

    name, envelope = "push", "uf2"

    def __init__(self, port: int = esphome_ota.PORT, password: str = "") -> None:
        self.port, self.password = port, password

    def with_password(self, password: str) -> EsphomePush:
        """The same port, with a password."""
        return EsphomePush(self.port, password)

    def steps(self, address: str, content: bytes, _name: str) -> list[Exchange]:
        """The question, and the update."""
        return [EsphomeApi(address), esphome_ota.EsphomeOta(address, self.port, content, self.password)]


class EsphomeUpload(WebUpload):
    """The form of its web page. The device is asked first who it is."""

    envelope = "uf2"

    def steps(self, address: str, content: bytes, name: str) -> list[Exchange]:
        """The question, and the upload."""
        return [EsphomeApi(address), *super().steps(address, content, name)]


class Esphome(Family):
    """ESPHome. Its texts were read in apps, and in its sources."""

    name, title = "esphome", "ESPHome"
    evidence = (
        Kind("version line", (b"ESPHome version ",)),
        Kind("LibreTiny", (b"LibreTiny v", b"LibreTuya v", b"libretiny")),
        Kind("update protocol", (b"esphome.ota", b"Over-The-Air updates", b"OTA in progress: %0.1f%%")),
        Kind("native API", (b"api.connection", b" (esphome v", b"api_noise")),
        Kind("captive portal", (b"/wifisave", b"captive_portal"), least=2),
    )
    banner = re.compile(r"ESPHome version (?P<version>\d[0-9A-Za-z.+-]*) compiled")
    deliveries = (EsphomePush(), EsphomeUpload("/update", field="update", said=b"Update Successful!"))

    def configure(self, _flash: FlashView, told: Instructions) -> dict[int, bytes]:
        """Nothing to put into the flash; what cannot be told in the portal is refused here."""
        for what, value, most in (
            ("the SSID", told.ssid, _SSID),
            ("the passphrase", told.passphrase.encode(), _PASSPHRASE),
        ):
            if len(value) > most or b"\0" in value:
                raise ValueError(f"{what} is {value!r}; ESPHome keeps up to {most} bytes without a zero")
        return {}

    def attach(self, machine: Machine, air: Medium, told: Instructions) -> Owner:
        """Tell the device its network where it opens an access point to be told it."""
        return Owner(machine, air, told)


class Owner(Actor):
    """Whose device it is. While the device is not on the network, a telephone looks for its access point, joins, is
    shown the portal, and gives it the network there."""

    _joined: bool = State(False)  # the device's access point
    _portal: str = State("")  # where its web server is
    _failure: str = State("")  # of the portal's last page
    _shown: bool = State(False)  # the portal
    _told: bool = State(False)
    _online: bool = State(False)  # the device is on the network

    def __init__(self, machine: Machine, air: Medium, told: Instructions) -> None:
        self._told_of, self._machine = told, machine
        self._telephone = Station(machine.random("telephone"), start=machine.now)
        machine.engine.on_reset.connect(self._reset)
        air.add_station(self._telephone)
        air.on_event.connect(self._event)

    def missing(self) -> str:
        """What the device was to do on the way into the network."""
        ssid = self._told_of.ssid.decode("utf-8", "replace")
        if self._online:
            return ""
        if self._told:
            return f'it was told "{ssid}" in its portal and did not come to be on the network'
        if self._failure:
            return f"its portal did not take the network: {self._failure}"
        if self._portal:
            return f"its portal at {self._portal} did not answer"
        if self._joined:
            return "its access point gave no address"
        return "it opened no access point of its own, in whose portal it would have been told the network"

    def _reset(self, _kind: ResetKind) -> None:
        self._joined = self._shown = self._told = self._online = False
        self._portal = self._failure = ""
        self._telephone.switch_on(self._machine.now)

    def _event(self, event: Event) -> None:
        if isinstance(event, LeaseGranted):
            self._online = True
            self._telephone.switch_off(event.time)
        elif isinstance(event, NetworkJoined):
            self._joined = True
        elif isinstance(event, LeaseTaken):
            self._portal = f"http://{event.server}/"
            self._ask(self._portal, event.time)
        elif isinstance(event, HttpFetchFailed) and self._is_of_portal(event.url):
            self._fails(event.url, event.reason, event.time)
        elif isinstance(event, HttpFetched) and self._is_of_portal(event.url):
            self._fetched(event)

    def _fetched(self, event: HttpFetched) -> None:
        """A page of the portal has come. The answer to the network is a redirection, which the device may be gone
        before: it looks for the network on other channels."""
        if event.status >= 400:
            self._fails(event.url, f"status {event.status}", event.time)
        elif event.url == self._network:
            self._told, self._failure = True, ""
        elif not self._shown and not event.onwards:
            self._shown = True
            self._ask(self._network, event.time)

    def _is_of_portal(self, url: str) -> bool:
        return bool(self._portal) and not self._told and urlsplit(url).netloc == urlsplit(self._portal).netloc

    def _fails(self, page: str, why: str, now: int) -> None:
        self._failure = f"{page}: {why}"
        self._ask(self._network if self._shown else self._portal, now + AGAIN)

    @property
    def _network(self) -> str:
        """The page that gives the device its network."""
        ssid, passphrase = quote(self._told_of.ssid, safe=""), quote(self._told_of.passphrase, safe="")
        return f"{self._portal}wifisave?ssid={ssid}&psk={passphrase}"

    def _ask(self, page: str, at: int) -> None:
        self._telephone.host.begin(Fetch(Url(page)), at, instead=True)
