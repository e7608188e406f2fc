"""All kinds of sweeps by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from bk7238.bench.command import words
from bk7238.sweep.explore.trunk import ALL_MODES, MODES
from bk7238.sweep.plan.cuts import (
    Cuts,
    DownloadCuts,
    InstallationCuts,
    JoiningCuts,
    Pairs,
    RejoiningCuts,
    SecondCuts,
)
from bk7238.sweep.plan.life import RouterOutages
from bk7238.sweep.plan.network import NetworkCuts, NetworkFaults
from bk7238.sweep.plan.packages import Layouts, Packages
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Job

PLANS: dict[str, type[Plan]] = {
    kind.NAME: kind
    for kind in (
        *(JoiningCuts, DownloadCuts, InstallationCuts, RejoiningCuts, SecondCuts, Pairs),
        *(NetworkFaults, NetworkCuts, RouterOutages, Packages, Layouts),
    )
}


ALL = "all"
"""Stands for every way to cut."""

T = TypeVar("T")


def _one_of(what: str, known: Mapping[str, T], name: str) -> T:
    if name not in known:
        raise ValueError(f"{name!r} is no {what} of a sweep; there is {', '.join(known)}")
    return known[name]


def make(
    name: str, job: Job, *, modes: tuple[str, ...] = (), faults: tuple[str, ...] = (), depth: int | None = None
) -> Plan:
    """The plan of this name. `modes` are the ways to cut the power of those that do, `faults` those of a sweep of
    the network over the whole download, `depth` is how many cuts come one after the other where all do. Raises
    ValueError, one line."""
    kind = _one_of("subject", PLANS, name)
    for mode in modes:
        _one_of("way to cut", dict.fromkeys((*ALL_MODES, ALL)), mode)
    if ALL in modes:
        modes = ALL_MODES
    if job.settings.faults:
        raise ValueError("a sweep brings its own faults: the device must have none")
    words(job.settings)  # of the command that replays a point; refuses what no command can say
    if depth is not None:
        if not issubclass(kind, SecondCuts):
            raise ValueError(f"a sweep of {name} takes no depth")
        if not faults:
            return kind(job, modes or MODES, depth)
    if issubclass(kind, Cuts) and not faults:
        return kind(job, modes or MODES)
    if issubclass(kind, NetworkFaults) and not modes:
        return kind(job, faults)
    if modes or faults:
        raise ValueError(f"a sweep of {name} takes no {'faults' if faults else 'modes'}")
    return kind(job)
