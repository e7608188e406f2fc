"""`bk7238 run IMAGE`: boot a full image to its console and show what it prints."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.bench import command
from bk7238.bench.bench import Bench
from bk7238.bench.settings import OPTIONS, Settings
from bk7238.bench.steps import Steps
from bk7238.cli import arguments as given
from bk7238.cli import fetching, outside, symbols
from bk7238.cli.keyboard import Keyboard
from bk7238.cli.recording import recorded
from bk7238.debug import attach, crash
from bk7238.engine import interruption
from bk7238.families import recognise
from bk7238.families.family import Instructions
from bk7238.faults import scenario
from bk7238.peripherals.core import Actor, Alarm, on_alarm
from bk7238.things.board_things import BoardThings

USUAL = Settings(within=60.0)
_ENDLESS = 10**15  # virtual microseconds


def add(commands: Any) -> None:
    """Add `bk7238 run`."""
    parser = commands.add_parser("run")
    given.add_image(parser)
    parser.add_argument(
        "--expect-text", "--until", metavar="TEXT", help="end when a line with TEXT has been printed: status 0"
    )
    parser.add_argument("--fail-text", metavar="TEXT", help="end when a line with TEXT has been printed: status 1")
    parser.add_argument(
        "--send",
        action="append",
        default=[],
        metavar="TEXT",
        help="type TEXT and Enter, once --after has passed; may be repeated, and is typed in that order",
    )
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="type what comes on stdin, from --after on; on a terminal that is usual, from the start on, unless an "
        "option says what is typed or waited for",
    )
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="settings and [[step]]s, TOML")
    parser.add_argument(
        "--after", type=given.time, default=5.0, metavar="TIME", help="virtual seconds before typing (default: 5)"
    )
    parser.add_argument("--console", type=int, choices=(1, 2), default=1, help="UART that is typed on (default: 1)")
    parser.add_argument("--serial-log-file", type=Path, metavar="FILE", help="what that UART printed goes there")
    parser.add_argument(
        "--fetch",
        type=fetching.url,
        action="append",
        default=[],
        metavar="URL",
        help="a station joins the device's own open access point and fetches URL; may be repeated",
    )
    names = ("ssid", "psk", "router", "hidden", "channel", "date", *given.OUTSIDE, "within", *given.MACHINE)
    command.add_options(parser, names, USUAL, ssid="put an access point into the air", psk="its passphrase")
    parser.add_argument(
        "--no-configure", action="store_true", help="do not tell the device the network of --ssid and --psk"
    )
    parser.add_argument("--json", action="store_true", help="one line on stdout instead of the consoles")
    given.add_quiet(parser)
    symbols.add(parser)
    given.add_artifacts(parser)
    parser.set_defaults(run=run)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Boot the image and print its consoles. Returns the exit status."""
    if arguments.interactive and sys.stdin is None:
        raise given.UsageError("--interactive types what comes on stdin, which is closed")
    symbols.check(arguments)
    wanted = _scenario(arguments.scenario)
    settings = given.settings(arguments, replace(USUAL, **_unusual(wanted.settings)))
    image = given.image(arguments, settings)
    on_air = "ssid" in arguments or settings.ssid != USUAL.ssid
    if not on_air:
        _check_without_air(settings)
    bench = given.checked(Bench, settings, image)
    told = Instructions(settings.ssid, settings.psk or "", None) if on_air and not arguments.no_configure else None
    family = given.checked(recognise.choose, settings.profile, image, delivered=True)
    if told is not None:
        given.checked(family.prepare, bench.machine, told)
    if on_air:
        given.checked(bench.put_on_air)
    elif settings.forward:
        given.checked(bench.forward_by_air)
    steps = given.checked(Steps, bench.machine, wanted.steps)
    if arguments.serial_log_file is not None:
        with interruption.at_once():  # it may be a pipe that nobody reads
            _write_log(arguments.serial_log_file, b"")
    folder = given.artifacts(arguments, clear=given.OF_A_RUN)
    told_by = bench.forwarder.events if bench.forwarder is not None else bench.network.events
    outside.follow(bench.forwarder, told_by.on_event, settings, folder)
    bench.power_on()
    if told is not None:
        family.attach(bench.machine, bench.air, told)
    run = _Run(bench, arguments, steps)
    result = run.to_its_end(folder)
    run.save(result, folder)
    run.tell(result)
    return run.status(image.name)


