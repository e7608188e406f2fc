"""One point of a sweep: an ordinary run with ordinary faults, and where it ended."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from bk7238.engine import renode_host
from bk7238.engine.engine import EMBEDDED
from bk7238.faults import Fault, FaultError, kinds, parse
from bk7238.image import FlashImage, Package
from bk7238.sweep.fields import OUTCOME, Check, first_wrong, list_of, maybe, seconds, text
from bk7238.update.result import Result, did
from bk7238.update.session import Settings, Update
from bk7238.update.story import Happening


class Point(Protocol):
    """What goes wrong in one run. `row` and `column` are its place in the picture."""

    @property
    def id(self) -> str: ...

    @property
    def faults(self) -> tuple[str, ...]: ...

    @property
    def row(self) -> str: ...

    @property
    def column(self) -> str: ...


@dataclass(frozen=True)
class Job:
    """The update that is carried out again and again. The settings bring no faults of their own. Raises ValueError
    where Renode is to execute it, or is in this process: it survives no fork, and a point of a sweep is one."""

    image: FlashImage
    package: Package
    settings: Settings

    def __post_init__(self) -> None:
        if self.settings.engine != EMBEDDED:
            raise ValueError(f"the engine {self.settings.engine} runs no sweeps: leave it out, or name {EMBEDDED}")
        if renode_host.loaded():
            raise ValueError("this process holds a Renode, beside which no sweep can run: start one of its own for it")

    def update(self, *faults: str | Fault, told: Story | None = None) -> Update:
        """An update that is ready to run."""
        settings = replace(self.settings, faults=faults)
        return Update(self.image, self.package, settings, *([told.tell] if told is not None else []))


class Story:
    """The milestones of a run, a line each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, happening: Happening) -> None:
        if happening.share is None:
            self.lines.append(f"{happening.time / 1e6:.3f} s  {happening.text}")


@dataclass(frozen=True)
class Outcome:
    """Where a point led to.

    Of a run that was watched to its end: `digest` is the run's, `did` what each fault did first, `silent` the faults
    that never fired, `story` its milestones. Of one that was not: `merged` is how many operations of a boot loader it
    took until the run met the undisturbed one. `shared` is the point whose boot it shares, empty where it has its own.
    `seconds` are of this host.
    """

    id: str
    verdict: str
    reason: str
    digest: str = ""
    did: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    merged: int | None = None
    shared: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def from_json(line: Any) -> Outcome:
    """The outcome that `as_json` wrote. Raises ValueError, with one line, for anything else."""
    if not isinstance(line, dict):
        raise ValueError("it is no object")
    unknown = [name for name in line if name not in _CHECKS]
    wrong = f"{unknown[0][:20]!r} is unknown" if unknown else first_wrong(line, _CHECKS)
    if wrong:
        raise ValueError(wrong)
    values: dict[str, Any] = {}
    for name, value in line.items():
        if value is not None:
            values[name] = tuple(value) if isinstance(value, list) else value
    return Outcome(**values)


def _fault(value: Any) -> bool:
    """The report says when it would have fired."""
    try:
        return text(value) and parse(value).kind in kinds()
    except FaultError:
        return False


_CHECKS: dict[str, Check] = {**OUTCOME, "silent": maybe(list_of(_fault)), "seconds": maybe(seconds)}


def outcome(point: Point, result: Result, story: Story, seconds: float) -> Outcome:
    """Of a run that was watched to its end."""
    return Outcome(
        point.id,
        result.verdict.value,
        result.reason,
        result.digest,
        tuple(did(fault) for fault in result.faults if fault["fired"]),
        tuple(result.silent),
        tuple(story.lines),
        seconds=seconds,
    )


def full(job: Job, point: Point) -> Outcome:
    """A point from its beginning, as a user replays it."""
    began = time.perf_counter()
    story = Story()
    result = job.update(*point.faults, told=story).run()
    return outcome(point, result, story, time.perf_counter() - began)
