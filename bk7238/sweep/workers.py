"""Who runs the points: processes of this machine, or those of a Dask cluster (dask_workers.py)."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from bk7238.sweep.point import Outcome
from bk7238.sweep.subject import Subject

Explore = Callable[[Subject, list[Any]], list[Outcome]]


class Workers(Protocol):
    """Takes points of a subject. What `submit` gives ends with the outcomes, or with one of `died`."""

    number: int
    died: tuple[type[BaseException], ...]

    def submit(self, points: list[Any]) -> Future[list[Outcome]]: ...


Hire = Callable[[Subject], AbstractContextManager[Workers]]
"""Makes the workers of one round; once one of them has died they are made anew."""


def explore(subject: Subject, points: list[Any]) -> list[Outcome]:
    """What a worker does."""
    found: list[Outcome] = []
    subject.explore(points, found.append)
    return found


class _Pool:
    died: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, pool: ProcessPoolExecutor, number: int) -> None:
        self._pool, self.number = pool, number

    def submit(self, points: list[Any]) -> Future[list[Outcome]]:
        return self._pool.submit(_explore, points)


def processes(number: int, explore: Explore = explore) -> Hire:
    """So many processes of this machine. `explore` is what each does with its points."""

    @contextmanager
    def hire(subject: Subject) -> Generator[Workers]:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(number, context, initializer=_begin, initargs=(subject, explore)) as pool:
            try:
                yield _Pool(pool, number)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    return hire


_here: tuple[Subject, Explore] | None = None


def _begin(subject: Subject, explore: Explore) -> None:
    global _here
    _here = subject, explore


def _explore(points: list[Any]) -> list[Outcome]:
    assert _here is not None
    subject, explore = _here
    return explore(subject, points)
