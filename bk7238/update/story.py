"""What happens during an update, told as it happens: phases, milestones, and what the device was last seen doing.

The story only listens. It knows the bootloader's lines, the family's banner and the network's events, and keeps
what the judge needs to say why a device ended where it did.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from bk7238.air import events as air
from bk7238.families.family import Family
from bk7238.image.loaders import Loader, Says
from bk7238.machine import Machine
from bk7238.network import events as network
from bk7238.network.http_path import shown
from bk7238.peripherals.core import Actor, Calls, ResetKind, Signal, State, on_alarm
from bk7238.update.failures import Failure, Failures, Stage
from bk7238.update.joining import Joining
from bk7238.update.result import Phase
from bk7238.update.trouble import Trouble
from bk7238.update.versions import Named

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
STAYS_UP = 10_000_000  # virtual microseconds after which an app without a known banner counts as running


@dataclass(frozen=True)
class Happening:
    """One milestone: virtual microseconds, and a line for people. `share` is the progress of a download, 0 to 1."""

    time: int
    text: str
    share: float | None = None


class Story(Actor):
    """Follows one machine with a boot loader, whose device was told to fetch `url`. `tell` gets each milestone,
    `on_phase` is told each phase that begins."""

    phase: str = State(BOOT)
    phases: list[Phase] = State(factory=list)
    versions: list[Named] = State(factory=list)
    lines: list[str] = State(factory=list)  # on either UART, since the last reset
    bootloader_lines: list[str] = State(factory=list)  # since the last reset and before the app was started
    app_started: bool = State(False)
    app_started_at: int = State(0)
    named: bool = State(False)  # since the last reset the app has said its version, or stayed up where it has no banner
    resets_without_banner: int = State(0)
    last_progress: int = State(0)
    downloaded: str = State("")
    complaint: str = State("")  # of the boot loader, when it last started an app during the download
    offered: str = State("")  # the address that DHCP last offered, and that nobody has taken
    _online: bool = State(False)  # it has got an address since the last reset
    _starts: int = State(0)
    _body: bool = State(False)  # an answer has arrived as a whole,
    _crc: int | None = State()  # and has this CRC-32
    _furthest: int = State(0)  # bytes of the download that have arrived, in any attempt
    _furthest_phase: int = State(0)  # its place in ORDER
    _began: tuple[int, int, float] = State()
    staying = Calls()

    def __init__(
        self,
        machine: Machine,
        family: Family,
        loader: Loader,
        url: str | None,
        failures: Failures,
        tell: Callable[[Happening], None],
    ) -> None:
        self.machine, self.family, self.loader, self.failures = machine, family, loader, failures
        self._tell, self.on_phase = tell, Signal()
        self.clock = machine.clock
        self.joining = Joining()
        self._trouble = Trouble(url)
        self._began = self._mark()
        machine.uart1.on_line.connect(self._line)
        machine.uart2.on_line.connect(self._line)
        machine.engine.on_reset.connect(self._reset)
        machine.board.flash.operations.connect(self._flash_operated)

    # What happens

    def event(self, event: network.Event) -> None:
        """Something happened on the radio or behind the access point."""
        if isinstance(event, network.LeaseOffered):
            self.offered = event.ip
        elif isinstance(event, network.LeaseGranted):
            self._leased(event)
        elif isinstance(event, network.ConnectionOpened):
            self.failures.begins(event.client_port)
            self.failures.made_good(Stage.CONNECTING)
        elif isinstance(event, network.HttpRequested):
            self.tell(
                f"the device asks for {shown(event.path)}: "
                + (f"status {event.status}" if event.status else "no answer")
            )
            self._asked(event)
        elif isinstance(event, network.PushBegan):
            self._brought(event)
        elif isinstance(event, (network.HttpBodyProgress, network.PushProgress)) and self.phase == DOWNLOAD:
            self._progress(event)
        elif isinstance(event, (network.HttpBodyDelivered, network.PushDelivered)) and self.phase == DOWNLOAD:
            self.tell(f"the package is on the device, {event.total} bytes")
            self._body = True
            self._crc = event.crc if isinstance(event, network.HttpBodyDelivered) else None  # what is brought is known
            self._enter(RESTART)
        elif remark := _remark(event):
            self.tell(remark)
        if not isinstance(event, network.HttpRequested):
            self._note(self._trouble.failure(event))
        joining = self.joining.failure(event)
        if joining is not None:
            self._note(Failure(joining, joining, Stage.JOINING))

    def _asked(self, event: network.HttpRequested) -> None:
        """A request on a connection: an attempt of its own, whose failure it is itself or tells of the one before."""
        self._anew()
        if event.status not in (0, 200):  # without an answer the connection may have failed already
            self.failures.begins(event.client_port)
        self._note(self._trouble.failure(event))
        if event.status == 200:
            self.failures.begins(event.client_port)

    def _brought(self, event: network.PushBegan) -> None:
        """A host begins to bring the package."""
        self.tell(f"the package is brought to {event.target}")
        self._anew()
        self.failures.begins(0)
        self.failures.made_good(Stage.CONNECTING)

    def _anew(self) -> None:
        """The package comes once more: the device did not take what it had."""
        if self.phase == RESTART:
            self._body = False
            self._enter(DOWNLOAD)

    def _leased(self, event: network.LeaseGranted) -> None:
        self.offered = ""
        self.tell(f"the device is on the network as {event.ip}")
        self.failures.made_good(Stage.JOINING)
        self._online = True
        self._joins()

    def _joins(self) -> None:
        """The device is on the network, and its app has named itself, whichever came first."""
        if self.phase == JOIN:
            self._enter(DOWNLOAD)
        elif self.phase == REJOIN:
            self._enter(DONE)

    def _progress(self, event: network.HttpBodyProgress | network.PushProgress) -> None:
        """Bytes have arrived. Only what had not arrived in an earlier attempt is progress."""
        share = event.acknowledged / event.total if event.total else None
        of = f" of {event.total}" if event.total else ""
        self._tell(Happening(event.time, f"{event.acknowledged}{of} bytes", share))
        if event.acknowledged > self._furthest:
            self._furthest = event.acknowledged
            self.downloaded = f"{event.acknowledged}{of} bytes had arrived"
            self._further()

    def _further(self) -> None:
        self.last_progress = self.machine.now
        self.failures.made_good(Stage.LOADING)

    def _note(self, failure: Failure | None) -> None:
        if failure is not None and self.failures.note(failure):
            self._furthest = 0

    def came(self, name: str, crc: int) -> str:
        """What arrived instead of the package of that name and CRC-32; empty where the package did, or nothing."""
        other = self._body and self._crc is not None and self._crc != crc
        return f"{self._trouble.answer} came, not {name}" if other else ""

    def unusual(self, name: str, size: int) -> str:
        """What is unusual in the newest answer, for a package of that name and so many bytes; empty for nothing."""
        answer = self._trouble.answer
        if answer is None or (answer.length == size and answer.written == "Content-Length" and not answer.coding):
            return ""
        differs = answer.length is not None and answer.length != size
        return f"the answer was {answer.status}, {answer}" + (f", but {name} has {size:,}" if differs else "")

    def tell(self, text: str) -> None:
        """Tell who listens, with the present virtual time."""
        self._tell(Happening(self.machine.now, text))

    def _line(self, line: str) -> None:
        self.lines.append(line)
        if not self.app_started:
            self.bootloader_lines.append(line)
            said = self.loader.says(line)
            if said is Says.APP_STARTS:
                self._app_starts()
                self.tell(f"the bootloader starts the app: {line.rstrip('.')}")
            elif said not in (None, Says.PROGRESS):
                self.tell(f"bootloader {line}" if said is Says.NAME else line.strip())
        banner = self.family.banner.search(line) if self.family.banner else None
        if banner:
            self._note_complaint()
            of_sdk = bool(banner.groupdict().get("sdk"))
            named = Named(banner["sdk" if of_sdk else "version"], of_sdk)
            self.versions.append(named)
            self.tell(f"the app says it is {'built with SDK' if of_sdk else 'version'} {named.version}")
            self._runs()

    def _note_complaint(self) -> None:
        """An app starts during the download: what the boot loader found of a package before."""
        said = self.loader.complaints(self.bootloader_lines) if self.phase == DOWNLOAD and not self.named else []
        self.complaint = self.loader.quoted(said) if said else ""
        if said:
            kind = "boot loader: " + said[0].partition("(calc")[0]
            self._note(Failure(kind, self.complaint, Stage.LOADING, follows=True))

    def _app_starts(self) -> None:
        self.app_started = True
        self.app_started_at = self.machine.now
        self._starts += 1
        if self.family.banner is None:
            self.staying.after(STAYS_UP, self._starts)

    @on_alarm(staying)
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
        elif self.phase == DOWNLOAD and any(self.loader.says(line) is Says.WRITTEN for line in self.bootloader_lines):
            self._enter(INSTALL)  # the package was whole, and the power failed before the app could restart
        if self.phase == INSTALL:
            self._enter(REJOIN)
        if self._online:
            self._joins()

    def _reset(self, kind: ResetKind) -> None:
        if self.named and kind is not ResetKind.POWER_ON and self.phase in (JOIN, DOWNLOAD, REJOIN):
            text = f"the device restarted by itself ({kind.value})"
            self._note(Failure("restart", text, Stage.LOADING, follows=True))
        self.failures.restarted()
        self.lines.clear()
        self.bootloader_lines.clear()
        self.app_started = self.named = self._online = False
        if kind is not ResetKind.POWER_ON:  # that is the world's doing
            self.resets_without_banner += 1
        self.tell(f"reset ({kind.value})")
        if kind is ResetKind.POWER_ON:
            self._begin_anew()
        if self.phase == RESTART:  # at a power cut the app may not have written all of it
            self._furthest_phase = ORDER.index(JOIN)
            self._enter(DOWNLOAD if kind is ResetKind.POWER_ON else INSTALL)

    def _begin_anew(self) -> None:
        """The power was gone: what the device had tried and how far it had come is of no account any more."""
        self._furthest, self.last_progress = 0, self.machine.now
        self.downloaded = self.complaint = self.offered = ""
        self._body, self._crc = False, None
        for actor in (self.failures, self.joining, self._trouble):
            actor.forget()

    def _flash_operated(self, operations: list[tuple[int, str, int, bytes | int]]) -> None:
        if self.phase in (RESTART, INSTALL) or not self.app_started:
            self.last_progress = operations[-1][0]

    # Phases

    def _mark(self) -> tuple[int, int, float]:
        return self.machine.now, self.machine.instructions, os.times().user

    def _enter(self, phase: str) -> None:
        self.close()
        self.phase = phase
        place = ORDER.index(phase)
        if place > self._furthest_phase:
            self._furthest_phase = place
            self._further()
        self.on_phase(phase)

    def close(self) -> None:
        """End the current phase now, whether or not the next one begins."""
        if self.phase == DONE:
            return
        began, now = self._began, self._mark()
        self.phases.append(Phase(self.phase, began[0], now[0], now[1] - began[1], now[2] - began[2]))
        self._began = now


def _remark(event: network.Event) -> str:
    """What there is to say of an event that changes nothing here; empty for nothing."""
    if isinstance(event, air.StationAssociated):
        return f"associated with {event.bssid}"
    if isinstance(event, network.Identified):
        return f"the device says that it is {event.name!r}, version {event.version}"
    return "the key handshake is complete" if isinstance(event, air.HandshakeCompleted) else ""
