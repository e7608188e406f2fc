"""A sweep: the points that are not in the journal yet, spread over workers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from bk7238.sweep.journal import Journal
from bk7238.sweep.point import Outcome
from bk7238.sweep.subject import Subject
from bk7238.sweep.workers import Hire, Workers, processes

DEATHS = 3  # of workers, before the sweep gives up

Tell = Callable[[list[Outcome]], None]


class SweepError(Exception):
    """The sweep cannot go on; the message is one line."""


def sweep(
    subject: Subject,
    points: list[Any],
    journal: Journal,
    *,
    hire: Hire | None = None,
    tell: Tell = lambda found: None,
    warn: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """The outcomes of these points, in their order. `tell` gets them as they come; a worker that dies is named to
    `warn` and its points are run again. Without `hire` two processes of this machine do the work."""
    left = [point for point in points if point.id not in journal.outcomes]
    deaths = 0
    while left:
        with (hire or processes(2))(subject) as workers:
            lost = _round(workers, subject.chunks(left, workers.number), journal, tell)
        left = [point for point in left if point.id not in journal.outcomes]
        if lost:
            deaths += 1
            warn(f"a worker died: {lost}; {len(left)} points are run again")
        if deaths >= DEATHS:
            raise SweepError(f"workers died {deaths} times, the last time on points {left[0].id} and following")
    return [journal.outcomes[point.id] for point in points]


def _round(workers: Workers, chunks: list[list[Any]], journal: Journal, tell: Tell) -> str:
    """All chunks, or as many as are done when a worker dies: then what became of it."""
    running: set[Future[list[Outcome]]] = {workers.submit(chunk) for chunk in chunks}
    while running:
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            try:
                found = future.result()
            except workers.died as error:
                return str(error).partition("\n")[0] or type(error).__name__
            journal.add(found)
            tell(found)
    return ""
