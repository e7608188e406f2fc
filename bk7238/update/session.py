"""One update from power-on to a verdict: the machine, the network it finds, and the judge.

The judge ends the run when the updated device has joined again, when the old app runs after a reboot that should
have installed the new one, when the same thing has failed three times, or when nothing has moved for 60 virtual
seconds. Only a run that none of these ends reaches the time limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from bk7238.network import http_path, http_server
from bk7238.network.events import Event
from bk7238.network.gateway import Gateway
from bk7238.network.host_server import Server
from bk7238.network.link import Link
from bk7238.network.network import Network
from bk7238.network.tap import Tap
from bk7238.update import evidence, explain, options, profiles, versions
from bk7238.update.result import Result, Verdict
from bk7238.update.story import DONE, DOWNLOAD, INSTALL, JOIN, REJOIN, RESTART, STAYS_UP, Happening, Story

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
        self.machine = Machine(image.data, flash_size=settings.flash_size, seed=settings.seed, engine=settings.engine)
        self.network = Network(self.machine.random("network"))
        self.network.http.files["/" + package.name] = package.data
        self.network.http.files.update(settings.serve)
        told = profiles.Instructions(settings.ssid, settings.psk or "", None if settings.delivered else self._url())
        behind = self.faults.network(self._outside(), self.network)
        for address, data in self.profile.configure(bytes(self.machine.flash.data), told).items():
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
        self.story = Story(self.machine, self.profile, tell, self._turn)
        self.air.on_event(self.story.event)
        self.air.on_event(self._watch_scans)
        self.air.on_event(self._watch_joining)
        self.machine.connect_air(self.air)
        self._operator = self.profile.attach(self.machine, self.air, told)
        self.machine.dead_end.listeners.append(self._dead)
        if settings.delivered:
            self.machine.flash.load(package.data, image.partitions["download"].physical_start)
            self.story.phase = INSTALL
        self.faults.begin(self.machine, self.air, self.access_point)
        self._verdict: Verdict | None = None
        self._reason = ""
        self._scans = 0
        self._scanned = 0
        self.machine.companions.append(Fields(self, ("_verdict", "_reason", "_scans", "_scanned")))

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
        """Run to the verdict."""
        began = time.perf_counter()
        self.story.tell(
            f"power on: {self.image.name}, {self.machine.flash.size >> 20} MiB of flash, profile {self.profile.name}"
        )
        self.machine.clock.after(GLANCE, self._glance)
        if self._verdict is None:  # it may have run before, for a test
            self.machine.run(until=round(self.settings.within * 1e6))
        if self._verdict is None:
            self._end(
                Verdict.TIME_LIMIT,
                f"{self.settings.within:g} virtual seconds passed in phase `{self.story.phase}` without an end",
            )
        self.story.close()
        assert self._verdict is not None
        flash = bytes(self.machine.flash.data)
        kept = self._verdict in (Verdict.OLD_APP_RUNS, Verdict.OLD_APP_RETRIES)
        new_runs = self.story.phase in (REJOIN, DONE) and not kept
        banner = versions.banner_versions(self.story, delivered=self.settings.delivered, new_runs=new_runs)
        footer = versions.footer_versions(flash, self.image, self.package, new_runs=new_runs)
        before, after = versions.of_app(self.story, banner, footer, new_runs=new_runs)
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
            flash=flash,
            banner_versions=banner,
            footer_versions=footer,
        )

    # The judge

    def _end(self, verdict: Verdict, reason: str) -> None:
        if self._verdict is None:
            self._verdict, self._reason = verdict, reason
            self.machine.stop()

    def _dead(self, why: str) -> None:
        """The device will not get anywhere any more, unless a fault will be over."""
        if not self.faults.lasting(self.machine.now):
            loader = not self.story.app_started and not self.story.resets_without_banner
            self._end(Verdict.BOOTLOADER_HANGS if loader else Verdict.BRICK, f"{why}; {self._damage()}")

    def _turn(self, phase: str) -> None:
        if phase == REJOIN:
            self._judge_installation()
            if self.profile.banner is None:
                self._end(Verdict.NEW_APP_RUNS, self._observed())
        elif phase == DONE:
            self._end(Verdict.NEW_APP_RUNS, "the package was installed, the new app runs and has joined again")

    def _observed(self) -> str:
        """What speaks for an app that names no version and was not told to join."""
        printed = sum(bool(line.strip()) for line in self.story.lines[len(self.story.bootloader_lines) :])
        return (
            f"the package was installed and the new app was started: it has run for {STAYS_UP // 1_000_000} virtual "
            f"seconds without a reset and printed {printed or 'no'} lines. Its family is not known, so that no more "
            "than its start was observed"
        )

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
            lack = "name its version" if self.profile.banner else "stay up"
            return Verdict.BRICK, f"the app was started and did not {lack} {since}: {self._damage()}"
        waits = {
            JOIN: "the device did not join",
            DOWNLOAD: "the device joined and the download did not complete",
            RESTART: "the package is on the device, which did not restart",
            REJOIN: "the new app runs and did not join again",
        }[story.phase]
        if story.phase == DOWNLOAD and story.downloaded:
            waits += f" ({story.downloaded})"
        forgotten = self.profile.forgotten(bytes(self.machine.flash.data))
        cause, at = (forgotten, self.machine.now) if forgotten else (story.cause(), story.failed_at)
        missing = "" if cause else self._operator.missing()
        failure = "; ".join(filter(None, (missing, self.faults.behind(cause, at))))
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
