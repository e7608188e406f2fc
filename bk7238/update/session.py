"""One update from power-on to a verdict: the machine, the network it finds, and the judge (judge.py)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.air.misbehaviour import NONE, Misbehaviour
from bk7238.air.wpa2 import Wpa2
from bk7238.companion import Fields
from bk7238.faults import Fault, Spec
from bk7238.faults.run import Faults
from bk7238.image import FlashImage, Package
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine
from bk7238.network import http_path, http_server
from bk7238.network.gateway import Gateway
from bk7238.network.host_server import Server
from bk7238.network.link import Link
from bk7238.network.network import Network
from bk7238.network.tap import Tap
from bk7238.update import evidence, options, profiles, versions
from bk7238.update.judge import Judge
from bk7238.update.result import Result, Verdict
from bk7238.update.story import DONE, INSTALL, REJOIN, Happening


@dataclass(frozen=True)
class Settings:
    """What the user chose. `ap_ssid` is the access point's own SSID where it differs from the device's, `psk` the
    device's passphrase (None: an open network) and `ap_psk` the access point's own where that differs (empty: open),
    `request` the file name that the device asks for where it differs from the package's."""

    ssid: bytes = b"Bench"
    ap_ssid: bytes | None = None
    psk: str | None = None
    ap_psk: str | None = None
    channel: int = 6
    ht: bool = False
    hidden: bool = False
    misbehaviour: Misbehaviour = NONE
    profile: str = "auto"
    request: str | None = None
    serve: Mapping[str, bytes] = field(default_factory=dict)  # more that the device's network offers, by path
    gateway: Server | None = None  # a server of the user's machine, in the place of the device's network's own
    tap: str | None = None  # a TAP interface, in the place of the device's network
    flash_size: int | None = None
    engine: str = "unicorn"
    seed: int = 0
    within: float = 180.0
    faults: Sequence[str | Spec | Fault] = ()  # what goes wrong: docs/faults.md
    delivered: bool = False  # the package lies in the download partition at power-on, and no update is asked for


class Update:
    """An update that is ready to run. Raises ValueError for what the firmware family cannot be told."""

    def __init__(
        self,
        image: FlashImage,
        package: Package,
        settings: Settings,
        tell: Callable[[Happening], None] = lambda happening: None,
    ) -> None:
        self.faults = Faults(settings.faults, settings.seed)
        package = self.faults.package(package)
        self.image, self.package, self.settings = image, package, settings
        self.profile = profiles.find(settings.profile, image, delivered=settings.delivered)
        self.machine = Machine(
            image.data, flash_size=settings.flash_size, seed=settings.seed, engine=settings.engine, chip=image.chip
        )
        self.network = Network(self.machine.random("network"))
        self.network.http.files["/" + package.name] = package.data
        self.network.http.files.update(settings.serve)
        told = profiles.Instructions(settings.ssid, settings.psk or "", None if settings.delivered else self._url())
        behind = self.faults.network(self._outside(), self.network)
        flash = FlashView(self.machine.chip, bytes(self.machine.flash.data))
        for address, data in self.profile.configure(flash, told).items():
            self.machine.flash.load(data, address)
        self.access_point = AccessPoint(
            settings.ssid if settings.ap_ssid is None else settings.ap_ssid,
            channel=settings.channel,
            network=behind,
            rng=self.machine.random("access point"),
            ht=settings.ht,
            hidden=settings.hidden,
            security=self._security(),
            misbehaviour=settings.misbehaviour,
        )
        self.air = Medium([self.access_point])
        self.judge = Judge(self.machine, self.profile, image, package, told, self.access_point, self.faults, tell=tell)
        self.story = self.judge.story
        self.air.on_event(self.judge.event)
        self.machine.connect_air(self.air)
        self.judge.operator = self.profile.attach(self.machine, self.air, told)
        if settings.delivered:
            self.machine.flash.load(package.data, image.partitions["download"].physical_start)
            self.story.phase = INSTALL
        self.faults.begin(self.machine, self.air, self.access_point, self.profile.name)
        self._result: Result | None = None
        self.machine.companions.append(Fields(self, (), references=("_result",)))

    def _outside(self) -> Link:
        """What the access point has behind it, with what is not simulated connected to it."""
        if self.settings.tap is not None:
            self.machine.outside = "tap"
            return Tap(self.settings.tap)
        if self.settings.gateway is not None:
            self.machine.outside = "gateway"
            self.network.attach(Gateway(self.settings.gateway, self.network.events))
        return self.network

    def _url(self) -> str:
        """Where the device is told to fetch the update from."""
        request = options.request(self.settings.request or "")
        if request.startswith("http://"):
            return request
        if self.settings.tap is not None:
            raise ValueError("with --tap, say where the update is: --request http://ADDRESS/FILE")
        port = self.settings.gateway.port if self.settings.gateway is not None else http_server.PORT
        server = self.network.gateway_ip + ("" if port == http_server.PORT else f":{port}")
        path = "/" + (request.lstrip("/") or self.package.name)
        name = self.network.http.body(path) is not None  # of a file, whatever characters are in it
        return f"http://{server}{http_path.quoted(path) if name else http_path.escaped(path)}"

    def _security(self) -> Wpa2 | None:
        passphrase = self.settings.psk if self.settings.ap_psk is None else self.settings.ap_psk
        return Wpa2(passphrase, self.machine.random("keys")) if passphrase else None

    def run(self) -> Result:
        """Run to the verdict. Once it is there it stays: the machine may be run on, and this gives the same again."""
        if self._result is None:
            self._result = self._run()
        return self._result

    def _run(self) -> Result:
        began = time.perf_counter()
        self.story.tell(
            f"power on: {self.image.name}, {self.machine.flash.size >> 20} MiB of flash, profile {self.profile.name}"
        )
        self.judge.begin()
        if self.judge.verdict is None:  # it may have run before, for a test
            self.machine.run(until=round(self.settings.within * 1e6))
        verdict, reason = self.judge.close(self.settings.within)
        flash = bytes(self.machine.flash.data)
        kept = verdict in (Verdict.OLD_APP_RUNS, Verdict.OLD_APP_RETRIES)
        new_runs = self.story.phase in (REJOIN, DONE) and not kept
        banner = versions.banner_versions(self.story, delivered=self.settings.delivered, new_runs=new_runs)
        footer = versions.footer_versions(flash, self.image, self.package, new_runs=new_runs)
        before, after = versions.of_app(self.story, banner, footer, new_runs=new_runs)
        return Result(
            verdict=verdict,
            reason=reason,
            from_version=before,
            to_version=after,
            phases=list(self.story.phases),
            virtual_seconds=self.machine.now / 1e6,
            instructions=self.machine.instructions,
            wall_seconds=time.perf_counter() - began,
            digest=self.machine.digest(),
            seed=self.settings.seed,
            engine=self.settings.engine,
            faults=self.faults.as_json(),
            silent=self.faults.silent,
            evidence=evidence.gather(self.machine, self.image, self.package, self.story),
            flash=flash,
            banner_versions=banner,
            footer_versions=footer,
        )
