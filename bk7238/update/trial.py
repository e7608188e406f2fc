"""One start of the boot loader in a flash, run and not foretold: what it prints, and what becomes of the flash."""

from __future__ import annotations

from dataclasses import replace

from bk7238.bench.bench import Bench
from bk7238.bench.settings import Settings
from bk7238.engine.unicorn import UnicornEngine
from bk7238.formats import rbl
from bk7238.formats.partitions import Partition
from bk7238.image import FlashImage, loaders
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders import Loader, Says
from bk7238.image.loaders.boot import Boot, End, Step
from bk7238.machine import Machine
from bk7238.peripherals.core import ResetKind
from bk7238.update import installation

LONGEST = 180_000_000  # virtual microseconds
_QUIET = 30_000_000  # without a byte printed or a flash operation, after which nothing more is waited for
_GLANCE = 1_000_000
_RESETS = 3  # in a row that lead to no app


def run(image: FlashImage, flash: FlashView, package: bytes = b"") -> Boot:
    """Power on a device with this flash, which is whole, and let its boot loader run until it starts an app, or for
    ever. A `package` that was meant to be installed is compared with what lies there, for the cause. `image` is what
    the flash was made of."""
    loader = loaders.of(flash)
    trial = _Trial(Bench(Settings(), replace(image, view=flash)).machine, image.app, loader)
    found = trial.run()
    after = FlashView(flash.chip, bytes(trial.machine.flash.data))
    target = loader.target(flash, flash.header or b"", image.app)
    end = _end(flash, after, target, trial.started_at)
    seconds = trial.machine.now / 1e6
    why = loader.why(loader.complaints(trial.lines), flash, package)
    cause = {End.INSTALLED: "", End.HANGS: f"{found}; {why}"}.get(end, why)
    return Boot(
        loaders.title(image),
        (
            Step("run", None, f"it is not foretold but was run, for {seconds:.3f} virtual seconds", tuple(trial.lines)),
            Step("end of the run", trial.started_at is not None, found),
        ),
        end,
        cause,
        after.data,
        target.name,
        seconds=seconds,
    )


def _end(before: FlashView, after: FlashView, target: Partition, started_at: int | None) -> End:
    """Where the start has ended, by the flash before and after it and the logical address of the app's start."""
    header, footer = before.header, after.footer(target)
    if started_at is None:
        return End.HANGS
    if footer == header and (before.footer(target) != header or after.header != header) and rbl.unpack(footer).crc_ok:
        return End.INSTALLED
    if header is not None and header != after.header and installation.without_footer(after, target, rbl.unpack(header)):
        return End.INSTALLED
    if not after.logical(started_at, started_at + 32).strip(b"\xff"):
        return End.NO_APP
    if installation.untouched(after, before, target):
        return End.KEPT
    size = rbl.unpack(header).raw_size if header is not None else target.length
    return End.REINSTALLS if _is_whole(after, target, min(size, target.length)) else End.BRICKED


def _is_whole(flash: FlashView, partition: Partition, size: int) -> bool:
    """Whether all frames hold of the first so many bytes of a partition, but for a last one that has more of it."""
    if not partition.framed:
        return True
    codec = flash.chip.codec
    frames = flash.frames(partition.physical_start, codec.physical(partition.offset + size // codec.data * codec.data))
    return not frames.bad and not frames.erased


class _Trial:
    """A machine that runs until its boot loader starts an app: until the first instruction of one is executed."""

    def __init__(self, machine: Machine, app: Partition, loader: Loader) -> None:
        self.machine = machine
        self.lines: list[str] = []  # on either UART, without empty ones and progress bars
        self.started_at: int | None = None
        self._loader, self._resets = loader, 0
        assert isinstance(machine.engine, UnicornEngine)
        self._engine = machine.engine
        for address in {app.offset, machine.chip.app}:
            self._engine.stops.add_breakpoint(address)
        for console in (machine.uart1, machine.uart2):
            console.on_line.connect(self._line)
        machine.engine.on_reset.connect(self._reset)
        machine.dead_end.on_end.connect(lambda _why: machine.stop())

    def run(self) -> str:
        """Run. Returns how that ended."""
        machine, moved, progress = self.machine, 0, self.machine.dead_end.progress()
        while machine.now < LONGEST:
            machine.run(machine.now + _GLANCE)
            if self._engine.halt is not None and self._engine.halt.reason == "breakpoint":
                self.started_at = machine.engine.register("pc")
                return f"the app at {self.started_at:#x} is started"
            if machine.dead_end.why:
                return machine.dead_end.why
            if self._resets > _RESETS:
                return f"{self._resets} resets in a row without an app"
            if machine.dead_end.progress() != progress:
                moved, progress = machine.now, machine.dead_end.progress()
            elif machine.now - moved > _QUIET:
                pc = machine.engine.register("pc")
                return f"nothing happens any more for {_QUIET // 1_000_000} virtual seconds, at {pc:#x}"
        return f"no app was started in {LONGEST // 1_000_000} virtual seconds"

    def _line(self, line: str) -> None:
        if line.strip() and self._loader.says(line) is not Says.PROGRESS:
            self.lines.append(line.strip())

    def _reset(self, kind: ResetKind) -> None:
        self._resets += kind is not ResetKind.POWER_ON
