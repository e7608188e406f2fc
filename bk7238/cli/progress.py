"""The story as it happens: a line for each milestone, and a bar while a download runs, the device's or a user's."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from bk7238.cli import colour
from bk7238.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from bk7238.update.story import Happening


def console() -> Console:
    """What draws on a terminal on stdout, in the colours that the user wants."""
    from rich.console import Console

    return Console(file=sys.__stdout__, no_color=not colour.wanted())


class Teller:
    """Prints milestones on stdout. On a terminal downloads get a bar, elsewhere a line every quarter."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._quarter = 0

    def __enter__(self) -> Teller:
        if not self._quiet and sys.stdout.isatty():
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

            columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
            self._bar = Progress(*columns, console=console(), transient=True)
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, happening: Happening) -> None:
        """Print a happening, or draw how much has been done."""
        if self._quiet:
            return
        if happening.share is None:
            self._line(happening)
        elif self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task("  download", total=1.0)
            self._bar.update(self._task, completed=happening.share)
        elif int(happening.share * 4) > self._quarter:
            self._quarter = int(happening.share * 4)
            self._line(happening)

    def _line(self, happening: Happening) -> None:
        line = f"{happening.time / 1e6:10.3f} s  {happening.text}"
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
                self._task = None
            self._bar.console.print(visible(line), markup=False, highlight=False)
        else:
            print(line, flush=True)


class FetchBar:
    """Draws a bar for a file that is fetched, on a terminal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Progress | None = None

    def __enter__(self) -> FetchBar:
        if sys.stdout.isatty():
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()
            self._bar = Progress(*columns, console=console(), transient=True)
            self._task = self._bar.add_task(self._name, total=None)
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, done: int, total: int | None) -> None:
        """Draw how many bytes have come, of how many where that is known."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
