"""Somebody at the other end of a serial line, who answers and speaks by a script: a microcontroller, a sensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bk7238.peripherals.core import ALWAYS, Alarm, Look, ResetKind, Services, State, UartDevice, on_alarm

SHOWN = 64  # bytes of what was heard and said last


class Cue(NamedTuple):
    """What a peer `says`, `after` so many microseconds: each time that it `hears` these bytes, or where there are none,
    from the power-on on, and then `every` so many, where that is not 0."""

    hears: bytes
    says: bytes
    after: int = 0
    every: int = 0


class SerialPeer(UartDevice):
    """Who speaks by these `cues`. `heard` is all that the chip has sent since the run began, `said` what came back."""

    heard: State[bytearray] = State(factory=bytearray, keeps=ALWAYS)
    said: State[bytearray] = State(factory=bytearray, keeps=ALWAYS)
    window: State[bytearray] = State(factory=bytearray)  # what was heard since the last cue
    coming: State[list[tuple[int, int]]] = State(factory=list)  # when which cue is due
    due = Alarm()

    kind = "peer"
    controls = {"say": str}

    def __init__(self, services: Services, *, cues: Iterable[Cue] = ()) -> None:
        self.cues = [Cue(*cue) for cue in cues]
        self._longest = max((len(cue.hears) for cue in self.cues), default=0)
        super().__init__(services)

    def on_reset(self, kind: ResetKind) -> None:
        """Begin with what needs no cue."""
        if kind is ResetKind.POWER_ON:
            for number, cue in enumerate(self.cues):
                if not cue.hears:
                    self._later(number, cue.after)

    # The world's side

    @property
    def looks(self) -> dict[str, Look]:
        """The last of what was heard and said."""
        return {
            name: bytes(data[-SHOWN:]).decode("latin-1") for name, data in (("heard", self.heard), ("said", self.said))
        }

    def say(self, text: str) -> None:
        """Say a text at once, beside the script."""
        self._speak(text.encode())

    # The line's side

    def received(self, byte: int) -> None:
        """Hear a byte, and take the first cue that has come with it."""
        self.heard.append(byte)
        self.window.append(byte)
        for number, cue in enumerate(self.cues):
            if cue.hears and self.window.endswith(cue.hears):
                self.window.clear()
                self._later(number, cue.after)
                return
        del self.window[: -self._longest or None]

    def _later(self, number: int, microseconds: int) -> None:
        self.coming.append((self.clock.now + microseconds, number))
        self._wait()

    def _wait(self) -> None:
        if self.coming:
            self.due.start(min(at for at, _ in self.coming) - self.clock.now)

    @on_alarm(due)
    def _now(self) -> None:
        now = self.clock.now
        ready = [number for at, number in self.coming if at <= now]
        self.coming = [(at, number) for at, number in self.coming if at > now]
        for number in ready:
            cue = self.cues[number]
            self._speak(cue.says)
            if cue.every:
                self._later(number, cue.every)
        self._wait()

    def _speak(self, data: bytes) -> None:
        self.said += data
        self.send(data)
