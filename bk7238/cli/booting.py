"""A device that boots as `bk7238 run` was told: what it prints, what is typed and fetched, and where it ends."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.bench.bench import Bench
from bk7238.bench.settings import Settings
from bk7238.bench.steps import ScenarioStep, Steps
from bk7238.cli import arguments as given
from bk7238.cli import fetching, outside
from bk7238.cli.keyboard import Keyboard
from bk7238.cli.recording import recorded
from bk7238.debug import attach, crash
from bk7238.engine import interruption
from bk7238.families import recognise
from bk7238.families.family import Instructions
from bk7238.image import FlashImage
from bk7238.peripherals.core import Actor, Alarm, on_alarm
from bk7238.things.board_things import BoardThings

_ENDLESS = 10**15  # virtual microseconds


def run(
    arguments: argparse.Namespace,
    settings: Settings,
    image: FlashImage,
    planned: tuple[ScenarioStep, ...],
    *,
    on_air: bool,
) -> int:
    """Boot the image and print its consoles. Returns the exit status."""
    bench = given.checked(Bench, settings, image)
    told = Instructions(settings.ssid, settings.psk or "", None) if on_air and not arguments.no_configure else None
    family = given.checked(recognise.choose, settings.profile, image, delivered=True)
    if told is not None:
        given.checked(family.prepare, bench.machine, told)
    if on_air:
        given.checked(bench.put_on_air)
    elif settings.forward:
        given.checked(bench.forward_by_air)
    steps = given.checked(Steps, bench.machine, planned)
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


def _write_log(path: Path, data: bytes) -> None:
    """Raises UsageError where it has to be another file, OSError where the host fails."""
    try:
        host_files.write(path, data)
    except OSError as error:
        if host_files.is_hosts(error):
            raise
        raise given.UsageError(f"{path}: {error.strerror}; name another --serial-log-file") from None


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
        self.settings, self.machine, self._bench = bench.settings, bench.machine, bench
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
                arguments.fetch, source, bench.air, self._fetched, partial(self._say, "station")
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
        with recorded(folder, self._bench), raw:
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
