"""All subjects by name."""

from __future__ import annotations

from bk7238.sweep.cuts import Cuts, Download, Installation, Pairs
from bk7238.sweep.network import Network
from bk7238.sweep.packages import Packages
from bk7238.sweep.point import Job
from bk7238.sweep.subject import Subject

ALL: dict[str, type[Subject]] = {kind.NAME: kind for kind in (Installation, Download, Pairs, Network, Packages)}


def make(name: str, job: Job, modes: tuple[str, ...] = ()) -> Subject:
    """The subject of this name. `modes` are ways to cut the power, of those that do."""
    kind = ALL[name]
    return kind(job, modes) if modes and issubclass(kind, Cuts) else kind(job)
