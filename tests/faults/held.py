"""A plan whose points wait until a test lets them go on, so that the test can do something to their workers."""

from __future__ import annotations

import os
from pathlib import Path

from bk7238.sweep.plan.packages import Packages
from bk7238.sweep.point import Job


class Held(Packages):
    """The first point is free. The others' processes leave a file with their number in `folder`, and wait."""

    def __init__(self, job: Job, folder: Path) -> None:
        super().__init__(job)
        self.folder = folder
        os.mkfifo(self._gate)

    @property
    def _gate(self) -> Path:
        return self.folder / "gate"

    def held(self, wanted: int) -> set[int]:
        """The processes that wait, when so many do."""
        while True:
            found = {int(path.name) for path in self.folder.iterdir() if path != self._gate}
            if len(found) >= wanted:
                return found
            os.sched_yield()

    def release(self) -> None:
        """None waits any more."""
        os.open(self._gate, os.O_RDWR)

    def explore(self, points, tell):
        for point in points:
            if point != self.points("quick")[0]:
                (self.folder / str(os.getpid())).touch()
                with self._gate.open("rb"):  # when somebody has opened it for writing
                    pass
            super().explore([point], tell)
