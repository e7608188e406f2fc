"""Sees that a device gets nowhere any more by itself: it crashes over and over, does nothing but reset, or sleeps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bk7238.peripherals.core import Actor, ResetKind, Signal, State

if TYPE_CHECKING:
    from bk7238.machine.machine import Machine

SILENT = 10  # resets in a row, each without a sign of life before it
LONG = 10_000_000  # microseconds of sleep
ALIKE = 3  # resets in a row, each with the same signs of life before it
_NUMBERS = re.compile(rb"[0-9]+")


class DeadEnd(Actor):
    """`why` is empty while the device may still get somewhere; `on_end` is told each new reason."""

    why: str = State("")
    _frames: int = State(0)  # that the device has sent
    _at_reset: tuple[int, int, int, int] = State()
    _boot: Any = State()  # what the boot before the last reset came to
    _alike: int = State(0)  # resets in a row behind boots that came to the same

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.on_end = Signal()
        self._at_reset = self.progress()
        machine.engine.progress = self.progress
        machine.engine.on_storm.connect(self._storm)
        machine.engine.on_reset.connect(self._reset)

    def progress(self) -> tuple[int, int, int, int]:
        """Differs once the guest has printed, changed its flash, or sent a frame."""
        machine = self._machine
        return len(machine.uart1.output), len(machine.uart2.output), machine.flash_operations, self._frames

    def sent(self) -> None:
        """The device has sent a frame."""
        self._frames += 1

    @property
    def resets(self) -> str:
        """That the device did nothing but reset, and how often; empty where that is not so."""
        times = f"it did nothing but reset, {self._alike + 1} times in a row"
        return f"{times} with the same output" if self._alike >= ALIKE else ""

    @property
    def asleep(self) -> str:
        """That the chip has been sleeping for long, and since when; empty where that is not so."""
        part = self._machine.board.sctrl.always_on
        if not part.asleep or self._machine.now - part.slept_at < LONG:
            return ""
        return f"it sleeps since {part.slept_at / 1e6:.3f} s, and nothing has woken it up"

    def _storm(self, what: str) -> None:
        if self._machine.board.wdt.running:
            return  # it will be reset out of it
        register = self._machine.engine.register
        registers = ", ".join(f"{name} {register(name):#010x}" for name in ("lr", "sp", "cpsr", "spsr"))
        self._end(f"it crashes over and over: {what} at {register('pc'):#010x}; {registers}")

    def _reset(self, kind: ResetKind) -> None:
        boot = self.signs
        self._alike = self._alike + 1 if boot == self._boot and kind is not ResetKind.POWER_ON else 0
        silent = self._at_reset == self.progress()
        self._boot, self._at_reset = boot, self.progress()
        if kind is ResetKind.POWER_ON:
            self.why, self._boot = "", None
        elif kind is ResetKind.DEEP_SLEEP:
            if not self._machine.board.sctrl.always_on.wakes:
                self._end("it sleeps deeply, and has enabled nothing that could wake it: no timer and no pin")
        elif silent and self._alike == SILENT - 1:
            self._end(f"it does nothing but reset ({kind.value}), {SILENT} times in a row without a sign of life")

    @property
    def signs(self) -> tuple[bytes, bytes, int, int]:
        """Of life: what came since the last reset; numbers in a text may differ from boot to boot."""
        uart1, uart2, operations, frames = self._at_reset
        texts = self._machine.uart1.output[uart1:], self._machine.uart2.output[uart2:]
        one, two = (_NUMBERS.sub(b"0", bytes(text)) for text in texts)
        return one, two, self._machine.flash_operations - operations, self._frames - frames

    def _end(self, why: str) -> None:
        self.why = why
        self.on_end(why)
