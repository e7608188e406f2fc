"""One update from power-on to a verdict: the machine, the network it finds, and the judge.

The judge ends the run when the updated device has joined again, when the old app runs after a reboot that should
have installed the new one, when the same thing has failed three times, or when nothing has moved for 60 virtual
seconds. Only a run that none of these ends reaches the time limit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from bk7238.air.access_point import AccessPoint
from bk7238.air.events import ProbeSeen, ProbeUnanswered
from bk7238.air.medium import Medium
from bk7238.air.misbehaviour import NONE, Misbehaviour
from bk7238.air.wpa2 import Wpa2
from bk7238.companion import Fields
from bk7238.faults import Fault, Spec
from bk7238.faults.run import Faults
from bk7238.image import FlashImage, Package
from bk7238.machine import Machine
from bk7238.network import http_server
from bk7238.network.events import Event
from bk7238.network.gateway import Gateway
from bk7238.network.host_server import Server
from bk7238.network.link import Link
from bk7238.network.network import Network
from bk7238.network.tap import Tap
from bk7238.update import evidence, explain, profiles
from bk7238.update.result import Result, Verdict
from bk7238.update.story import DONE, DOWNLOAD, INSTALL, JOIN, REJOIN, RESTART, Happening, Story

PATIENCE = 60_000_000  # virtual microseconds without progress
GLANCE = 1_000_000
TRIES = 3


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
    """An update that is ready to run. Raises ValueError for what the firmware family cannot be told.

    `plug` gives what the access point has behind it in the place of the simulated network alone.
    """

    def __init__(
        self,
        image: FlashImage,
        package: Package,
        settings: Settings,
        tell: Callable[[Happening], None] = lambda happening: None,
        *,
        plug: Callable[[Machine, Network], Link] = lambda machine, network: network,
    ) -> None:
        self.faults = Faults(settings.faults, settings.seed)
        package = self.faults.package(package)
        self.image, self.package, self.settings = image, package, settings
        self.profile = profiles.find(settings.profile, image.data)
        self.machine = Machine(image.data, flash_size=settings.flash_size, seed=settings.seed, engine=settings.engine)
        self.network = Network(random.Random(f"{settings.seed}:network"))
        self.network.http.files["/" + quote(package.name)] = package.data
        self.network.http.files.update(settings.serve)
        told = profiles.Instructions(settings.ssid, settings.psk or "", None if settings.delivered else self._url())
        behind = self.faults.network(self._outside(plug), self.network)
        for address, data in self.profile.configure(bytes(self.machine.flash.data), told).items():
            self.machine.flash.load(data, address)
        self.access_point = AccessPoint(
            settings.ssid if settings.ap_ssid is None else settings.ap_ssid,
            channel=settings.channel,
            network=behind,
            rng=random.Random(f"{settings.seed}:access point"),
            ht=settings.ht,
            hidden=settings.hidden,
            security=self._security(),
            misbehaviour=settings.misbehaviour,
        )
        self.air = Medium([self.access_point])
        self.story = Story(self.machine, self.profile, tell, self._turn)
        self.air.on_event(self.story.event)
        self.air.on_event(self._watch_scans)
        self.air.on_event(self._watch_joining)
        self.machine.connect_air(self.air)
        self.profile.attach(self.machine, self.air, told)
        if settings.delivered:
            self.machine.flash.load(package.data, image.partitions["download"].physical_start)
            self.story.phase = INSTALL
        self.faults.begin(self.machine, self.air, self.access_point)
        self.on_end: list[Callable[[], None]] = []  # called when the judge has ended the update
        self._verdict: Verdict | None = None
        self._reason = ""
        self._scans = 0
        self._scanned = 0
        self.machine.companions.append(Fields(self, ("_verdict", "_reason", "_scans", "_scanned")))

    def _outside(self, plug: Callable[[Machine, Network], Link]) -> Link:
        """What the access point has behind it, with what is not simulated connected to it."""
        if self.settings.tap is not None:
            self.machine.outside = "tap"
            return Tap(self.settings.tap)
        if self.settings.gateway is not None:
            self.machine.outside = "gateway"
            self.network.attach(Gateway(self.settings.gateway, self.network.events))
        return plug(self.machine, self.network)

    def _url(self) -> str:
        """Where the device is told to fetch the update from."""
        request = self.settings.request or self.package.name
        if request.startswith("http://"):
            return request
        if self.settings.tap is not None:
            raise ValueError("with --tap, say where the update is: --request http://ADDRESS/FILE")
        port = self.settings.gateway.port if self.settings.gateway is not None else http_server.PORT
        server = self.network.gateway_ip + ("" if port == http_server.PORT else f":{port}")
        return f"http://{server}/{quote(request.lstrip('/'))}"

    def _security(self) -> Wpa2 | None:
        passphrase = self.settings.psk if self.settings.ap_psk is None else self.settings.ap_psk
        return Wpa2(passphrase, random.Random(f"{self.settings.seed}:keys")) if passphrase else None

    @property
    def passphrases(self) -> dict[bytes, str]:
        """Of the protected networks on the air, by SSID."""
        security = self.access_point.security
        return {self.access_point.ssid: security.passphrase} if isinstance(security, Wpa2) else {}

    @property
    def said(self) -> str:
        """Verdict and reason; empty until the judge has ended the update."""
        return "" if self._verdict is None else f"{self._verdict.value}: {self._reason}"

    def begin(self) -> None:
        """What `run` does first. For who lets the machine run otherwise; the judge then stops it by itself."""
        self.story.tell(
            f"power on: {self.image.name}, {self.machine.flash.size >> 20} MiB of flash, profile {self.profile.name}"
        )
        self.machine.clock.after(GLANCE, self._glance)

    def run(self) -> Result:
        """Run to the verdict."""
        began = time.perf_counter()
        self.begin()
        return self.end(began)

    def end(self, began: float) -> Result:
        """Run what is left to the verdict; `began` is this host's time, of `time.perf_counter`."""
        if self._verdict is None:  # it may have run before, for a test
            self.machine.run(until=round(self.settings.within * 1e6))
        if self._verdict is None:
            self._end(
                Verdict.TIME_LIMIT,
                f"{self.settings.within:g} virtual seconds passed in phase `{self.story.phase}` without an end",
            )
        self.story.close()
        assert self._verdict is not None
        before, after = self._versions()
        return Result(
            verdict=self._verdict,
            reason=self._reason,
            from_version=before,
            to_version=after,
            phases=self.story.phases,
            virtual_seconds=self.machine.now / 1e6,
            instructions=self.machine.instructions,
            wall_seconds=time.perf_counter() - began,
            digest=self.machine.digest(),
            seed=self.settings.seed,
            engine=self.settings.engine,
            faults=self.faults.as_json(),
            silent=self.faults.silent,
            evidence=evidence.gather(self.machine, self.image, self.package, self.story),
            flash=bytes(self.machine.flash.data),
        )

    def _versions(self) -> tuple[str | None, str | None]:
        """Of the old app and of what ran last. Where the package was delivered the old one may never have run."""
        versions: list[str | None] = [*self.story.versions]
        kept = self._verdict in (Verdict.OLD_APP_RUNS, Verdict.OLD_APP_RETRIES)
        if self.settings.delivered and self.story.phase in (REJOIN, DONE) and not kept:
            versions.insert(0, None)
        return versions[0] if versions else None, versions[-1] if len(versions) > 1 else None

    # The judge

    def _end(self, verdict: Verdict, reason: str) -> None:
        if self._verdict is None:
            self._verdict, self._reason = verdict, reason
            self.machine.stop()
            for listener in self.on_end:
                listener()

    def _turn(self, phase: str) -> None:
        if phase == REJOIN:
            self._judge_installation()
        elif phase == DONE:
            self._end(Verdict.NEW_APP_RUNS, "the package was installed, the new app runs and has joined again")

    def _judge_installation(self) -> None:
        flash = bytes(self.machine.flash.data)
        app = explain.app_partition(flash, self.image.app)
        if explain.footer(flash, app) == self.package.data[:96]:
            return
        said = explain.printed(self.story.bootloader_lines)
        cause = "the bootloader printed: " + " / ".join(said) if said else self._silent(flash)
        if explain.no_package(said):
            cause = f"{cause.removesuffix('.')}; {explain.seen(flash, self.package.data)}"
        if explain.untouched(flash, self.image.data, self.image.app):
            retries = bool(said) and explain.waiting(flash, app, said)
            self._end(Verdict.OLD_APP_RETRIES if retries else Verdict.OLD_APP_RUNS, cause)
        else:
            self._end(Verdict.NEW_APP_REFLASHES, "the new app runs but is not verified: " + cause)

    def _silent(self, flash: bytes) -> str:
        return "the bootloader printed nothing about an update: " + explain.seen(flash, self.package.data)

    def _glance(self) -> None:
        """Once a virtual second: is anything still moving?"""
        if self.story.resets_without_banner > TRIES:
            self._end(Verdict.BRICK, f"{TRIES} resets in a row without a running app: {self._damage()}")
        elif self.machine.now - self.story.last_progress > PATIENCE:
            self._end(*self._stuck())
        self.machine.clock.after(GLANCE, self._glance)

    def _stuck(self) -> tuple[Verdict, str]:
        story, since = self.story, f"for {PATIENCE // 1_000_000} virtual seconds"
        if not story.named:
            if not story.app_started:
                return Verdict.BOOTLOADER_HANGS, f"the bootloader did not start the app {since}: {self._last_words()}"
            return Verdict.BRICK, f"the app was started and did not name its version {since}: {self._damage()}"
        waits = {
            JOIN: "the device did not join",
            DOWNLOAD: "the device joined and the download did not complete",
            RESTART: "the package is on the device, which did not restart",
            REJOIN: "the new app runs and did not join again",
        }[story.phase]
        if story.phase == DOWNLOAD and story.downloaded:
            waits += f" ({story.downloaded})"
        forgotten = self.profile.forgotten(bytes(self.machine.flash.data))
        failure = (
            self.faults.behind(forgotten, self.machine.now)
            if forgotten
            else self.faults.behind(story.cause(), story.failed_at)
        )
        return Verdict.DEVICE_WAITS, f"{waits}: {failure}" if failure else f"{waits} {since}: {self._last_words()}"

    def _damage(self) -> str:
        flash = bytes(self.machine.flash.data)
        return explain.damage(flash, self.image.data, self.image.app) + self._last_words()

    def _last_words(self) -> str:
        words = [line for line in self.story.lines if line.strip()]
        said = f"last line {words[-1].strip()!r}" if words else "it printed nothing"
        aborts = evidence.aborts(self.machine)
        return said + (f"; {aborts[-1]}" if aborts else "")

    def _watch_joining(self, event: Event) -> None:
        """Three failures of the same kind to join are an end, unless a fault that caused them will be over."""
        if self.faults.lasting(self.machine.now):
            self.story.join_failures.clear()
        elif max(self.story.join_failures.values(), default=0) >= TRIES:
            self._end(*self._stuck())

    def _watch_scans(self, event: Event) -> None:
        """Three whole scans for an SSID that nobody answers to are an end, unless a fault will be over."""
        if not isinstance(event, ProbeSeen) or event.ssid != self.settings.ssid:
            return
        if not isinstance(event, ProbeUnanswered) or self.faults.lasting(self.machine.now):
            self._scans = 0
            return
        if event.channel < self._scanned:
            self._scans += 1
        self._scanned = event.channel
        if self._scans >= TRIES and self.story.phase in (JOIN, REJOIN):
            wanted = self.settings.ssid.decode("utf-8", "replace")
            there = self.access_point.ssid.decode("utf-8", "replace")
            air = f'in the air: "{there}" on channel {self.access_point.channel}'
            air = air if self.access_point.online else "nothing is in the air"
            failure = f'no access point answers to "{wanted}" ({TRIES} scans); {air}'
            self._end(Verdict.DEVICE_WAITS, self.faults.behind(failure, self.machine.now))
