"""The assembled board: engine, blocks, consoles, flash and air. The one object a user holds.

    machine = Machine(image, seed=1)
    machine.uart2.on_line(print)
    machine.run(until=5_000_000)

Addresses of images are physical, times are virtual microseconds.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bk7238 import resources
from bk7238.engine.engine import Engine, make
from peripherals.core import Event, ResetKind
from peripherals.nor_flash import JEDEC_IDS, NorFlash

if TYPE_CHECKING:
    from bk7238.air.medium import Medium, Reception
    from peripherals.uart import Uart

_COLOURS = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


class Console:
    """What a terminal on one UART sees and types."""

    def __init__(self, uart: Uart, now: Callable[[], int]) -> None:
        self._uart, self._now = uart, now
        self._line = bytearray()
        self._listeners: list[Callable[[str], None]] = []
        self.output = bytearray()
        self.hash = hashlib.sha256()
        uart.sent.connect(self._sent)

    def on_line(self, listener: Callable[[str], None]) -> None:
        """Hand each complete line to `listener`, without line end and colour codes."""
        self._listeners.append(listener)

    def send(self, data: bytes) -> None:
        """Type: the bytes arrive one after the other at line speed."""
        self._uart.receive(data)

    @property
    def text(self) -> str:
        """All that was printed, colour codes and all."""
        return self.output.decode("utf-8", "replace")

    def _sent(self, byte: int) -> None:
        self.output.append(byte)
        self.hash.update(bytes((byte,)))
        self._line.append(byte)
        if byte == 0x0A:
            line = _COLOURS.sub(b"", bytes(self._line)).decode("utf-8", "replace").strip("\r\n\0")
            self._line.clear()
            for listener in self._listeners:
                listener(line)


class Machine:
    """A BK7238 with `image` in its flash (physical bytes, shorter than the chip is filled up with 0xFF).

    `flash_size` is 2 or 4 MiB, by default the smallest that holds the image. Raises ValueError for an image that
    fits neither and for an unknown engine.
    """

    def __init__(self, image: bytes, *, flash_size: int | None = None, seed: int = 0, engine: str = "unicorn") -> None:
        if flash_size is None:
            flash_size = next((size for size in sorted(JEDEC_IDS) if len(image) <= size), max(JEDEC_IDS))
        self.seed = seed
        self.flash = NorFlash(flash_size)
        self.flash.load(image)
        self.engine: Engine = make(engine, resources.platform() / "bk7238.repl", seed)
        self.board = self.engine.board
        self.clock = self.engine.clock
        self.log = self.engine.log
        self.board.flash.insert(self.flash)
        self.uart1 = Console(self.board.uart1, lambda: self.clock.now)
        self.uart2 = Console(self.board.uart2, lambda: self.clock.now)
        self.flash_operations = 0
        self.resets = 0
        self._flash_hash, self._air_hash = hashlib.sha256(), hashlib.sha256()
        self.board.flash.operated.connect(self._flash_operated)
        self.engine.on_reset.append(self._was_reset)

    @property
    def now(self) -> int:
        """Virtual microseconds since power-on."""
        return self.clock.now

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return self.engine.instructions

    def run(self, until: int) -> None:
        """Run until virtual microsecond `until`, or until a callback calls `stop`."""
        self.engine.run(until)

    def stop(self) -> None:
        """End `run` at the next block of code."""
        self.engine.stop()

    def power_cycle(self) -> None:
        """Power off and on: RAM is lost, the flash stays."""
        self.engine.power_cycle()

    def connect_air(self, air: Medium) -> None:
        """Put the device into this air."""
        _Radio(self, air)
        air.on_frame(self._frame_passed)

    def digest(self) -> str:
        """What the run did, in one number: UART bytes, flash operations, frames and the instruction count."""
        whole = hashlib.sha256()
        for part in (self.uart1.hash, self.uart2.hash, self._flash_hash, self._air_hash):
            whole.update(part.digest())
        whole.update(struct.pack("<Q", self.instructions))
        return whole.hexdigest()[:32]

    def save(self, folder: Path) -> None:
        """Write uart1.log, uart2.log, chip.log (what the models had to say) and flash.bin into a folder."""
        (folder / "uart1.log").write_bytes(self.uart1.output)
        (folder / "uart2.log").write_bytes(self.uart2.output)
        (folder / "chip.log").write_text("".join(f"{record}\n" for record in self.log.records))
        (folder / "flash.bin").write_bytes(self.flash.data)

    def _flash_operated(self, kind: str, address: int, what: bytes | int) -> None:
        self.flash_operations += 1
        data = what if isinstance(what, bytes) else what.to_bytes(4, "little")
        self._flash_hash.update(kind.encode() + struct.pack("<II", address, len(data)) + data)

    def _frame_passed(self, time: int, frame: bytes, channel: int, from_device: bool) -> None:
        self._air_hash.update(struct.pack("<IBB", len(frame), channel, from_device) + frame)

    def _was_reset(self, kind: ResetKind) -> None:
        self.resets += 1


class _Radio:
    """Between the MAC and the air: what is sent goes out at once, what is in the air arrives when it is due."""

    def __init__(self, machine: Machine, air: Medium) -> None:
        self._wifi, self._clock, self._air = machine.board.wifi, machine.clock, air
        self._alarm: Event | None = None
        self._wifi.transmitted.connect(self._sent)
        self._plan()

    def _sent(self, frame: bytes, channel: int) -> bool:
        acknowledged = self._air.transmit(frame, channel, self._clock.now)
        self._plan()
        return acknowledged

    def _plan(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        deadline = self._air.deadline
        self._alarm = None
        if deadline is not None:
            self._alarm = self._clock.after(max(0, deadline - self._clock.now), self._arrive)

    def _arrive(self) -> None:
        self._alarm = None
        for reception in self._air.poll(self._clock.now):
            self._hear(reception)
        self._plan()

    def _hear(self, reception: Reception) -> None:
        self._wifi.deliver(reception.frame, reception.channel, reception.rssi)
