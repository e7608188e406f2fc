"""How far a sweep is: points done of all, at what rate, the time that is left, and the verdicts so far."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bk7238.cli.progress import console
from bk7238.sweep.point import Outcome

if TYPE_CHECKING:
    from rich.progress import Progress

_LONGEST = 30.0  # host seconds between two lines


@contextmanager
def preparing(noun: str, *, quiet: bool) -> Iterator[None]:
    """What comes before the first point, such as the undisturbed run, is on its way."""
    text = f"  looking for {noun} ..."
    if quiet:
        yield
    elif sys.stdout.isatty():
        with console().status(text):
            yield
    else:
        print(text, flush=True)
        yield


class PointsDone:
    """A bar on a terminal; elsewhere a line at first, and then now and then. `before` are the verdicts of points that
    were done before."""

    def __init__(
        self,
        noun: str,
        total: int,
        before: Iterable[str] = (),
        *,
        quiet: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._noun, self._total, self._quiet, self._clock = noun, total, quiet, clock
        self._before, self._told, self._seen = Counter(before), Counter[str](), Counter[str]()
        self._began = clock()
        self._pause = 1.0
        self._due = self._began + self._pause
        self._all_said = False
        self._bar: Progress | None = None
        if quiet:
            return
        if sys.stdout.isatty():
            from rich.progress import BarColumn, Progress, TextColumn
            from rich.table import Column

            bar, text = Column(min_width=24), Column(no_wrap=True, overflow="ellipsis")
            columns = (
                BarColumn(bar_width=24, table_column=bar),
                TextColumn("{task.description}", markup=False, table_column=text),
            )
            self._bar = Progress(*columns, console=console(), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._drawn, total=total, completed=self._done)
        else:
            print(f"  {self.text}", flush=True)

    def tell(self, found: list[Outcome]) -> None:
        """Some more are done."""
        self._told.update(one.verdict for one in found)
        self._show()

    def seen(self, verdicts: list[str]) -> None:
        """A glance: some have ended at a worker, maybe none, and will be told of."""
        self._seen.update(verdicts)
        self._show()

    def close(self) -> None:
        """There is no more to come."""
        if self._bar is not None:
            self._bar.stop()

    @property
    def text(self) -> str:
        """All of it in a line."""
        return self._pace + (f": {self._ends}" if self._ends else "")

    @property
    def _pace(self) -> str:
        done, seconds = self._done, self._clock() - self._began
        parts = [f"{done:,} of {self._total:,} {self._noun}"]
        new = self._new.total()
        if new and seconds > 0:
            rate = new / seconds
            parts.append(f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute")
            if done < self._total:
                parts.append(f"{_span((self._total - done) / rate)} left")
        return ", ".join(parts)

    @property
    def _ends(self) -> str:
        """The verdicts so far."""
        return ", ".join(f"{verdict} {number:,}" for verdict, number in (self._before + self._new).most_common())

    @property
    def _new(self) -> Counter[str]:
        """The verdicts of this run. What workers have said of points under way is ahead of what was told, until one of
        them dies and its points are run again."""
        return self._seen if self._told.total() < self._seen.total() <= self._total else self._told

    @property
    def _drawn(self) -> str:
        """What stands beside the bar: the verdicts have a line of their own."""
        return f"{self._pace}\n{self._ends}"

    @property
    def _all_told(self) -> bool:
        return self._told.total() + self._before.total() >= self._total

    @property
    def _done(self) -> int:
        return min(self._total, self._before.total() + self._new.total())

    def _show(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=self._drawn)
        elif not self._quiet and not self._all_said and (self._clock() >= self._due or self._all_told):
            self._all_said = self._all_told
            self._pause = min(2 * self._pause, _LONGEST)
            self._due = self._clock() + self._pause
            print(f"  {self.text}", flush=True)


def _span(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
