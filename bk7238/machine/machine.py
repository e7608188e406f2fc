"""The assembled board: engine, blocks, consoles, flash and air. The one object a user holds.

    machine = Machine(image, seed=1)
    machine.uart2.on_line.connect(print)
    machine.run(until=5_000_000)

Addresses of images are physical, times are virtual microseconds.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path

from bk7238 import host_files
from bk7238.chip import Chip, usual
from bk7238.engine.engine import Engine, make
from bk7238.engine.platform import DeviceEntry
from bk7238.machine.console import Console
from bk7238.machine.dead_end import DeadEnd
from bk7238.machine.journal import DigestJournal
from bk7238.machine.radio import Antenna, RadioMedium
from bk7238.peripherals.core import Actor, ResetKind, State
from bk7238.peripherals.nor_flash import NorFlash
from bk7238.randomness import Randomness


class Machine(Actor):
    """A board with `image` in its flash (physical bytes, shorter than the flash is filled up with 0xFF).

    `chip` is by default the usual one, `flash_size` one that it may have, by default the smallest that holds the image.
    `devices` are what hangs on pins and buses, and files that describe such in Renode's format. Raises ValueError for
    an image that fits none, for a description that cannot be, and for an unknown engine.
    """

    flash_operations: int = State(0)
    resets: int = State(0)

    def __init__(
        self,
        image: bytes,
        *,
        flash_size: int | None = None,
        seed: int = 0,
        engine: str = "unicorn",
        chip: Chip | None = None,
        devices: Iterable[str | Path | DeviceEntry] = (),
    ) -> None:
        self.chip = usual() if chip is None else chip
        fitted = self.chip.flash_for(len(image)) if flash_size is None else self.chip.flash(flash_size)
        self.seed = seed
        self.flash = NorFlash(fitted.size, fitted.jedec_id)
        self.flash.load(image)
        hung = [one if isinstance(one, DeviceEntry) else Path(one) for one in devices]
        self.engine: Engine = make(engine, self.chip.board, seed, hung)
        self.board = self.engine.board
        self.clock = self.engine.clock
        self.log = self.engine.log
        codec = self.chip.codec
        if any(codec.coefficients):
            self.board.sctrl.efuse.burn(struct.pack("<4I", *codec.coefficients))
        self.board.flash.insert(self.flash, codec)
        self.uart1 = Console(self.board.uart1)
        self.uart2 = Console(self.board.uart2)
        self._random = [block.random for block in self.board if isinstance(block.random, Randomness)]
        self.actors: dict[str, Actor] = {}  # what acts on it and around it: all of it is in a snapshot
        self._antenna: Antenna | None = None
        self.outside = ""  # what it was connected to that is not simulated; such a run is not deterministic
        self._operated, self._heard = DigestJournal(), DigestJournal()
        self.board.flash.operations.connect(self._flash_operated)
        self.engine.on_reset.connect(self._was_reset)
        self.dead_end = DeadEnd(self)

    def __repr__(self) -> str:
        return f"<machine at {self.now / 1e6:.3f} s: {self.instructions:,} instructions, {self.resets} resets>"

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
        """Run until virtual microsecond `until`, or until a callback calls `stop`.

        Ctrl-C is a matter of Python's own handler, whose exception may be lost in a callback of the CPU. Within
        `engine.interruption.heard` this raises Interrupted instead, between two slices of guest code.
        """
        self.engine.run(until)

    def stop(self) -> None:
        """End `run` at the next block of code."""
        self.engine.stop()

    def power_cycle(self) -> None:
        """Power off and on: RAM is lost, the flash stays."""
        self.engine.power_cycle()

    def watchdog_reset(self) -> None:
        """Start over as after the watchdog has bitten: RAM and the always-on part stay."""
        self.engine.request_reset(ResetKind.WATCHDOG)

    @property
    def powered(self) -> bool:
        """Whether the device has power."""
        return self.engine.powered

    def power_off(self) -> None:
        """Power off, until `power_cycle`."""
        self.engine.power_off()

    def connect_air(self, air: RadioMedium) -> None:
        """Put the device into this air."""
        self._antenna = Antenna(self.board.wifi, self.clock, air)
        air.on_frame.connect(self._frame_passed)

    @property
    def air(self) -> RadioMedium | None:
        """The air that the device is in."""
        return self._antenna.air if self._antenna is not None else None

    def reaches(self, what: str) -> None:
        """Note that it is connected to something that is not simulated."""
        self.outside = "+".join(dict.fromkeys([*filter(None, self.outside.split("+")), what]))

    def digest(self) -> str:
        """What the run did, in one number: UART bytes, flash operations, frames and the instruction count.

        With something outside, its name follows behind a plus sign: another run need not give the same number.
        """
        whole = hashlib.sha256()
        for console in (self.uart1, self.uart2):
            whole.update(hashlib.sha256(console.output).digest())
        for journal in (self._operated, self._heard):
            whole.update(journal.digest())
        whole.update(struct.pack("<Q", self.instructions))
        return whole.hexdigest()[:32] + (f"+{self.outside}" if self.outside else "")

    def save(self, folder: Path) -> None:
        """Write uart1.log, uart2.log, chip.log (what the models had to say) and flash.bin into a folder."""
        host_files.write_in(folder, "uart1.log", self.uart1.output)
        host_files.write_in(folder, "uart2.log", self.uart2.output)
        host_files.write_in(folder, "chip.log", "".join(f"{record}\n" for record in self.log.records))
        host_files.write_in(folder, "flash.bin", self.flash.data)

    def _flash_operated(self, operations: list[tuple[int, str, int, bytes | int]]) -> None:
        self.flash_operations += len(operations)
        for _time, kind, address, what in operations:
            data = what if isinstance(what, bytes) else what.to_bytes(4, "little")
            self._operated.add(kind.encode() + struct.pack("<II", address, len(data)) + data)

    def _frame_passed(self, _time: int, frame: bytes, channel: int, from_device: bool) -> None:
        self._heard.add(struct.pack("<IBB", len(frame), channel, from_device) + frame)
        if from_device:
            self.dead_end.sent()

    def _was_reset(self, _kind: ResetKind) -> None:
        self.resets += 1
        for source in self._random:
            source.begin(self.resets)
