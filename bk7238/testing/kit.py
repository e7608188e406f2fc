"""The device under test: its settings, consoles and faults, and how its update ends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bk7238 import resources
from bk7238.bench.settings import OPTIONS, Settings
from bk7238.bench.values import microseconds
from bk7238.faults import Fault, Spec
from bk7238.faults.run import Faults
from bk7238.formats.ieee80211 import PROTECTED
from bk7238.image import FlashImage, Package, flash_image
from bk7238.network.addresses import ip_text
from bk7238.peripherals.nor_endings import Operation
from bk7238.testing.patterns import Pattern, Wanted
from bk7238.testing.pins import Channels, Pins, Things
from bk7238.update import boots, evidence
from bk7238.update.alone import Alone
from bk7238.update.life import Life, Outage
from bk7238.update.result import Result
from bk7238.update.session import Update

if TYPE_CHECKING:
    from bk7238.debug import crash
    from bk7238.machine import Machine
    from bk7238.network.events import Event
    from bk7238.network.link import Link
    from bk7238.network.network import Network
    from bk7238.peripherals.core import ResetKind
    from bk7238.sweep.report.report import Report
    from bk7238.testing.air import Ap
    from bk7238.testing.lan import Lan
    from bk7238.testing.web import WebClient


class NotSeen(AssertionError):
    """What was expected did not happen in its time."""


class Frame(NamedTuple):
    """A frame on the air that ends at `time` (microseconds), without its FCS. `rate` is in 500 kb/s, or 0x80 + MCS, and
    `rssi` in dBm, how loud the device hears it: None where they are not known. One is `lost` of which a fault let
    nothing arrive, or not yet."""

    time: int
    data: bytes
    channel: int
    from_device: bool
    rate: int | None = None
    rssi: int | None = None
    lost: bool = False

    def __repr__(self) -> str:
        way = "from" if self.from_device else "to"
        return f"<{len(self.data)} bytes {way} the device at {self.time / 1e6:.6f} s on channel {self.channel}>"


class Dut:
    """The device under test: `image` in its flash, and an update that waits for it.

    Without a `package` there is no update: the device is told to join the network where its firmware family is known,
    and there is no verdict. `frames`, `events` and `operations` are those of the air, of air and network, and of the
    flash, since the power-on or `join`; `flash_before` is the whole flash as it was then.
    """

    def __init__(self, image: FlashImage, package: Package | None = None, settings: Settings | None = None) -> None:
        self.image, self.package, self.settings = image, package, settings or Settings()
        self.result: Result | None = None
        self.symbols: list[tuple[Path, int | None]] = []
        """ELF files of the code, each with the address that it was loaded to, for what is said of crashes."""
        self.cache: Path | None = resources.cache()  # of boots; None for none
        self.embedded = False
        """Whether `expect` and `expect_exact` give what pytest-embedded's give: bytes."""
        self.pins, self.adc, self.things = Pins(self), Channels(self), Things(self)
        self.before: list[str] = []
        """The lines that the last `expect` passed over."""
        self.frames: list[Frame] = []
        self.keys: dict[bytes, None] = {}  # that protected frames of `frames` are protected with, the newest last
        self.events: list[Event] = []
        self.operations: list[Operation] = []
        self.flash_before = b""
        self.unheard = 0  # of the events, the first that `Air.expect` has not passed
        self.awaited = ""  # the kind of event that ends a run
        self._bench: Update | Alone | None = None
        self._life: Life | None = None
        self._lines: list[tuple[int, str]] = []
        self._read = 0
        self._wanted: Callable[[int, str], Any] | None = None

    def __repr__(self) -> str:
        if self._bench is None:
            return f"<device with {self.image.name}, not switched on>"
        if isinstance(self._bench, Alone):
            how = "joined" if self._bench.joined else "not joined"
        elif self.result is not None:
            how = self.result.verdict.value
        else:
            how = f"in phase {self._bench.story.phase}"
        return f"<device with {self.image.name} at {self.now:.3f} s, {how}>"

    # Before it is switched on

    def configure(self, **settings: Any) -> None:
        """Change settings: those of `bk7238.Settings`, as they are written there. Raises ValueError."""
        self._not_yet()
        for name in settings.keys() - OPTIONS:
            raise ValueError(f"there is no setting {name!r}, but {', '.join(sorted(OPTIONS))}")
        changed = replace(self.settings, **settings)
        Faults(changed.faults, changed.seed)
        chip = changed.chip_or(self.image.chip)
        if chip != self.image.chip:
            self.image = flash_image.parse(self.image.data, self.image.name, chip=chip)
        changed.check_chip(self.image.chip)
        self.settings = changed

    def fault(self, spec: str | Spec) -> None:
        """One more fault; docs/faults.md."""
        self.configure(faults=(*self.settings.faults, spec))

    def _not_yet(self) -> None:
        if self.made:
            raise RuntimeError("the device is switched on already; do this first")

    @staticmethod
    def plug(_machine: Machine, network: Network) -> Link:
        """What the device's access point has behind it."""
        return network

    # While it runs

    @property
    def made(self) -> bool:
        """Whether the device has been made: it is made by the first call that needs it."""
        return self._bench is not None

    @property
    def bench(self) -> Update | Alone:
        """The machine and what is around it: `machine`, `network`, `air`, `access_point`, `faults`."""
        if self._bench is None:
            package, chosen = self.package, self.settings
            if package is None:
                self._bench = Alone(self.image, chosen, self.plug)
            else:
                self._bench = Update(self.image, package, chosen, plug=self.plug)
            self._follow(self._bench)
        return self._bench

    def _follow(self, bench: Update | Alone) -> None:
        from bk7238.debug import attach, crash

        machine = bench.machine
        self._begin()
        self.crashes = crash.Watcher(machine, lambda: attach.known_symbols(machine, self.symbols))
        machine.uart1.on_line.connect(lambda line: self._line(1, line))
        machine.uart2.on_line.connect(lambda line: self._line(2, line))
        machine.board.flash.operations.connect(self._operated)
        bench.air.on_event.connect(self._heard)
        bench.air.on_record.connect(self._overheard)

    def _begin(self) -> None:
        """What was seen until now is past."""
        for seen in (self.frames, self.events, self.operations):
            seen.clear()
        self.unheard = 0
        self.skip()
        self.flash_before = bytes(self.machine.flash.data)

    crashes: crash.Watcher
    """Reports of the first crashes, once it is made."""

    @property
    def update(self) -> Update:
        """The update. Raises RuntimeError for a device without a package."""
        if self.package is None:
            raise RuntimeError("the device has no package: nothing updates it")
        bench = self.bench
        assert isinstance(bench, Update)
        return bench

    def join(self) -> None:
        """Switch the device on and let it join its network. Where the same has been done before, on this host and with
        this simulator, it is taken from the cache, unless the test has made itself something on its bench. What came
        before is past. Raises NotSeen where it does not join."""
        if self._bench is not None and self.machine.now:
            self._not_yet()
        where = self.cache if type(self).plug is Dut.plug else None
        if self._bench is not None or where is None:
            boots.carried_out(self.bench)
        else:
            self._bench = boots.joined(self.image, self.package, self.settings, where)
            self._follow(self._bench)
        self._begin()
        if not boots.is_joined(self.bench):
            raise NotSeen(f"the device did not join until {self.now:.3f} s{self._why}")

    @property
    def machine(self) -> Machine:
        """The whole board."""
        return self.bench.machine

    @property
    def address(self) -> str:
        """The IPv4 address that was leased last. Raises NotSeen where none was."""
        leases = [lease for lease in self.bench.network.dhcp.leases.values() if lease.bound]
        if not leases:
            raise NotSeen(f"the device has no address at {self.now:.3f} s{self._why}")
        return ip_text(max(leases, key=lambda lease: lease.expires).ip)

    def back(self, within: str | float = "30 s") -> Outage:
        """Run until the device is back on its network, DHCP having confirmed its lease and a ping being answered, or
        was not for that long after it could have been: the first beacon that it could hear, and one scan. What comes
        back is true for a device that is back, and says how it was. Raises RuntimeError for one with a package."""
        bench = self.bench
        if not isinstance(bench, Alone):
            raise RuntimeError("the device has a package: whether it comes back is asked of one without")
        if self._life is None:
            self._life = Life(bench)
        return self._life.back(microseconds(within))

    @property
    def router(self) -> Ap:
        """The access point that the device finds."""
        from bk7238.testing.air import Ap

        return Ap(self)

    @cached_property
    def network(self) -> Lan:
        """The device's network."""
        from bk7238.testing.lan import Lan

        return Lan(self)

    @cached_property
    def http(self) -> WebClient:
        """A host on that network, which asks the device's web server."""
        from bk7238.testing.web import WebClient

        return WebClient(self)

    @property
    def now(self) -> float:
        """Virtual seconds since the first power-on."""
        return self.machine.now / 1e6

    def expect(
        self,
        pattern: Pattern | Sequence[Pattern],
        within: str | float = "20 s",
        console: int | None = None,
        **more: Any,
    ) -> Any:
        """Run until a line matches, on either UART or on that one; gives the match, of text for a text and of bytes
        for bytes. A pattern is a regular expression, compiled or not, or a list of alternatives. Lines up to the one
        that matched are read: the next call looks at those behind it, and `before` has those before it. Raises
        NotSeen.

        `more` are the arguments that pytest-embedded's has: `timeout` for `within`; `expect_all=True` where each of a
        list is to come, in any order, and gives all matches; `not_matching`, which no line before it may match;
        `return_what_before_match=True`, which gives the text before it."""
        return self._expected(Wanted(pattern, embedded=self.embedded, **more), within, console)

    def expect_exact(
        self,
        text: str | bytes | Sequence[str | bytes],
        within: str | float = "20 s",
        console: int | None = None,
        **more: Any,
    ) -> Any:
        """As `expect`, for text that is no regular expression."""
        return self._expected(Wanted(text, exact=True, embedded=self.embedded, **more), within, console)

    def _expected(self, wanted: Wanted, within: str | float, console: int | None) -> Any:
        while not wanted.found:
            within = within if wanted.timeout is None else wanted.timeout
            left = wanted.left[0] if len(wanted.left) == 1 else wanted.left
            wanted.take(self._expect(left, wanted.match, within, console))
            if any(map(wanted.refused, self.before)):
                line = next(filter(wanted.refused, self.before))
                raise NotSeen(f"{line!r} came before {wanted.matches[-1][0]!r}, and matches {wanted.not_matching!r}")
        return wanted.result(self.before)

    def expect_reset(self, within: str | float = "20 s", count: int = 1) -> None:
        """Run until the device has been reset so often from now on, to the instant of the last of them. Raises
        NotSeen."""
        machine = self.machine
        wanted, deadline = machine.resets + count, machine.now + microseconds(within)

        def reset(_kind: ResetKind) -> None:
            if machine.resets >= wanted:
                machine.stop()

        machine.engine.on_reset.connect(reset)
        while machine.resets < wanted and machine.now < deadline:
            machine.run(until=deadline)
        machine.engine.on_reset.disconnect(reset)
        if machine.resets < wanted:
            missing = wanted - machine.resets
            raise NotSeen(f"{missing} of {count} resets did not come within {within}{self._why}")

    def expect_verdict(self, verdict: str, reason: str = "") -> Result:
        """Run to the end of the update, which is this verdict with this text in its reason; all faults have fired.
        Gives the result. Raises NotSeen."""
        result = self.verdict()
        for place in range(len(self.faults)):
            self.fired(place)
        if result.verdict.value != verdict or reason not in result.reason:
            raise NotSeen(f"{verdict}: {reason or '...'}, was expected, not {result.verdict.value}: {result.reason}")
        return result

    def _expect(
        self, wanted: Any, match: Callable[[str], re.Match[Any] | None], within: str | float, console: int | None
    ) -> re.Match[Any]:
        if console is not None:
            _check_console(console)
        patience = microseconds(within)
        machine = self.machine
        deadline = machine.now + patience
        self.before = []
        while True:
            while self._read < len(self._lines):
                number, line = self._lines[self._read]
                self._read += 1
                if console not in (None, number):
                    continue
                found = match(line)
                if found is not None:
                    return found
                self.before.append(line)
            if machine.now >= deadline:
                raise NotSeen(f"no line matched {wanted!r} within {within}, until {self.now:.3f} s{self._why}")
            self._wanted = lambda number, line: console in (None, number) and match(line)
            machine.run(until=deadline)
            self._wanted = None

    @property
    def _why(self) -> str:
        """What may be the cause where something did not come."""
        silent = [f"{spec} never fired" for spec in self.bench.faults.silent]
        return "".join(f"; {why}" for why in (self.machine.dead_end.why, *silent) if why)

    def skip(self) -> None:
        """Lines until now are read."""
        self._lines.clear()
        self._read = 0

    def run(self, time: str | float) -> None:
        """Let that much time pass."""
        end = self.machine.now + microseconds(time)
        while self.machine.now < end:
            self.machine.run(until=end)

    def wait(
        self,
        condition: Callable[[], Any],
        within: str | float = "20 s",
        otherwise: Callable[[], str] = lambda: "the condition did not hold",
    ) -> None:
        """Let time pass, 10 ms at a time, until the condition holds. Raises NotSeen with what `otherwise` says."""
        deadline = self.machine.now + microseconds(within)
        while not condition():
            if self.machine.now >= deadline:
                raise NotSeen(f"{otherwise()} within {within}, until {self.now:.3f} s{self._why}")
            self.run(0.01)

    def send(self, text: str | bytes, console: int = 1) -> None:
        """Type a line on a UART."""
        _check_console(console)
        line = text if isinstance(text, bytes) else text.encode()
        (self.machine.uart1, self.machine.uart2)[console - 1].send(line + b"\r")

    def write(self, data: str | bytes) -> None:
        """Type a line on UART1, with or without its line end, as in pytest-embedded."""
        self.send(data.rstrip("\r\n") if isinstance(data, str) else data.rstrip(b"\r\n"))

    def type(self, keys: str | bytes, time: str | float = "200 ms", console: int = 1) -> str:
        """Type as it is, without Enter, and let that much time pass; gives what was printed meanwhile on that UART,
        with the ends of its lines as \\n."""
        _check_console(console)
        uart = (self.machine.uart1, self.machine.uart2)[console - 1]
        start = len(uart.output)
        uart.send(keys if isinstance(keys, bytes) else keys.encode())
        self.run(time)
        return bytes(uart.output[start:]).decode("utf-8", "replace").replace("\r\n", "\n")

    def verdict(self) -> Result:
        """Run to the end of the update and say where the device ended, and why."""
        if self.result is None:
            self.result = self.update.run()
        return self.result

    @property
    def faults(self) -> list[Fault]:
        """What goes wrong, in the order in which it was named: `count` is how often each has fired, `firings` when,
        where and what."""
        return self.bench.faults.all

    def fired(self, place: int = 0) -> Fault:
        """The fault of that place, which has fired. Raises NotSeen where it has not."""
        fault = self.faults[place]
        if not fault.firings:
            raise NotSeen(f"{fault.spec} never fired")
        return fault

    def last_lines(self) -> dict[str, list[str]]:
        """Of both UARTs."""
        machine = self.machine
        return {"uart1": evidence.last_lines(machine.uart1), "uart2": evidence.last_lines(machine.uart2)}

    def _operated(self, operations: list[tuple[int, str, int, bytes | int]]) -> None:
        for _time, kind, address, what in operations:
            length, data = (what, b"") if isinstance(what, int) else (len(what), what)
            self.operations.append(Operation(kind, address, length, data))

    def _overheard(self, *frame: Any) -> None:
        self.frames.append(Frame(*frame))
        if frame[1][1] & PROTECTED:
            for point in self.bench.air.access_points:
                self.keys.update(dict.fromkeys(point.security.keys))

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        if type(event).__name__ == self.awaited:
            self.machine.stop()

    def _line(self, console: int, line: str) -> None:
        self._lines.append((console, line))
        if self._wanted is not None and self._wanted(console, line):
            self.machine.stop()


def _check_console(number: int) -> None:
    """Raises ValueError for a UART that the chip has not."""
    if number not in (1, 2):
        raise ValueError(f"the consoles are UART 1 and 2, there is no {number!r}")


def sweep(dut: Dut, tier: str, of: str = "install", *, number: int = 1, **more: Any) -> Report:
    """What `bk7238 sweep --of` does, with so many processes; `modes`, `faults`, `depth` as there. Raises ValueError."""
    from bk7238.sweep.journal import Journal
    from bk7238.sweep.plan import registry
    from bk7238.sweep.point import Job
    from bk7238.sweep.report.report import Report
    from bk7238.sweep.run import sweep as run
    from bk7238.sweep.workers.processes import processes

    if dut.package is None:
        raise ValueError("a sweep is one of an update: name a package")
    began = time.perf_counter()
    plan = registry.make(of, Job(dut.image, dut.package, dut.settings), **more)
    points = plan.points(tier)
    outcomes = run(plan, points, Journal(None, plan), start=processes(number))
    return Report(plan, points, outcomes, tier, time.perf_counter() - began)