def _check_without_air(settings: Settings) -> None:
    """Raises UsageError where settings are of an access point, which is not there."""
    if settings.serve or settings.gateway or settings.tap is not None:
        raise given.UsageError("--serve, --gateway and --tap need an access point: --ssid SSID")
    if settings.router is not None:
        raise given.UsageError("--router is the setting of an access point; name that with --ssid")
    if settings.psk is not None:
        raise given.UsageError("--psk is the passphrase of an access point; name that with --ssid")


def _scenario(path: Path | None) -> scenario.Scenario:
    """What a scenario says, as far as it can be said of a boot. Raises UsageError."""
    if path is None:
        return scenario.Scenario()
    wanted = given.checked(scenario.read, path)
    if wanted.faults or wanted.expects:
        raise given.UsageError(
            f"{path}: faults and [expect] are for an update: bk7238 ota; run takes settings and steps"
        )
    return wanted


def _write_log(path: Path, data: bytes) -> None:
    """Raises UsageError where it has to be another file, OSError where the host fails."""
    try:
        host_files.write(path, data)
    except OSError as error:
        if host_files.is_hosts(error):
            raise
        raise given.UsageError(f"{path}: {error.strerror}; name another --serial-log-file") from None


def _unusual(settings: Settings) -> dict[str, Any]:
    """The settings that are not as usual."""
    values = {name: getattr(settings, name) for name in OPTIONS}
    return {name: value for name, value in values.items() if value != getattr(Settings(), name)}


def _is_terminal(arguments: argparse.Namespace) -> bool:
    """Whether a user sits at a terminal, and has not said what is typed or waited for."""
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stdout.isatty():
        return False
    said = ("send", "expect_text", "fail_text", "scenario", "fetch", "json")
    return arguments.interactive or not any(getattr(arguments, name) for name in said)


