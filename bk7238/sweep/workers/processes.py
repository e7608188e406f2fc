"""What runs the points: processes of this machine, or those of a Dask cluster (cluster.py)."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.context import ForkContext, ForkProcess
from typing import Any, Protocol

from bk7238.sweep import orphans
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Outcome, Point

Explore = Callable[[Plan, list[Point]], list[Outcome]]


class Workers(Protocol):
    """Takes points of a plan. What `submit` gives ends with the outcomes, or with one of `died`."""

    number: int
    died: tuple[type[BaseException], ...]

    def submit(self, points: list[Point]) -> Future[list[Outcome]]:
        """Have the points run, in their order."""

    def seen(self) -> list[str]:
        """The verdicts of points that have ended since the last time, as far as that is known."""


StartWorkers = Callable[[Plan], AbstractContextManager[Workers]]
"""Makes the workers of one round; once one of them has died they are made anew."""


class _Enough(BaseException):
    """The points that are left are not wanted any more."""


def explore(plan: Plan, points: list[Point]) -> list[Outcome]:
    """The outcomes of these points; where the sweep is over before all are run, those that there are by then."""
    found: list[Outcome] = []

    def tell(one: Outcome) -> None:
        found.append(one)
        announce(one.verdict)
        if over():
            raise _Enough

    with suppress(_Enough):
        plan.explore(points, tell)
    return found


class _Process(ForkProcess):
    terminate = ForkProcess.kill  # where another has died the pool wants it to end, and it ignores SIGTERM


class _Context(ForkContext):
    Process = _Process


class _Pool:
    died: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, pool: ProcessPoolExecutor, number: int, verdicts: int) -> None:
        self._pool, self.number, self._verdicts = pool, number, verdicts

    def submit(self, points: list[Point]) -> Future[list[Outcome]]:
        pickle.dumps((_explore, points))  # what cannot be is an error now: the pool of Python 3.11 would not end then
        return self._pool.submit(_explore, points)

    def seen(self) -> list[str]:
        try:
            return os.read(self._verdicts, 1 << 20).decode().split()
        except BlockingIOError:
            return []


def processes(number: int, explore: Explore = explore) -> StartWorkers:
    """Starts so many processes of this machine. `explore` is what each does with its points. When a sweep is
    interrupted each ends the point it is at; a second interrupt ends them at once."""

    @contextmanager
    def start(plan: Plan) -> Generator[Workers]:
        context = _Context()
        ended = context.RawValue("b", 0)
        begun = os.getpid(), plan, explore, ended
        with _pipe() as (verdicts, told), ProcessPoolExecutor(number, context, _begin, (*begun, told)) as pool:
            try:
                yield _Pool(pool, number, verdicts)
            except BaseException:
                ended.value = 1
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    return start


@contextmanager
def _pipe() -> Generator[tuple[int, int]]:
    """A pipe, its end to read from first, at which nobody waits."""
    ends = os.pipe()
    try:
        for end in ends:
            os.set_blocking(end, False)
        yield ends
    finally:
        for end in ends:
            os.close(end)


_announce: Callable[[str], object] = lambda _verdict: None  # noqa: E731


def announce(verdict: str) -> None:
    """In a worker: say that a point has ended so, before the others that it was given have."""
    with suppress(OSError):  # so many at once that one is missed, or nobody listens any more
        _announce(verdict)


def announce_by(tell: Callable[[str], object]) -> None:
    """Have this process announce verdicts so."""
    global _announce
    _announce = tell


_here: tuple[Plan, Explore, Any] | None = None


def _begin(parent: int, plan: Plan, explore: Explore, ended: Any, told: int) -> None:
    global _here
    orphans.end_with(parent)
    announce_by(lambda verdict: os.write(told, f"{verdict}\n".encode()))
    _here = plan, explore, ended
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal or timeout(1) sends it to all; the sweep acts on it
        signal.signal(number, signal.SIG_IGN)


def over() -> bool:
    """In a worker: whether the sweep wants no more of it."""
    return _here is not None and bool(_here[2].value)


def _explore(points: list[Point]) -> list[Outcome]:
    assert _here is not None
    plan, explore, _ = _here
    return [] if over() else explore(plan, points)
