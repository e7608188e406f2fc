"""The judge of one update: says where the device has ended, and why.

The run ends when the updated device has joined again, when the old app runs after a reboot that should have installed
the new one, when the same thing has failed three times, or when nothing has moved for 60 virtual seconds. Only a run
that none of these ends reaches the time limit. Once the judge has judged it only listens: the machine may run on.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from bk7238.air.events import ProbeSeen, ProbeUnanswered
from bk7238.formats import rbl
from bk7238.image import loaders
from bk7238.image.flash_view import FlashView
from bk7238.network.events import Event
from bk7238.peripherals.core import Actor, Alarm, Signal, State, on_alarm
from bk7238.update import evidence, installation
from bk7238.update.failures import TRIES, Failures
from bk7238.update.story import DONE, DOWNLOAD, JOIN, REJOIN, RESTART, STAYS_UP, Happening, Story
from bk7238.update.verdict import Verdict

if TYPE_CHECKING:
    from bk7238.air.access_point import AccessPoint
    from bk7238.families.family import Family, Instructions, Operator
    from bk7238.faults.run import Faults
    from bk7238.formats.partitions import Partition
    from bk7238.image import FlashImage, Package
    from bk7238.machine import Machine

PATIENCE = 60_000_000  # virtual microseconds without progress
GLANCE = 1_000_000


class Judge(Actor):
    """Follows one machine through its story. `told` is what the device was told, `package` what it is to install.
    `on_end` is told when the verdict is there."""

    verdict: Verdict | None = State()
    reason: str = State("")
    glance = Alarm()
    _scans: int = State(0)
    _scanned: int = State(0)

    def __init__(
        self,
        machine: Machine,
        family: Family,
        image: FlashImage,
        package: Package,
        told: Instructions,
        access_point: AccessPoint,
        faults: Faults,
        *,
        tell: Callable[[Happening], None],
    ) -> None:
        self.machine, self.family, self.image, self.package = machine, family, image, package
        self.told, self.access_point, self.faults = told, access_point, faults
        self.loader = loaders.of(image.view)
        self.failures = Failures(machine, self._excused, lambda: self._end(*self._stuck()))
        self.story = Story(machine, family, self.loader, told.url, self.failures, tell)
        self.story.on_phase.connect(self._turn)
        self.operators: list[Operator] = []  # known once the device is in the air
        self.clock = machine.clock
        self.on_end = Signal()
        machine.dead_end.on_end.connect(self._dead)

    def begin(self) -> None:
        """Look at the machine from now on, once a virtual second."""
        self.glance.start(GLANCE)

    def event(self, event: Event) -> None:
        """Something happened on the radio or behind the access point."""
        self.story.event(event)
        self._watch_scans(event)

    def close(self, within: float) -> tuple[Verdict, str]:
        """The verdict and its reason; without one the time limit, in virtual seconds, has passed."""
        if self.verdict is None:
            passed = f"{within:g} virtual seconds passed in phase `{self.story.phase}` without an end"
            cause = self._cause()
            self._end(Verdict.TIME_LIMIT, f"{passed}: {cause}" if cause else passed)
        self.story.close()
        assert self.verdict is not None
        return self.verdict, self.reason

    def interrupted(self, why: str) -> None:
        """Somebody has ended the run before there was a verdict."""
        self._end(Verdict.INTERRUPTED, f"{why} in phase `{self.story.phase}`")

    def _end(self, verdict: Verdict, reason: str) -> None:
        if self.verdict is None:
            self.verdict, self.reason = verdict, reason
            self.machine.stop()
            self.on_end()

    def _dead(self, why: str) -> None:
        """The device will not get anywhere any more, unless a fault will be over."""
        if not self.faults.lasting(self.machine.now):
            if self.machine.board.sctrl.always_on.asleep:  # a power cycle wakes it up
                self._end(Verdict.DEVICE_WAITS, why)
                return
            loader = not self.story.app_started and not self.story.resets_without_banner
            self._end(Verdict.BOOTLOADER_HANGS if loader else Verdict.BRICK, f"{why}; {self._damage()}")

    def _excused(self, since: int) -> bool:
        """Whether what fails now is the work of a fault that passes, and that fired after `since`."""
        return self.faults.lasting(self.machine.now) or self.faults.passed(since)

    # What has been installed

    def _turn(self, phase: str) -> None:
        if self.verdict is not None:
            return
        if phase == REJOIN:
            self._judge_installation()
            if self.family.banner is None:
                self._end(Verdict.NEW_APP_RUNS, self._observed())
        elif phase == DONE:
            self._end(Verdict.NEW_APP_RUNS, self._installed())

    def _observed(self) -> str:
        """What speaks for an app that names no version and was not told to join."""
        printed = sum(bool(line.strip()) for line in self.story.lines[len(self.story.bootloader_lines) :])
        return (
            f"the package was installed and the new app was started: it has run for {STAYS_UP // 1_000_000} virtual "
            f"seconds without a reset and printed {printed or 'no'} lines. Its family is not known, so that no more "
            "than its start was observed"
        )

    def _installed(self) -> str:
        flash = self._flash()
        target = self.loader.target(flash, self.package.data, self.image.app)
        if target is self.image.app:
            stands = installation.app_partition(flash, target)  # as the table has it, where the boot loader looks
            unsealed = flash.footer(stands) != self.package.data[: rbl.SIZE]
            footer = "; the boot loader wrote no footer, and the package is gone" if unsealed else ""
            return f"the package was installed, the new app runs and has joined again{footer}"
        return f"the package was installed in partition `{target.name}`, the app runs and has joined again"

    def _judge_installation(self) -> None:
        flash = self._flash()
        app = installation.app_partition(flash, self.image.app)
        target = self.loader.target(flash, self.package.data, app)
        sealed = flash.footer(target) == self.package.data[: rbl.SIZE]
        if sealed or installation.without_footer(flash, target, self.package.header):
            return
        said = self.loader.complaints(self.story.bootloader_lines)
        cause = self._why_not(flash, said)
        kept = self.image.app if target is app else target  # the app runs where it was, whatever the table says now
        if self._is_old(flash, kept):
            retries = bool(said) and not self.loader.no_package(said) and installation.waiting(flash, target)
            self._end(Verdict.OLD_APP_RETRIES if retries else Verdict.OLD_APP_RUNS, cause)
        elif target is app:
            self._end(Verdict.NEW_APP_REFLASHES, "the new app runs but is not verified: " + cause)
        else:
            self._end(Verdict.NEW_APP_REFLASHES, f"partition `{target.name}` is written but not verified: {cause}")

    def _is_old(self, flash: FlashView, kept: Partition) -> bool:
        """Whether a partition has what it had in the image."""
        if kept is self.image.app:
            return installation.is_old_app(flash, self.image.view, kept, self.package.header)
        return installation.untouched(flash, self.image.view, kept)

    def _why_not(self, flash: FlashView, said: list[str]) -> str:
        """Why the boot loader has not installed the package: what it printed, what it saw, what had come instead."""
        came = self._came()
        return f"{came}; {self.loader.quoted(said)}" if came else self.loader.why(said, flash, self.package.data)

    def _came(self) -> str:
        return self.story.came(self.package.name, zlib.crc32(self.package.data))

    # Where it goes no further

    @on_alarm(glance)
    def _glance(self) -> None:
        """Once a virtual second: is anything still moving?"""
        if self.verdict is not None:
            return
        if self.story.resets_without_banner > TRIES:
            self._end(Verdict.BRICK, f"{TRIES} resets in a row without a running app: {self._damage()}")
        elif self.machine.powered and self.machine.now - self.story.last_progress > PATIENCE:
            self._end(*self._stuck())
        self.glance.start(GLANCE)

    def _stuck(self) -> tuple[Verdict, str]:
        story, since = self.story, f"for {PATIENCE // 1_000_000} virtual seconds"
        if self.machine.dead_end.asleep:
            return Verdict.DEVICE_WAITS, self.machine.dead_end.asleep
        if not story.named:
            if not story.app_started:
                return Verdict.BOOTLOADER_HANGS, f"the bootloader did not start the app {since}: {self._last_words()}"
            lack = "name its version" if self.family.banner else "stay up"
            return Verdict.BRICK, f"the app was started and did not {lack} {since}: {self._damage()}"
        came = self._came()
        waits = {
            JOIN: "the device did not join",
            DOWNLOAD: "the device joined and the download did not complete",
            RESTART: f"{came}, and the device did not restart"
            if came
            else "the package is on the device, which did not restart",
            REJOIN: "the new app runs and did not join again",
        }[story.phase]
        if story.phase == DOWNLOAD and story.downloaded:
            waits += f" ({story.downloaded})"
        failure = self._cause()
        return Verdict.DEVICE_WAITS, f"{waits}: {failure}" if failure else f"{waits} {since}: {self._last_words()}"

    def _cause(self) -> str:
        """What has failed, and the faults that fired before and after it; empty where nothing is known."""
        forgotten = self.family.forgotten(self._flash())
        if forgotten:
            return self.faults.behind(forgotten, self.machine.now)
        cause = self.failures.cause()
        unusual = self.story.unusual(self.package.name, len(self.package.data)) if self._is_loading() else ""
        for more in (unusual, self.story.complaint):
            if more and more.removeprefix("the answer was ") not in cause:
                cause = f"{cause}; {more}" if cause else more
        described = self.faults.behind(cause, self.failures.time)
        missing = [] if cause else [operator.missing() for operator in self.operators]
        return "; ".join(filter(None, (*missing, described))) or self._unfinished()

    def _is_loading(self) -> bool:
        return self.story.phase in (DOWNLOAD, RESTART)

    def _unfinished(self) -> str:
        """What the network began and the device did not go on with."""
        story = self.story
        if story.phase in (JOIN, REJOIN) and story.offered:
            return f"the DHCP server offered {story.offered}, and the device did not take it"
        return ""

    def _flash(self) -> FlashView:
        """The flash as it is now."""
        return FlashView(self.machine.chip, bytes(self.machine.flash.data))

    def _damage(self) -> str:
        flash = self._flash()
        return installation.damage(flash, self.image.view, self.image.app, self.package) + self._last_words()

    def _last_words(self) -> str:
        words = [line for line in self.story.lines if line.strip()]
        said = f"last line {words[-1].strip()!r}" if words else "it printed nothing"
        aborts = evidence.aborts(self.machine)
        return said + (f"; {aborts[-1]}" if aborts else "")

    def _watch_scans(self, event: Event) -> None:
        """Three whole scans for an SSID that nobody answers to are an end, unless a fault will be over."""
        if self.verdict is not None or not isinstance(event, ProbeSeen) or event.ssid != self.told.ssid:
            return
        if not isinstance(event, ProbeUnanswered) or self.faults.lasting(self.machine.now):
            self._scans = 0
            return
        if event.channel < self._scanned:
            self._scans += 1
        self._scanned = event.channel
        if self._scans >= TRIES and self.story.phase in (JOIN, REJOIN):
            wanted = self.told.ssid.decode("utf-8", "replace")
            there = self.access_point.ssid.decode("utf-8", "replace")
            air = f'in the air: "{there}" on channel {self.access_point.channel}'
            air = air if self.access_point.online else "nothing is in the air"
            failure = f'no access point answers to "{wanted}" ({TRIES} scans); {air}'
            self._end(Verdict.DEVICE_WAITS, self.faults.behind(failure, self.machine.now))
