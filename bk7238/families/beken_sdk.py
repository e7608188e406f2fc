"""Beken's SDK: told on its console to join (`sta SSID KEY`) and to update itself (`http_ota URL`).

The console is the UART that prints `[THD]cli`, which is the line of any thread that is created, of the thread `cli`. In
builds without such lines it is the UART that answers a typed return with its prompt. It is typed on as by a person, one
character each 2 ms, and its answers are waited for. The project's reference application speaks the same language.
Facts: docs/firmware-families.md.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bk7238.families.delivery import HttpPull
from bk7238.families.family import Family, Kind
from bk7238.network.events import Event, LeaseGranted
from bk7238.peripherals.core import Actor, Calls, ResetKind, State, on_alarm

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.families.family import Instructions
    from bk7238.image.flash_view import FlashView
    from bk7238.machine import Console, Machine

READY = re.compile(r"\[THD\]cli(?!\w)")
PROMPT = re.compile(r"[$#] ")  # begins a line, of which the second return makes a whole one; `#` in production tests
UNKNOWN = re.compile(r"command '(\w+).*' not found")
IP_UP = "IP up"
FAILED = "http_ota download failed"
COMPLETE = "sucess."
ANSWERS = ("sta_Command", "ota write to", "write over", COMPLETE)
FIRST_ANSWERS = {"sta": "sta_Command", "http_ota": "ota write to"}
KEYSTROKE = 2_000  # virtual microseconds
BREATH = 100_000  # between what the device says and what is typed
ANSWER_WITHIN = 3_000_000
READY_WITHIN = 5_000_000  # of the banner; after it the console is asked for its prompt
RETRY_AFTER = 8_000_000  # unless the device has joined again before
TRIES = 3
LONGEST_LINE = 128
LONGEST_PATH = 63


def word(text: bytes, name: str) -> bytes:
    """`text` as one word of a console line. Raises ValueError for what cannot be typed."""
    if re.search(rb"[\x00-\x1f\x7f]", text):
        raise ValueError(f"{name} has control characters, which cannot be typed on the SDK's console")
    if re.search(rb'\\(?=[ "]|$)', text):
        raise ValueError(f"{name} has a backslash before a space, a quote or its end: the SDK's console drops it")
    return re.sub(rb'([ "])', rb"\\\1", text)


def sta(told: Instructions) -> bytes:
    """The line that tells the device to join. Raises ValueError for a network that it cannot be told."""
    line = b"sta " + word(told.ssid, "the SSID")
    if told.passphrase:
        line += b" " + word(told.passphrase.encode(), "the passphrase")
    if len(line) > LONGEST_LINE:
        raise ValueError(f"the SDK's console takes {LONGEST_LINE} characters; `sta` with this network has {len(line)}")
    return line


def http_ota(url: str) -> bytes:
    """The line that tells the device to download. Raises ValueError for a URL that it cannot be told."""
    parts = urlsplit(url)
    path = parts.path + ("?" + parts.query if parts.query else "")
    for what, text in (("host names", parts.hostname or ""), ("paths", path)):
        if len(text) > LONGEST_PATH:
            remedy = "rename the file, or ask for another with --request" if text is path else "use a shorter name"
            raise ValueError(
                f"the SDK takes {what} of up to {LONGEST_PATH} characters, {text} has {len(text)}: {remedy}"
            )
    line = b"http_ota " + word(url.encode(), "the URL")
    if len(line) > LONGEST_LINE:
        raise ValueError(f"the SDK's console takes {LONGEST_LINE} characters; `{line.decode()}` has {len(line)}")
    return line


class BekenSdk(Family):
    """Beken's FreeRTOS SDK, 3.0.70 to 3.0.78. Its texts were read in apps, and in its sources."""

    name, title = "beken-sdk", "Beken SDK"
    evidence = (
        Kind("console commands", (b"sta_Command", b"http_ota"), least=2),
        Kind("HTTP client", (b"ota write to 0x", b"write over", b"sucess.", b"http_ota download failed"), least=2),
        Kind("thread lines", (b"[THD]",), shared=True),
        Kind("revisions", (b"SDK Rev:", b"OSK Rev:", b"IP Rev:"), shared=True),
        Kind(
            "start-up lines",
            (
                *(b"[Flash]id:0x", b"[FUNC]rwnxl_init", b"chip id=", b"txdesc flush", b"sctrl_sta_ps_init"),
                *(b"bk_misc_init_start_type", b"vHeapInit-start addr"),
            ),
            least=2,
            shared=True,
        ),
        Kind(
            "partition table",
            (b"Bootloader\0", b"Application\0", b"RF Firmware\0", b"NET info\0"),
            least=3,
            shared=True,
        ),
    )
    deliveries = (HttpPull(),)
    banner = re.compile(
        r"SDK Rev: (?P<sdk>[0-9][0-9A-Za-z._-]*)|reference app, version (?P<version>[0-9][0-9A-Za-z._-]*)"
    )

    def configure(self, _flash: FlashView, told: Instructions) -> dict[int, bytes]:
        """Nothing to put into the flash; what cannot be typed is refused here."""
        sta(told)
        if told.url:
            http_ota(told.url)
        return {}

    def attach(self, machine: Machine, air: Medium, told: Instructions) -> Typist:
        """Type the commands at the command line of UART1."""
        return Typist(machine, air, told)


