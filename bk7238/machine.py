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
from typing import TYPE_CHECKING, Any

from bk7238 import resources
from bk7238.companion import Companion
from bk7238.dead_end import DeadEnd
from bk7238.engine.engine import Engine, make
from bk7238.formats.airtime import SLOWEST, Rate
from bk7238.randomness import Randomness
from peripherals.core import ResetKind, RunningAlarm
from peripherals.nor_flash import JEDEC_IDS, NorFlash

if TYPE_CHECKING:
    from bk7238.air.medium import Medium, Reception
    from bk7238.debug.gdbserver import Server
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

    def mark(self) -> tuple[int, bytes, Any]:
        """Where the output stands: its length, the unfinished line, the hash."""
        return len(self.output), bytes(self._line), self.hash.copy()

    def go_back(self, mark: tuple[int, bytes, Any]) -> None:
        """Forget what was printed since `mark`."""
        length, line, hash_then = mark
        del self.output[length:]
        self._line[:] = line
        self.hash = hash_then.copy()

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
        self._random = [block.random for block in self.board if isinstance(block.random, Randomness)]
        self.companions: list[Companion] = []  # who acts on it from outside, and goes back in time with it
        self._radio: _Radio | None = None
        self.outside = ""  # what it was connected to that is not simulated; such a run is not deterministic
        self._flash_hash, self._air_hash = hashlib.sha256(), hashlib.sha256()
        self.board.flash.operated.connect(self._flash_operated)
        self.engine.on_reset.append(self._was_reset)
        self.dead_end = DeadEnd(self)

    @property
    def now(self) -> int:
        """Virtual microseconds since power-on."""
        return self.clock.now

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return self.engine.instructions

    def random(self, name: str) -> Randomness:
        """A source of random numbers for something around the device. It begins anew at each boot."""
        source = Randomness(f"{self.seed}:{name}")
        self.begins_anew(source)
        return source

    def begins_anew(self, source: Randomness) -> None:
        """Let a source of random numbers begin anew at each boot."""
        self._random.append(source)

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
        self._radio = _Radio(self, air)
        air.on_frame(self._frame_passed)

    @property
    def air(self) -> Medium | None:
        """The air that the device is in."""
        return self._radio.air if self._radio is not None else None

    def air_changed(self) -> None:
        """Something was done to the air from outside, so that it may have to do sooner than it had said."""
        if self._radio is not None:
            self._radio.plan()

    def gdb(self, port: int = 0, **options: Any) -> Server:
        """A GDB server on 127.0.0.1 for this machine, which stands still until a debugger lets it run.

        `with machine.gdb() as server: ... server.serve(until_detached=True)`; options as for `debug.attach.serve`.
        """
        from bk7238.debug import attach

        return attach.serve(self, port=port, **options)

    def mark(self) -> dict[str, Any]:
        """What has been counted and hashed so far, for `go_back`; a snapshot of the machine needs more (replay)."""
        return {
            "uart1": self.uart1.mark(),
            "uart2": self.uart2.mark(),
            "counts": (self.flash_operations, self.resets),
            "hashes": (self._flash_hash.copy(), self._air_hash.copy()),
        }

    def go_back(self, mark: dict[str, Any]) -> None:
        """Forget what was counted and hashed since `mark`."""
        self.uart1.go_back(mark["uart1"])
        self.uart2.go_back(mark["uart2"])
        self.flash_operations, self.resets = mark["counts"]
        self._flash_hash, self._air_hash = (part.copy() for part in mark["hashes"])

    def digest(self) -> str:
        """What the run did, in one number: UART bytes, flash operations, frames and the instruction count.

        With something outside, its name follows behind a plus sign: another run need not give the same number.
        """
        whole = hashlib.sha256()
        for part in (self.uart1.hash, self.uart2.hash, self._flash_hash, self._air_hash):
            whole.update(part.digest())
        whole.update(struct.pack("<Q", self.instructions))
        return whole.hexdigest()[:32] + (f"+{self.outside}" if self.outside else "")

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
        if from_device:
            self.dead_end.sent()

    def _was_reset(self, kind: ResetKind) -> None:
        self.resets += 1
        for source in self._random:
            source.begin(self.resets)


class _Radio:
    """Between the MAC and the air: what is sent goes out at once, what is in the air arrives when it is due."""

    def __init__(self, machine: Machine, air: Medium) -> None:
        self._wifi, self._clock, self.air = machine.board.wifi, machine.clock, air
        self._alarm = RunningAlarm(machine.clock, self._arrive)
        self._wifi.transmitted.connect(self._sent)
        self._wifi.contending.connect(self._contend)
        self.plan()

    def _contend(self, channel: int, duration: int) -> int:
        wait = self.air.claim(channel, duration, self._clock.now) if channel else 0
        self.plan()
        return wait

    def _sent(self, frame: bytes, channel: int) -> bool:
        rate = self._wifi.rate or SLOWEST
        acknowledged = self.air.transmit(
            frame, channel, self._clock.now, rate.half_megabits, short=not rate.long_preamble
        )
        self.plan()
        return acknowledged

    def plan(self) -> None:
        """Be woken when the air has something to do."""
        self._alarm.stop()
        deadline = self.air.deadline
        if deadline is not None:
            self._alarm.start(max(0, deadline - self._clock.now))

    def _arrive(self) -> None:
        for reception in self.air.poll(self._clock.now):
            self._hear(reception)
        self.plan()

    def _hear(self, reception: Reception) -> None:
        self._wifi.deliver(reception.frame, reception.channel, reception.rssi, Rate.of_megabits(reception.rate))
