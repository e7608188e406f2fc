"""The network matrix: each fault of radio, network and web server, from the power-on and at places of the download.

A fault of what the device asks for has its chance when it asks: in the middle of a download the connection is reset as
well, so that it may ask again.

Each may have a power cut beside it, before or after it in the download.

All faults that strike at the same place have the run up to there in common: forks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

from bk7238.faults import FaultError, Spec, all_kinds, parse
from bk7238.faults.fault import make
from bk7238.faults.kinds.net import ConnectionReset
from bk7238.network.http_path import quoted
from bk7238.peripherals.nor_endings import TORN
from bk7238.sweep.explore import forks
from bk7238.sweep.explore import trunk as trunks
from bk7238.sweep.explore.trunk import cut
from bk7238.sweep.plan.plan import NothingToSweep, Plan
from bk7238.sweep.point import Job, Outcome, Point
from bk7238.update.session import Settings
from bk7238.update.story import DOWNLOAD

POWER_ON = "power-on"
COLUMNS = (POWER_ON, "0%", "1%", "50%", "99%")
QUICK = (POWER_ON, "50%")
STEPS = {"quick": 25, "pr": 5, "full": 1}  # per cent, from one column to the next
PLACES = ((25, 50), (75, 50), (1, 99), (99, 1))  # of a cut, in per cent of the download's flash operations, and a fault
SECTIONS = ("Radio", "Network", "HTTP")
PASSPHRASE, HOST = "a passphrase", "ota.example"


def cell(fault: Spec, column: str) -> Point:
    """The point of a fault without a moment, and a moment."""
    row = str(fault)
    if column == POWER_ON:
        return Point(row, (fault,), row, column)
    asked = all_kinds()[fault.kind].ASKED
    faults = (replace(fault, when=column), *([Spec(ConnectionReset.NAME, when=column)] if asked else []))
    return Point(f"{row}@{column}", faults, row, column)


class NetworkFaults(Plan):
    """`quick` is the first row of each kind at two moments, `pr` at all of them, and `full` all rows. With `faults`
    of the user's these are the rows, and their columns go over the whole download, every 25, 5 or 1 per cent.

    Faults of keys and of names need a protected network and a host name: where the job has none, it is given them.
    """

    NAME, NOUN = "network", "cells of the network matrix"
    WELL = ("new-app-runs", "old-app-runs", "old-app-retries-each-boot", "device-waits", "time-limit")
    CHUNK = 16  # the run up to the fork is shared by so many

    def __init__(self, job: Job, faults: tuple[str, ...] = ()) -> None:
        super().__init__(job)
        self.faults = [self._checked(fault) for fault in faults]

    def settings(self, settings: Settings) -> Settings:
        """The settings of its runs, with a passphrase and a host name."""
        request = settings.request or f"http://{HOST}{quoted('/' + self.job.package.name)}"
        return replace(super().settings(settings), psk=settings.psk or PASSPHRASE, request=request)

    def _checked(self, text: str) -> Spec:
        """The fault in `text`. Raises FaultError for one that cannot be tried all over the download."""
        fault = parse(text)
        kind = type(make(fault, all_kinds(), ""))
        if fault.when:
            raise FaultError(f"fault {text!r}: the sweep chooses the moments; leave out the @")
        if kind.SECTION not in SECTIONS:
            raise FaultError(f"fault {text!r}: a sweep of the network tries faults of {', '.join(SECTIONS)}")
        return fault

    def points(self, tier: str) -> list[Point]:
        """Each fault at each moment of the tier."""
        if self.faults:
            places = sorted({*range(0, 100, STEPS[tier]), 99})
            return [cell(fault, f"{place}%") for place in places for fault in self.faults]
        return [cell(row, column) for column in (QUICK if tier == "quick" else COLUMNS) for row in self.rows(tier)]

    def rows(self, tier: str) -> list[Spec]:
        """The faults of a tier, without a moment."""
        if self.faults:
            return self.faults
        disturbing = [kind for kind in all_kinds().values() if kind.SECTION in SECTIONS]
        texts = [text for kind in disturbing for text in (kind.swept() if tier == "full" else kind.swept()[:1])]
        return [parse(text) for text in texts]

    def chunks(self, points: list[Point], workers: int) -> list[list[Point]]:
        """What shares a long run goes first, and what shares nothing last and one by one: so all end together."""
        columns = {cell.column: [one for one in points if one.column == cell.column] for cell in reversed(points)}
        alone = columns.pop(POWER_ON, [])
        shared = [chunk for cells in columns.values() for chunk in super(NetworkFaults, self).chunks(cells, workers)]
        return [*shared, *([cell] for cell in alone)]

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Fork the run at each moment that several faults share."""
        for _column, group in groupby(points, key=lambda cell: cell.column):
            cells = list(group)
            if len(cells) == 1 or not cells[0].faults[0].when.endswith("%"):  # they wait there from the power-on
                super().explore(cells, tell)
            else:  # where the moment never came nothing was disturbed: the faults say themselves what is wrong
                super().explore(forks.at_moments(self.job, cells, tell), tell)


class NetworkCuts(NetworkFaults):
    """A fault of the network and a power cut around an operation of the download, which comes before or after it.
    `quick` is the first row of each kind around the middle, `pr` at the ends as well, `full` has all rows."""

    NAME, NOUN = "network-cuts", "faults of the network, each with a power cut"

    def __init__(self, job: Job, faults: tuple[str, ...] = ()) -> None:
        super().__init__(job, faults)
        self._trunk = trunks.run(self.job, DOWNLOAD)
        if not self._trunk.swept:
            raise NothingToSweep(f"the download has no flash operation to cut: {self._trunk.result.reason}")

    def points(self, tier: str) -> list[Point]:
        """Each fault at each place of the tier, with its cut."""
        return [
            self._point(row, *place) for place in (PLACES[:2] if tier == "quick" else PLACES) for row in self.rows(tier)
        ]

    def _point(self, fault: Spec, cut_at: int, struck_at: int) -> Point:
        swept, disturbed = self._trunk.swept, cell(fault, f"{struck_at}%")
        power = cut(swept[len(swept) * cut_at // 100], TORN).faults
        said, struck = f"cut at {cut_at}%", f"fault at {struck_at}%"
        if cut_at < struck_at:
            faults, column = (*power, *disturbed.faults), f"{said}, {struck}"
        else:
            faults, column = (*disturbed.faults, *power), f"{struck}, {said}"
        return Point(f"{disturbed.row}@{column}", faults, disturbed.row, column)
