"""A sweep: the points that are not in the journal yet, spread over workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from bk7238.engine import interruption
from bk7238.sweep.journal import Journal
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Outcome, Point
from bk7238.sweep.workers.processes import StartWorkers, Workers, processes

DEATHS = 3  # of workers, before the sweep gives up
GLANCE = 0.2  # host seconds between two looks at whether a signal came

Tell = Callable[[list[Outcome]], None]


class SweepError(Exception):
    """The sweep cannot go on; the message is one line."""


def sweep(
    plan: Plan,
    points: list[Point],
    journal: Journal,
    *,
    start: StartWorkers | None = None,
    tell: Tell = lambda _found: None,
    seen: Callable[[list[str]], None] = lambda _verdicts: None,
    warn: Callable[[str], None] = lambda _text: None,
) -> list[Outcome]:
    """The outcomes of these points, in their order. `tell` gets them as they come, some at a time; `seen`, a few times
    a second, the verdicts of those that have ended since, so that somebody who waits can be told. A worker that dies
    is named to `warn` and its points are run again. Without `start` two processes of this machine do the work."""
    left = [point for point in points if point.id not in journal.outcomes]
    deaths = 0
    while left:
        work = _Round(journal, tell, seen)
        try:
            with (start or processes(2))(plan) as workers:
                try:
                    lost = work.run(workers, plan.chunks(left, workers.number))
                except KeyboardInterrupt:
                    warn("interrupted: each worker ends the point it is at; interrupt again to leave at once")
                    raise
        finally:  # an interrupt, too: what the workers found while they were on their way out is kept
            work.keep(one for one in work.running if one.done() and not one.cancelled() and one.exception() is None)
        left = [point for point in left if point.id not in journal.outcomes]
        if lost:
            deaths += 1
            warn(f"a worker died: {lost}; {len(left)} points are run again")
        if left and deaths >= DEATHS:
            raise SweepError(f"workers died {deaths} times, the last time on points {left[0].id} and following")
    return [journal.outcomes[point.id] for point in points]


class _Round:
    """Points for the same workers. `running` are the chunks whose outcomes are not in the journal yet."""

    def __init__(self, journal: Journal, tell: Tell, seen: Callable[[list[str]], None]) -> None:
        self._journal, self._tell, self._seen = journal, tell, seen
        self.running: set[Future[list[Outcome]]] = set()

    def run(self, workers: Workers, chunks: list[list[Point]]) -> str:
        """All chunks, or as many as are done when a worker dies: then what became of it."""
        try:
            for chunk in chunks:
                self.running.add(workers.submit(chunk))
            while self.running:
                interruption.check()
                ended, _ = wait(self.running, GLANCE, FIRST_COMPLETED)
                self.keep(ended)
                self._seen(workers.seen())
        except workers.died as error:
            interruption.check()  # the signal was theirs, too
            return str(error).partition("\n")[0] or type(error).__name__
        return ""

    def keep(self, ended: Iterable[Future[list[Outcome]]]) -> None:
        """Raises what such a chunk ended with."""
        for future in list(ended):
            found = future.result()
            self._journal.add(found)
            self.running.discard(future)
            self._tell(found)
