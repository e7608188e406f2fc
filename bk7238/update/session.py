"""One update from power-on to a verdict: the machine, the network it finds, and the judge.

The judge ends the run when the updated device has joined again, when the old app runs after a reboot that should
have installed the new one, when the same thing has failed three times, or when nothing has moved for 60 virtual
seconds. Only a run that none of these ends reaches the time limit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from bk7238.air.access_point import AccessPoint
from bk7238.air.events import ProbeUnanswered
from bk7238.air.medium import Medium
from bk7238.image import FlashImage, Package
from bk7238.machine import Machine
from bk7238.network.events import Event
from bk7238.network.network import Network
from bk7238.update import explain, profiles
from bk7238.update.result import Result, Verdict
from bk7238.update.story import BOOT, DONE, DOWNLOAD, INSTALL, JOIN, REJOIN, RESTART, Happening, Story

PATIENCE = 60_000_000  # virtual microseconds without progress
GLANCE = 1_000_000
TRIES = 3


@dataclass(frozen=True)
class Settings:
    """What the user chose. `ap_ssid` is the access point's own SSID where it differs from the device's, `request` the
    file name that the device asks for where it differs from the package's."""

    ssid: bytes = b"Bench"
    ap_ssid: bytes | None = None
    channel: int = 6
    ht: bool = False
    profile: str = "auto"
    request: str | None = None
    flash_size: int | None = None
    engine: str = "unicorn"
    seed: int = 0
    within: float = 180.0


class Update:
    """An update that is ready to run. Raises ValueError for what the firmware family cannot be told."""

    def __init__(
        self,
        image: FlashImage,
        package: Package,
        settings: Settings,
        tell: Callable[[Happening], None] = lambda happening: None,
    ) -> None:
        self.image, self.package, self.settings = image, package, settings
        self.profile = profiles.find(settings.profile, image.data)
        self.machine = Machine(image.data, flash_size=settings.flash_size, seed=settings.seed, engine=settings.engine)
        self.network = Network(random.Random(f"{settings.seed}:network"))
        self.network.http.files["/" + quote(package.name)] = package.data
        url = f"http://{self.network.gateway_ip}/{quote(settings.request or package.name)}"
        told = profiles.Instructions(settings.ssid, "", url)
        for address, data in self.profile.configure(bytes(self.machine.flash.data), told).items():
            self.machine.flash.load(data, address)
        self.access_point = AccessPoint(
            settings.ssid if settings.ap_ssid is None else settings.ap_ssid,
            channel=settings.channel,
            network=self.network,
            rng=random.Random(f"{settings.seed}:access point"),
            ht=settings.ht,
        )
        self.air = Medium([self.access_point])
        self.story = Story(self.machine, self.profile, tell, self._turn)
        self.air.on_event(self.story.event)
        self.air.on_event(self._watch_scans)
        self.machine.connect_air(self.air)
        self._verdict: Verdict | None = None
        self._reason = ""
        self._scans = 0
        self._scanned = 0

    def run(self) -> Result:
        """Run to the verdict."""
        began = time.perf_counter()
        self.story.tell(
            f"power on: {self.image.name}, {self.machine.flash.size >> 20} MiB of flash, profile {self.profile.name}"
        )
        self.machine.clock.after(GLANCE, self._glance)
        self.machine.run(until=round(self.settings.within * 1e6))
        if self._verdict is None:
            self._end(
                Verdict.TIME_LIMIT,
                f"{self.settings.within:g} virtual seconds passed in phase `{self.story.phase}` without an end",
            )
        self.story.close()
        assert self._verdict is not None
        versions = self.story.versions
        return Result(
            verdict=self._verdict,
            reason=self._reason,
            from_version=versions[0] if versions else None,
            to_version=versions[-1] if len(versions) > 1 else None,
            phases=self.story.phases,
            virtual_seconds=self.machine.now / 1e6,
            instructions=self.machine.instructions,
            wall_seconds=time.perf_counter() - began,
            digest=self.machine.digest(),
            seed=self.settings.seed,
            engine=self.settings.engine,
            flash=bytes(self.machine.flash.data),
        )

    # The judge

    def _end(self, verdict: Verdict, reason: str) -> None:
        if self._verdict is None:
            self._verdict, self._reason = verdict, reason
            self.machine.stop()

    def _turn(self, phase: str) -> None:
        if phase == REJOIN:
            self._judge_installation()
        elif phase == DONE:
            self._end(Verdict.NEW_APP_RUNS, "the package was installed, the new app runs and has joined again")

    def _judge_installation(self) -> None:
        flash = bytes(self.machine.flash.data)
        installed = explain.footer(flash, self.image.app) == self.package.data[:96]
        if installed:
            return
        said = explain.printed(self.story.bootloader_lines)
        cause = "the bootloader printed: " + " / ".join(said) if said else self._silent(flash)
        if self.story.versions[0] == self.story.versions[-1]:
            self._end(Verdict.OLD_APP_RUNS, cause)
        else:
            self._end(Verdict.NEW_APP_REFLASHES, "the new app runs but is not verified: " + cause)

    def _silent(self, flash: bytes) -> str:
        return "the bootloader printed nothing about an update: " + explain.seen(flash, self.package.data)

    def _glance(self) -> None:
        """Once a virtual second: is anything still moving?"""
        if self.story.resets_without_banner > TRIES:
            self._end(Verdict.BRICK, f"{TRIES} resets in a row without a running app: {self._last_words()}")
        elif self.machine.now - self.story.last_progress > PATIENCE:
            self._end(*self._stuck())
        self.machine.clock.after(GLANCE, self._glance)

    def _stuck(self) -> tuple[Verdict, str]:
        story, since = self.story, f"for {PATIENCE // 1_000_000} virtual seconds"
        failure = story.failures[-1] if story.failures else None
        if story.phase in (BOOT, INSTALL):
            if not story.app_started:
                return Verdict.BOOTLOADER_HANGS, f"the bootloader did not start the app {since}: {self._last_words()}"
            return Verdict.BRICK, f"the app was started and did not name its version {since}: {self._last_words()}"
        waits = {
            JOIN: "the device did not join",
            DOWNLOAD: "the device joined and the download did not complete",
            RESTART: "the package is on the device, which did not restart",
            REJOIN: "the new app runs and did not join again",
        }[story.phase]
        return Verdict.DEVICE_WAITS, f"{waits}: {failure}" if failure else f"{waits} {since}: {self._last_words()}"

    def _last_words(self) -> str:
        words = [line for line in self.story.lines if line.strip()]
        return f"last line {words[-1].strip()!r}" if words else "it printed nothing"

    def _watch_scans(self, event: Event) -> None:
        """Three whole scans for an SSID that nobody answers to are an end."""
        if not isinstance(event, ProbeUnanswered) or event.ssid != self.settings.ssid:
            return
        if event.channel < self._scanned:
            self._scans += 1
        self._scanned = event.channel
        if self._scans >= TRIES and self.story.phase in (JOIN, REJOIN):
            wanted = self.settings.ssid.decode("utf-8", "replace")
            there = self.access_point.ssid.decode("utf-8", "replace")
            self._end(
                Verdict.DEVICE_WAITS,
                f'no access point answers to "{wanted}" ({TRIES} scans); '
                f'in the air: "{there}" on channel {self.access_point.channel}',
            )
