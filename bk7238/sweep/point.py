"""One point of a sweep: an ordinary run with ordinary faults, and where it ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec

from bk7238 import chip as chips
from bk7238.bench.bench import network_alone
from bk7238.engine import renode_host
from bk7238.engine.engine import EMBEDDED
from bk7238.faults import Fault, Spec
from bk7238.image import FlashImage, Package
from bk7238.peripherals.core import ResetKind
from bk7238.update.alone import Alone
from bk7238.update.result import Result, did
from bk7238.update.session import Settings, Update
from bk7238.update.story import Happening

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
Many = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
Seconds = Annotated[float, msgspec.Meta(ge=0, lt=1e9)]


@dataclass(frozen=True)
class Point:
    """What goes wrong in one run. `row` and `column` are its place on the page; of a power cut they are the way to cut
    and the operation's number. `settings` are options of the command line that are its own."""

    id: str
    faults: tuple[Spec, ...]
    row: str
    column: str
    settings: tuple[str, ...] = ()

    @property
    def options(self) -> list[str]:
        """Its own arguments of the command that runs it."""
        return [*self.settings, *(f"--fault={fault}" for fault in self.faults)]


@dataclass(frozen=True)
class Job:
    """The update that is carried out again and again, or with the package `NONE` a device without one. The settings
    bring no faults of their own. Raises ValueError
    where Renode is to execute it, or is in this process: it survives no fork, and a point of a sweep is one."""

    image: FlashImage
    package: Package
    settings: Settings

    def __post_init__(self) -> None:
        chip = self.image.chip
        if chip != chips.usual():  # so that a replay names it
            named = replace(self.settings, chip=chips.load(chip.word), flash_key=chip.flash_key)
            object.__setattr__(self, "settings", named)
        if self.settings.engine != EMBEDDED:
            raise ValueError(f"the engine {self.settings.engine} runs no sweeps: leave it out, or name {EMBEDDED}")
        if renode_host.loaded():
            raise ValueError("this process holds a Renode, beside which no sweep can run: start one of its own for it")

    def alone(self, *faults: Spec | Fault, **settings: Any) -> Alone:
        """A device without a package, with these settings, that is ready to run."""
        return Alone(self.image, replace(self.settings, faults=faults, **settings), network_alone)

    def update(self, *faults: Spec | Fault, told: Milestones | None = None) -> Update:
        """An update that is ready to run."""
        settings = replace(self.settings, faults=faults)
        return Update(self.image, self.package, settings, *([told.tell] if told is not None else []))


class Milestones:
    """The milestones of a run, a line each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, happening: Happening) -> None:
        """Keep a happening as a line with its virtual seconds."""
        if happening.share is None:
            self.lines.append(f"{happening.time / 1e6:.3f} s  {happening.text}")


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a point led to.

    Of a run that was watched to its end: `digest` is the run's, `did` what each fault did first, `silent` the faults
    that never fired, `story` its milestones, `versions` those of banner and footer. Of one that was not: `merged` is
    how many operations of a boot loader it took until the run met the undisturbed one. Of one that stands for further
    cuts: how many `states` of the flash they leave, and the names of the `recoveries` that lead on from these. `shared`
    is the point whose boot it has or, after an outage, all that follows; empty where it has its own. `seconds` are of
    this host.
    """

    id: str
    verdict: str
    reason: str
    digest: str = ""
    did: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    merged: Count | None = None
    shared: str = ""
    states: Many = 0
    recoveries: tuple[str, ...] = ()
    seconds: Seconds = 0.0
    versions: str = ""


def elapsed(began: float) -> float:
    """Seconds of this host since `time.perf_counter` was `began`, to the millisecond."""
    return round(time.perf_counter() - began, 3)


def outcome(point: Point, result: Result, story: Milestones, seconds: float) -> Outcome:
    """The outcome of a run that was watched to its end."""
    return Outcome(
        point.id,
        result.verdict.value,
        result.reason,
        result.digest,
        tuple(did(fault) for fault in result.faults if fault["fired"]),
        tuple(result.silent),
        tuple(story.lines),
        seconds=seconds,
        versions=result.versions,
    )


def full(job: Job, point: Point) -> Outcome:
    """The outcome of a point that is run from its beginning, as a user replays it."""
    began = time.perf_counter()
    story = Milestones()
    result = job.update(*point.faults, told=story).run()
    return outcome(point, result, story, elapsed(began))


def flash_at(job: Job, faults: Sequence[Spec]) -> tuple[bytes, int]:
    """The chip's bytes as it starts again after the last of these faults, and the virtual microsecond. Raises
    ValueError where they do not all fire, or no restart follows."""
    update = job.update(*faults)
    machine, found = update.machine, list[tuple[bytes, int]]()

    def restarted(_kind: ResetKind) -> None:
        if not found and not update.faults.silent:
            found.append((bytes(machine.flash.data), machine.now))
            machine.stop()

    machine.engine.on_reset.connect(restarted)
    update.begin()
    machine.run(until=round(job.settings.within * 1e6))
    if not found:
        silent = ", ".join(update.faults.silent)
        raise ValueError(f"{silent} never fired" if silent else "its faults start the device at no time")
    return found[0]
