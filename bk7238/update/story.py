"""What happens during an update, told as it happens: phases, milestones, and what the device was last seen doing.

The story only listens. It knows the bootloader's lines, the profile's banner and the network's events, and keeps
what the judge needs to say why a device ended where it did.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bk7238.air import events as air
from bk7238.companion import Fields
from bk7238.machine import Machine
from bk7238.network import events as network
from bk7238.network.http_path import shown
from bk7238.update.joining import Joining
from bk7238.update.profiles import Profile
from bk7238.update.result import Phase
from bk7238.update.versions import Named
from peripherals.core import ResetKind

BOOT, JOIN, DOWNLOAD, RESTART, INSTALL, REJOIN, DONE = (
    "boot",
    "join",
    "download",
    "restart",
    "install",
    "rejoin",
    "done",
)
ORDER = (BOOT, JOIN, DOWNLOAD, RESTART, INSTALL, REJOIN, DONE)
_STATE = (
    *("phase", "phases", "versions", "lines", "bootloader_lines", "app_started", "named", "resets_without_banner"),
    *("app_started_at", "_starts"),
    *("last_progress", "downloaded", "failure", "failed_at", "_joining_failed", "_joining", "join_failures", "_began"),
)
APP_STARTS = "go os_addr("
STAYS_UP = 10_000_000  # virtual microseconds after which an app without a known banner counts as running
WRITTEN = "100%"  # ends the line of the boot loader that has written an app


@dataclass(frozen=True)
class Happening:
    """One milestone: virtual microseconds, and a line for people. `share` is the progress of a download, 0 to 1."""

    time: int
    text: str
    share: float | None = None


class Story:
    """Follows one machine. `tell` gets each milestone; `turn(phase)` is called when a phase begins."""

    def __init__(
        self,
        machine: Machine,
        profile: Profile,
        tell: Callable[[Happening], None],
        turn: Callable[[str], None],
    ) -> None:
        self.machine, self.profile = machine, profile
        self._tell, self._turn = tell, turn
        self.phase = BOOT
        self.phases: list[Phase] = []
        self.versions: list[Named] = []
        self.lines: list[str] = []  # on either UART, since the last reset
        self.bootloader_lines: list[str] = []  # since the last reset and before the app was started
        self.app_started = False
        self.app_started_at = 0
        self.named = False  # since the last reset the app has said its version, or has stayed up where it has no banner
        self._starts = 0
        self.resets_without_banner = 0
        self.last_progress = 0
        self.downloaded = ""
        self.failure = ""  # the newest that nothing has made good
        self.failed_at = 0  # when that happened
        self._joining_failed = False  # in that
        self._joining = Joining()
        self.join_failures: Counter[str] = Counter()  # of this attempt to join, by kind: the first kind is the cause
        self._began = self._mark()
        machine.companions.append(Fields(self, _STATE))
        machine.uart1.on_line(self._line)
        machine.uart2.on_line(self._line)
        machine.engine.on_reset.append(self._reset)
        machine.board.flash.operated.connect(self._flash_operated)

    # What happens

    def event(self, event: network.Event) -> None:
        """Something happened on the radio or behind the access point."""
        if isinstance(event, network.LeaseGranted):
            self.tell(f"the device is on the network as {event.ip}")
            if self._joining_failed:
                self.failure = ""
            if self.phase == JOIN:
                self._enter(DOWNLOAD)
            elif self.phase == REJOIN:
                self._enter(DONE)
        elif isinstance(event, network.HttpRequested):
            self.tell(f"the device asks for {shown(event.path)}: status {event.status}")
            if event.status != 200:
                self._failed(f"the server answered {event.status} to the device's request for {shown(event.path)}")
        elif isinstance(event, network.HttpBodyProgress) and self.phase == DOWNLOAD:
            self.last_progress = event.time
            self.downloaded = f"{event.acknowledged} of {event.total} bytes had arrived"
            share = event.acknowledged / event.total
            self._tell(Happening(event.time, f"{event.acknowledged} of {event.total} bytes", share))
        elif isinstance(event, network.HttpBodyDelivered) and self.phase == DOWNLOAD:
            self.tell(f"the package is on the device, {event.total} bytes")
            self._enter(RESTART)
        elif isinstance(event, network.HttpBodyAborted):
            self._failed(f"the download broke off at {event.acknowledged} of {event.total} bytes")
        elif isinstance(event, network.ConnectionReset):
            self._failed(f"the connection broke: {event.reason}")
        elif isinstance(event, air.StationAssociated):
            self.tell(f"associated with {event.bssid}")
        elif isinstance(event, air.HandshakeCompleted):
            self.tell("the key handshake is complete")
        self._note_failure(self._joining.failure(event))

    def _note_failure(self, failure: str | None) -> None:
        if failure is not None:
            self._failed(failure, joining=True)
            if self.phase in (JOIN, REJOIN):
                self.join_failures[failure] += 1

    def _failed(self, what: str, *, joining: bool = False) -> None:
        self.failure, self.failed_at, self._joining_failed = what, self.machine.now, joining

    def cause(self) -> str:
        """The failure to name where the device goes no further; empty where there was none."""
        if self.join_failures:
            return max(self.join_failures, key=lambda kind: self.join_failures[kind])
        return self.failure

    def tell(self, text: str) -> None:
        self._tell(Happening(self.machine.now, text))

    def _line(self, line: str) -> None:
        self.lines.append(line)
        if not self.app_started:
            self.bootloader_lines.append(line)
            if line.startswith(APP_STARTS):
                self._app_starts()
                self.tell(f"the bootloader starts the app: {line.rstrip('.')}")
            elif line.startswith("BK7238_"):
                self.tell(f"bootloader {line}")
            elif "upgrade(" in line or "erase success" in line or line.endswith(WRITTEN):
                self.tell(line.strip())
        banner = self.profile.banner.search(line) if self.profile.banner else None
        if banner:
            of_sdk = bool(banner.groupdict().get("sdk"))
            named = Named(banner["sdk" if of_sdk else "version"], of_sdk)
            self.versions.append(named)
            self.tell(f"the app says it is {'built with SDK' if of_sdk else 'version'} {named.version}")
            self._runs()

    def _app_starts(self) -> None:
        self.app_started = True
        self.app_started_at = self.machine.now
        self._starts += 1
        if self.profile.banner is None:
            start = self._starts
            self.machine.clock.after(STAYS_UP, lambda: self._stayed_up(start))

    def _stayed_up(self, start: int) -> None:
        """An app that names no version was started some time ago. One that the CPU has aborted in does not count."""
        since = [record for record in self.machine.log.records if record.time >= self.app_started_at]
        if start == self._starts and self.app_started and not any(record.source == "cpu" for record in since):
            self.tell(f"the app has been running for {STAYS_UP // 1_000_000} virtual seconds")
            self._runs()

    def _runs(self) -> None:
        """The app is up."""
        self.named = True
        self.resets_without_banner = 0
        if self.phase == BOOT:
            self._enter(JOIN)
        elif self.phase == DOWNLOAD and any(line.endswith(WRITTEN) for line in self.bootloader_lines):
            self._enter(INSTALL)  # the package was whole, and the power failed before the app could restart
        if self.phase == INSTALL:
            self._enter(REJOIN)

    def _reset(self, kind: ResetKind) -> None:
        self.lines, self.bootloader_lines = [], []
        self.app_started = self.named = False
        if kind is not ResetKind.POWER_ON:  # that is the world's doing
            self.resets_without_banner += 1
        self.tell(f"reset ({kind.value})")
        if self.phase == RESTART:  # at a power cut the app may not have written all of it
            self._enter(DOWNLOAD if kind is ResetKind.POWER_ON else INSTALL)

    def _flash_operated(self, *operation: object) -> None:
        if self.phase in (RESTART, INSTALL) or not self.app_started:
            self.last_progress = self.machine.now

    # Phases

    def _mark(self) -> tuple[int, int, float]:
        return self.machine.now, self.machine.instructions, os.times().user

    def _enter(self, phase: str) -> None:
        self.close()
        self.phase = phase
        self.last_progress = self.machine.now
        self.failure = ""
        self.join_failures.clear()
        self._turn(phase)

    def close(self) -> None:
        """End the current phase now, whether or not the next one begins."""
        if self.phase == DONE:
            return
        began, now = self._began, self._mark()
        self.phases.append(Phase(self.phase, began[0], now[0], now[1] - began[1], now[2] - began[2]))
        self._began = now
