"""The device under test and what is around it: access point, server, supply, flash, air."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bk7238.bench.settings import OPTIONS, Settings
from bk7238.bench.values import microseconds
from bk7238.faults import Spec
from bk7238.faults.run import Faults
from bk7238.image import FlashImage, Package, flash_image
from bk7238.testing.patterns import Pattern, matcher
from bk7238.update import evidence
from bk7238.update.result import Result
from bk7238.update.session import Update

if TYPE_CHECKING:
    from bk7238.air.access_point import AccessPoint
    from bk7238.air.medium import Medium
    from bk7238.machine import Machine
    from bk7238.network.http_server import HttpServer
    from bk7238.network.link import Link
    from bk7238.network.network import Network
    from bk7238.sweep.report.report import Report


class NotSeen(AssertionError):
    """What was expected did not happen in its time."""


class Dut:
    """The device under test: `image` in its flash, and an update that waits for it."""

    def __init__(self, image: FlashImage, package: Package, settings: Settings) -> None:
        self.image, self.package, self.settings = image, package, settings
        self.result: Result | None = None
        self._update: Update | None = None
        self._lines: list[tuple[int, str]] = []
        self._read = 0
        self._wanted: Callable[[int, str], Any] | None = None

    # Before it is switched on

    def configure(self, **settings: Any) -> None:
        """Change settings: those of `bk7238.Settings`, as they are written there. Raises ValueError."""
        self._not_yet()
        for name in settings.keys() - OPTIONS:
            raise ValueError(f"there is no setting {name!r}, but {', '.join(sorted(OPTIONS))}")
        changed = replace(self.settings, **settings)
        Faults(changed.faults, changed.seed)
        if changed.chip not in (None, self.image.chip):
            self.image = flash_image.parse(self.image.data, self.image.name, chip=changed.chip)
        changed.check_chip(self.image.chip)
        self.settings = changed

    def fault(self, spec: str | Spec) -> None:
        """One more fault; docs/faults.md."""
        self.configure(faults=(*self.settings.faults, spec))

    def _not_yet(self) -> None:
        if self._update is not None:
            raise RuntimeError("the device is switched on already; do this first")

    @staticmethod
    def plug(machine: Machine, network: Network) -> Link:
        """What the device's access point has behind it."""
        return network

    # While it runs

    @property
    def made(self) -> bool:
        return self._update is not None

    @property
    def update(self) -> Update:
        if self._update is None:
            self._update = Update(self.image, self.package, self.settings, plug=self.plug)
            self._update.machine.uart1.on_line(lambda line: self._line(1, line))
            self._update.machine.uart2.on_line(lambda line: self._line(2, line))
        return self._update

    @property
    def machine(self) -> Machine:
        return self.update.machine

    @property
    def now(self) -> float:
        """Virtual seconds since the first power-on."""
        return self.machine.now / 1e6

    def expect(
        self, pattern: Pattern | Sequence[Pattern], within: str | float = "20 s", console: int | None = None
    ) -> re.Match[Any]:
        """Run until a line matches, on either UART or on that one; gives the match, of text for a text and of bytes
        for bytes. A pattern is a regular expression, compiled or not, or a list of alternatives. Lines up to the one
        that matched are read: the next call looks at those behind it. Raises NotSeen."""
        return self._expect(pattern, matcher(pattern), within, console)

    def expect_exact(
        self, text: str | bytes | Sequence[str | bytes], within: str | float = "20 s", console: int | None = None
    ) -> re.Match[Any]:
        """As `expect`, for text that is no regular expression."""
        return self._expect(text, matcher(text, exact=True), within, console)

    def _expect(
        self, wanted: Any, match: Callable[[str], re.Match[Any] | None], within: str | float, console: int | None
    ) -> re.Match[Any]:
        if console is not None:
            _check_console(console)
        patience = microseconds(within)
        machine = self.machine
        deadline = machine.now + patience
        while True:
            while self._read < len(self._lines):
                number, line = self._lines[self._read]
                self._read += 1
                found = match(line) if console in (None, number) else None
                if found is not None:
                    return found
            if machine.now >= deadline:
                raise NotSeen(f"no line matched {wanted!r} within {within}, until {self.now:.3f} s{self._dead_end}")
            self._wanted = lambda number, line: console in (None, number) and match(line)
            machine.run(until=deadline)
            self._wanted = None

    @property
    def _dead_end(self) -> str:
        why = self.machine.dead_end.why
        return f"; {why}" if why else ""

    def skip(self) -> None:
        """Lines until now are read."""
        self._read = len(self._lines)

    def run(self, time: str | float) -> None:
        """Let that much time pass."""
        end = self.machine.now + microseconds(time)
        while self.machine.now < end:
            self.machine.run(until=end)

    def wait(self, condition: Callable[[], Any], within: str | float = "20 s") -> None:
        """Let time pass, 10 ms at a time, until the condition holds. Raises NotSeen."""
        deadline = self.machine.now + microseconds(within)
        while not condition():
            if self.machine.now >= deadline:
                raise NotSeen(f"the condition did not hold within {within}{self._dead_end}")
            self.run(0.01)

    def send(self, text: str | bytes, console: int = 1) -> None:
        """Type a line on a UART."""
        _check_console(console)
        line = text if isinstance(text, bytes) else text.encode()
        (self.machine.uart1, self.machine.uart2)[console - 1].send(line + b"\r")

    def verdict(self) -> Result:
        """Run to the end of the update and say where the device ended, and why."""
        if self.result is None:
            self.result = self.update.run()
        return self.result

    def last_lines(self) -> dict[str, list[str]]:
        """Of both UARTs."""
        machine = self.machine
        return {"uart1": evidence.last_lines(machine.uart1), "uart2": evidence.last_lines(machine.uart2)}

    def _line(self, console: int, line: str) -> None:
        self._lines.append((console, line))
        if self._wanted is not None and self._wanted(console, line):
            self.machine.stop()


