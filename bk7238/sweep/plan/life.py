"""Outages of the router: how long it is off, how it is when it comes back, and what protects its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

from bk7238.air.routers import OPEN
from bk7238.bench.command import flag
from bk7238.faults import parse
from bk7238.faults.kinds.router import RouterRestart
from bk7238.sweep.explore import lives
from bk7238.sweep.plan.network import PASSPHRASE
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Job, Outcome, Point
from bk7238.update.session import Settings

BEHAVIOURS = {
    "as it was": "",
    "its radio alone was away": "associations=kept",
    "on another channel": "channel=11",
    "as another BSSID": "bssid=other",
    "DHCP 20 s later": "dhcp=20s",
    "the lease is taken": "leases=taken",
    "in another subnet": "subnet=other",
    "refuses three times": "refused=3",
}
"""How a router comes back, in words and as arguments of router-restart."""

OFF = ("5s", "60s", "150s", "15min")
AT = "60s"  # since the power-on: the device has joined, if it does
ROUTERS = (OPEN, "wpa2", "wpa3-transition", "wpa3")
TIERS = {"quick": (OFF[:2], ROUTERS[:2]), "pr": (OFF[:3], ROUTERS), "full": (OFF, ROUTERS)}


class RouterOutages(Plan):
    """Each way of coming back, after each length of outage, of each router: all in the tier `full`. `pr` leaves out
    the longest outage, `quick` has two lengths and two routers."""

    NAME, NOUN, VERB = "life", "outages of the router", "live"
    WELL = ("back",)

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.job = replace(self.job, settings=replace(self.job.settings, router=None, psk=None, ap_psk=None))
        self._psk = job.settings.passphrase or PASSPHRASE

    def settings(self, settings: Settings) -> Settings:
        """Those of the job: a device is told no package."""
        return settings

    def points(self, tier: str) -> list[Point]:
        """Router by router, and for each the short outages first: so they share the run."""
        lengths, routers = TIERS[tier]
        return [
            self._point(router, words, arguments, off)
            for router in routers
            for off in lengths
            for words, arguments in BEHAVIOURS.items()
        ]

    def _point(self, router: str, words: str, arguments: str, off: str) -> Point:
        fault = parse(f"{RouterRestart.NAME}:{','.join(filter(None, (f'off={off}', arguments)))}@{AT}")
        protected = () if router == OPEN else (f"{flag('psk')}={self._psk}",)
        given = (f"{flag('router')}={router}", *protected)
        return Point(f"{router}, {off}, {words}", (fault,), f"{router}: {words}", off, given)

    def chunks(self, points: list[Point], _workers: int) -> list[list[Point]]:
        """All of a router go to one worker."""
        return [list(group) for _, group in groupby(points, key=lambda one: one.settings)]

    def explore(self, points: list[Point], tell: Callable[[Outcome], None]) -> None:
        """Fork one run for all points of a router."""
        for _, group in groupby(points, key=lambda one: one.settings):
            lives.explore(self.job, list(group), tell)

    def full(self, point: Point) -> Outcome:
        """The outcome of a point that is run from its beginning."""
        return lives.full(self.job, point)