class Typist(Actor):
    """Sits at the consoles of one machine: `sta` after each start, `http_ota` once the device is on the network, and
    again where the power failed before the device had said that it has the update."""

    asking, joining, retrying, keys = Calls(), Calls(), Calls(), Calls()
    _console: Console | None = State()
    _spoke: Console | None = State()  # on which the banner came
    _downloads: int = State(0)
    _failed: bool = State(False)  # the last download, and it was not asked for again
    _failures: int = State(0)  # downloads since the last reset that the app gave up
    _typing_until: int = State(0)  # virtual microseconds: one line after the other
    _answered: set[str] = State(factory=set)
    _typed: Counter[str] = State(factory=Counter)  # lines since the last reset, by their first word
    _refused: dict[str, str] = State(factory=dict)  # what the console said to a command that it does not know

    def __init__(self, machine: Machine, air: Medium, told: Instructions) -> None:
        self._machine, self._told, self.clock = machine, told, machine.clock
        for console in (machine.uart1, machine.uart2):
            console.on_line.connect(partial(self._line, console))
        machine.engine.on_reset.connect(self._reset)
        air.on_event.connect(self._event)

    def _reset(self, kind: ResetKind) -> None:
        for planned in (self.asking, self.joining, self.retrying, self.keys):
            planned.clear()
        if kind is ResetKind.POWER_ON and COMPLETE not in self._answered:
            self._downloads = 0
        self._console = self._spoke = None
        self._failed = False
        self._failures = 0
        self._typing_until = 0
        self._answered.clear()
        self._typed.clear()
        self._refused.clear()

    def missing(self) -> str:
        """The console, or the answer to what was typed."""
        if self._console is None:
            prompt = " and no prompt when return was typed" if self._typed[""] else ""
            remedy = "" if self._told.url else " (--profile none waits for no console)"
            return (
                f"no console came, that is no line `[THD]cli`{prompt}, so nothing was typed: it was not told to "
                f"join{remedy}"
            )
        for word, answer in FIRST_ANSWERS.items():
            if self._typed[word] and answer not in self._answered:
                said = self._refused.get(word)
                return f"`{word}` was typed ({self._typed[word]} of at most {TRIES} times); " + (
                    f"the console answers {said!r}" if said else f"the console did not answer `{answer}`"
                )
        if self._failures and COMPLETE not in self._answered:
            return f"the app said `{FAILED}`, {self._failures} times"
        for answer, following in zip(ANSWERS[1:], ANSWERS[2:], strict=False):
            if answer in self._answered and following not in self._answered:
                return f"the app said `{answer}` and then not `{following}`"
        return ""

    def _line(self, console: Console, line: str) -> None:
        if self._console is None and (READY.search(line) or (self._typed[""] and PROMPT.match(line))):
            self._console = console
            self._join(TRIES)
        elif self._spoke is None and BekenSdk.banner.search(line):
            self._spoke = console
            self.asking.after(READY_WITHIN, TRIES)
        elif IP_UP in line:
            self._joined()
        elif FAILED in line:
            self._failures += 1
            if self._downloads < TRIES:
                self._failed = True
                self.retrying.after(RETRY_AFTER)
        elif refused := UNKNOWN.search(line):
            self._refused[refused[1]] = refused[0]
        self._answered.update(answer for answer in ANSWERS if answer in line)

    def _event(self, event: Event) -> None:
        if isinstance(event, LeaseGranted):
            self._joined()

    @on_alarm(asking)
    def _ask(self, tries: int) -> None:
        """Ask a console that has not said that it is ready for its prompt."""
        if tries and self._console is None and self._spoke is not None:
            self._type(b"\r", self._spoke)
            self.asking.after(READY_WITHIN, tries - 1)

    @on_alarm(joining)
    def _join(self, tries: int) -> None:
        """Type `sta` until it is answered: while the console is not up yet, characters are lost."""
        if tries and "sta_Command" not in self._answered:
            line = sta(self._told)
            self._type(line)
            self.joining.after(BREATH + KEYSTROKE * len(line) + ANSWER_WITHIN, tries - 1)

    def _joined(self) -> None:
        """The device is on the network, for the first time or again after a download that failed without it."""
        if self._failed:
            self._retry()
        elif not self._downloads and self._console is not None:
            self._download()

    @on_alarm(retrying)
    def _retry(self) -> None:
        if self._failed:
            self._failed = False
            self._download()

    def _download(self) -> None:
        if self._told.url:
            self._downloads += 1
            self._type(http_ota(self._told.url))

    def _type(self, line: bytes, console: Console | None = None) -> None:
        now = self._machine.clock.now
        start = max(now + BREATH, self._typing_until)
        self._typing_until = start + KEYSTROKE * (len(line) + 1)
        self._typed[line.split(b" ")[0].decode().strip()] += 1
        self.keys.after(start - now, line + b"\r", console)

    @on_alarm(keys)
    def _type_next(self, rest: bytes, console: Console | None) -> None:
        console = console or self._console
        if console is not None:
            console.send(rest[:1])
        if len(rest) > 1:
            self.keys.after(KEYSTROKE, rest[1:], console)
