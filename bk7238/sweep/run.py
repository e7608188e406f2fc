"""A sweep: the points that are not in the journal yet, spread over processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from bk7238.sweep.explore import Explorer, Outcome, full
from bk7238.sweep.journal import Journal
from bk7238.sweep.trunk import Job, Point, Trunk
from bk7238.update.story import INSTALL

CHUNK = 240  # points; each chunk boots a few times for all of them
DEATHS = 3  # of workers, before the sweep gives up

_here: tuple[Job, Trunk] | None = None


class SweepError(Exception):
    """The sweep cannot go on; the message is one line."""


def sweep(
    job: Job,
    trunk: Trunk,
    points: list[Point],
    journal: Journal,
    *,
    processes: int = 2,
    tell: Callable[[list[Outcome]], None] = lambda found: None,
    warn: Callable[[str], None] = lambda text: None,
    explore: Callable[[list[Point]], list[Outcome]] | None = None,
) -> list[Outcome]:
    """The outcomes of these points, in their order. `tell` gets them as they come; a worker that dies is named to
    `warn` and its points are run again. `explore` is what a worker does with its points."""
    left = [point for point in points if point.id not in journal.outcomes]
    size = max(1, min(CHUNK if job.phase == INSTALL else 1, -(-len(left) // processes)))
    chunks = [left[at : at + size] for at in range(0, len(left), size)]
    deaths = 0
    while chunks:
        chunks = _round(job, trunk, chunks, processes, journal, tell, explore or _explore)
        if chunks:
            deaths += 1
            warn(f"a worker died; {sum(map(len, chunks))} points are run again")
        if deaths >= DEATHS:
            raise SweepError(f"workers died {deaths} times, the last time on points {chunks[0][0].id} and following")
    return [journal.outcomes[point.id] for point in points]


def _round(
    job: Job,
    trunk: Trunk,
    chunks: list[list[Point]],
    processes: int,
    journal: Journal,
    tell: Callable[[list[Outcome]], None],
    explore: Callable[[list[Point]], list[Outcome]],
) -> list[list[Point]]:
    """One pool of workers; what is left of the chunks when one of them has died."""
    context = multiprocessing.get_context("fork")
    left = {chunk[0].id: chunk for chunk in chunks}
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(job, trunk)) as pool:
        running: dict[Future[list[Outcome]], str] = {}
        try:
            running = {pool.submit(explore, chunk): key for key, chunk in left.items()}
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    key = running.pop(future)
                    found = future.result()
                    journal.add(found)
                    del left[key]
                    tell(found)
        except BrokenProcessPool:
            pass
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return list(left.values())


def _begin(job: Job, trunk: Trunk) -> None:
    global _here
    _here = job, trunk


def _explore(points: list[Point]) -> list[Outcome]:
    assert _here is not None
    job = _here[0]
    if job.phase != INSTALL:  # what an app does next depends on more than the flash
        return [full(job, point) for point in points]
    found: list[Outcome] = []
    Explorer(*_here, found.append).explore(points)
    return found
