"""All subjects by name."""

from __future__ import annotations

from bk7238.sweep.cuts import Cuts, Download, Installation, Joining, Pairs, Rejoining
from bk7238.sweep.network import Network
from bk7238.sweep.packages import Packages
from bk7238.sweep.point import Job
from bk7238.sweep.subject import Subject
from bk7238.sweep.trunk import MODES

ALL: dict[str, type[Subject]] = {
    kind.NAME: kind for kind in (Joining, Download, Installation, Rejoining, Pairs, Network, Packages)
}


def make(name: str, job: Job, *, modes: tuple[str, ...] = (), faults: tuple[str, ...] = ()) -> Subject:
    """The subject of this name. `modes` are the ways to cut the power of those that do, `faults` those of a sweep of
    the network over the whole download. Raises ValueError, one line."""
    kind = ALL[name]
    if issubclass(kind, Cuts) and not faults:
        return kind(job, modes or MODES)
    if issubclass(kind, Network) and not modes:
        return kind(job, faults)
    if modes or faults:
        raise ValueError(f"a sweep of {name} takes no {'faults' if faults else 'modes'}")
    return kind(job)