def _check_console(number: int) -> None:
    """Raises ValueError for a UART that the chip has not."""
    if number not in (1, 2):
        raise ValueError(f"the consoles are UART 1 and 2, there is no {number!r}")


def sweep(dut: Dut, tier: str, of: str = "install", *, number: int = 1, **more: tuple[str, ...]) -> Report:
    """What `bk7238 sweep --of` does, with so many processes; `modes` and `faults` as there. Raises ValueError."""
    from bk7238.sweep.journal import Journal
    from bk7238.sweep.plan import registry
    from bk7238.sweep.point import Job
    from bk7238.sweep.report.report import Report
    from bk7238.sweep.run import sweep as run
    from bk7238.sweep.workers.processes import processes

    began = time.perf_counter()
    plan = registry.make(of, Job(dut.image, dut.package, dut.settings), **more)
    points = plan.points(tier)
    outcomes = run(plan, points, Journal(None, plan), start=processes(number))
    return Report(plan, points, outcomes, tier, time.perf_counter() - began)


class Ap:
    """The access point that the device finds."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    @property
    def model(self) -> AccessPoint:
        return self._dut.update.access_point

    @property
    def stations(self) -> list[str]:
        """MAC addresses of those that are associated."""
        return [station.address.hex(":") for station in self.model.stations if station.associated]

    def off(self) -> None:
        self.model.switch_off()
        self._dut.machine.air_changed()

    def on(self) -> None:
        """After `off`: all stations are strangers."""
        self.model.switch_on(self._dut.machine.now, forget=True)
        self._dut.machine.air_changed()

    def deauthenticate(self, reason: int = 1) -> None:
        """Throw everybody out."""
        for station in self.model.stations:
            self.model.deauthenticate(station.address, reason, self._dut.machine.now)
        self._dut.machine.air_changed()


class Server:
    """The web server behind the access point."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut
        self._requests: list[tuple[str, int]] | None = None

    @property
    def model(self) -> HttpServer:
        return self._dut.update.network.http

    @property
    def files(self) -> dict[str, bytes]:
        """What it offers, by path; can be changed at any time."""
        return self.model.files

    @property
    def requests(self) -> list[tuple[str, int]]:
        """The newest requests: path and status."""
        recent = self._dut.update.network.events.recent
        return [(event.path, event.status) for event in recent if type(event).__name__ == "HttpRequested"]  # type: ignore[attr-defined]


class Power:
    """The device's supply."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def cycle(self) -> None:
        """Off and on, now. What was printed before is read."""
        self._dut.machine.power_cycle()
        self._dut.skip()

    def cut(self, how: str = "before", *, flash_op: int) -> None:
        """Before the device is switched on: cut the power around this flash operation, `before`, `torn`, `random`
        or `after` it."""
        self._dut.fault(f"power-cut:{how}@flash-op={flash_op}")


class Flash:
    """The flash chip. Addresses are physical."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    def __getitem__(self, where: slice | int) -> Any:
        return bytes(self._dut.machine.flash.data)[where]

    def partition(self, name: str) -> bytes:
        """The bytes of a partition, CRCs included."""
        partition = self._dut.image.partitions[name]
        return bytes(self._dut.machine.flash.data[partition.physical_start : partition.physical_end])

    @property
    def operations(self) -> int:
        """Programs and erases that have been carried out."""
        return self._dut.machine.flash_operations


class Air:
    """What is on the radio."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut

    @property
    def model(self) -> Medium:
        return self._dut.update.air

    @property
    def sent(self) -> int:
        """Frames from the device."""
        return self.model.sent

    @property
    def received(self) -> int:
        """Frames for the device."""
        return self.model.received

    def events(self, kind: str | None = None) -> list[Any]:
        """What the radio and the network have to tell, the newest of it; `kind` is a class of bk7238.network.events
        or bk7238.air.events by name."""
        update = self._dut.update
        told = sorted([*update.air.events.recent, *update.network.events.recent], key=lambda event: event.time)
        return [event for event in told if kind in (None, type(event).__name__)]