class _Run(Actor):
    """One boot: what it prints, what is typed and fetched, and where it ends."""

    typing = Alarm()

    def __init__(self, bench: Bench, arguments: argparse.Namespace, steps: Steps) -> None:
        self.settings, self.machine, self._air = bench.settings, bench.machine, bench.air
        self._until, self._fail, self._quiet = arguments.expect_text, arguments.fail_text, arguments.json
        self._steps, self._scenario, self._log = steps, arguments.scenario, arguments.serial_log_file
        self._seen: str | None = None
        self._failed = False
        self._keyboard: Keyboard | None = None
        self._interrupted = ""
        self._pages: fetching.Fetching | None = None
        machine = self.machine
        machine.dead_end.on_end.connect(lambda _why: machine.stop())
        self._crashes = crash.Watcher(machine, lambda: attach.known_symbols(machine, arguments.symbols))
        if arguments.log:
            machine.log.on_record.connect(lambda record: print(record, file=sys.stderr))
        if arguments.fetch:
            source = machine.random("station")
            self._pages = fetching.Fetching(
                arguments.fetch, source, self._air, self._fetched, partial(self._say, "station")
            )
        for name, console in (("uart1", machine.uart1), ("uart2", machine.uart2)):
            console.on_line.connect(partial(self._line, name))
        self.clock, self._console = machine.clock, (machine.uart1, machine.uart2)[arguments.console - 1]
        steps.on_end.connect(self._stepped)
        terminal = _is_terminal(arguments)
        if terminal or arguments.interactive:
            after = 0 if terminal else round(arguments.after * 1e6)
            self._keyboard = Keyboard(machine, self._console, machine.stop, after)
        self._endless = (terminal or bool(self.settings.forward)) and "within" not in arguments
        self._lines = not arguments.json and not arguments.quiet and not terminal
        self._typed = b"".join(text.encode() + b"\r" for text in arguments.send)
        if self._typed:
            self.typing.start(round(arguments.after * 1e6))

    @on_alarm(typing)
    def _type(self) -> None:
        self._console.send(self._typed)

    def to_its_end(self, folder: Path | None) -> dict[str, Any]:
        """Run, record the air in the folder where there is one, and return what --json prints."""
        began = time.perf_counter()
        raw = nullcontext() if self._keyboard is None else self._keyboard.raw()
        with recorded(folder, self._air), raw:
            try:
                self.machine.run(until=_ENDLESS if self._endless else round(self.settings.within * 1e6))
            except interruption.Interrupted as why:
                self._interrupted = str(why)
        machine = self.machine
        result: dict[str, Any] = {
            "seen": self._seen,
            "resets": machine.resets,
            "end": self._why or None,
            "virtual_seconds": machine.now / 1e6,
            "instructions": machine.instructions,
            "wall_seconds": round(time.perf_counter() - began, 3),
            "digest": machine.digest(),
            "seed": self.settings.seed,
            "engine": self.settings.engine,
        }
        if self.settings.devices:
            result["things"] = [asdict(thing) for thing in BoardThings(machine.board)]
        return result if self._pages is None else {**result, "fetched": self._pages.result}

    def save(self, result: dict[str, Any], folder: Path | None) -> None:
        """Write the artifacts."""
        if self._log is not None:
            _write_log(self._log, bytes(self._console.output))
        if folder is not None:
            if self._pages is not None:
                self._pages.save(folder)
            self.machine.save(folder)
            host_files.write_in(folder, "result.json", json.dumps(result, indent=2) + "\n")
        self._crashes.tell(folder)

    def tell(self, result: dict[str, Any]) -> None:
        """Print the result as --json wants it."""
        if self._quiet:
            print(json.dumps(result))
        else:
            print(
                f"{result['virtual_seconds']:.3f} virtual seconds in {result['wall_seconds']:.1f} s, "
                f"{result['instructions']:,} instructions, {result['resets']} resets, digest {result['digest']}"
            )
            for thing in BoardThings(self.machine.board) if self.settings.devices else ():
                print(f"  {thing}")

    def status(self, image: str) -> int:
        """Return the exit status, and say on stderr why it is none that was hoped for."""
        if self._interrupted:
            return 1
        fetched = None if self._pages is None else self._pages.status
        unmet = f"{self._scenario}: {self._steps.unmet}" if self._steps.unmet else ""
        if self._failed or unmet:
            print(f"bk7238: {f'{self._fail!r} was printed' if self._failed else unmet}", file=sys.stderr)
            return 1
        if self._seen is not None or (self._until is None and fetched == 0):
            return 0
        why, limit = self._why, f"within {self.settings.within:g} virtual seconds"
        complaints = (
            f"{image}: {why}" if why else "",
            "" if self._until is None else f"{self._until!r} was not printed {limit}",
            f"not all was fetched {limit}" if fetched == 3 else "",
        )
        for complaint in filter(None, complaints):
            print(f"bk7238: {complaint}", file=sys.stderr)
        if why:
            return 1
        return 3 if self._until is not None else fetched or 0

    @property
    def _why(self) -> str:
        """Why it got no further; empty where nothing is known."""
        end = self.machine.dead_end
        return self._interrupted or end.why or end.resets or ("it crashed" if self._crashes.reports else "")

    def _line(self, console: str, text: str) -> None:
        self._say(console, text)
        if self._fail is not None and self._fail in text:
            self._failed = True
            self.machine.stop()
        if self._until is not None and self._until in text:
            self._seen = self._seen or text
            self.machine.stop()

    def _say(self, who: str, text: str) -> None:
        if self._lines:
            print(f"{self.machine.now / 1e6:10.3f} {who} {text}", flush=True)

    def _stepped(self) -> None:
        if self._until is None or self._steps.failure:
            self.machine.stop()

    def _fetched(self) -> None:
        if self._until is None:
            self.machine.stop()
