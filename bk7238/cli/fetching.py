"""`bk7238 run --fetch URL`: a scripted station that joins the device's own access point and fetches pages from it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.air import events as air_events
from bk7238.air.medium import Medium
from bk7238.air.station import Station
from bk7238.network import events as network
from bk7238.network.events import Event
from bk7238.network.fetch import Url
from bk7238.randomness import Randomness

_ENDINGS = {"text/html": ".html", "text/plain": ".txt", "application/json": ".json"}


def url(text: str) -> str:
    """A URL that the station can fetch."""
    try:
        return Url(text).url
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class Fetching:
    """Fetches `urls` one after the other and calls `done` after the last."""

    def __init__(
        self, urls: list[str], source: Randomness, air: Medium, done: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self._left = len(urls)
        self._done, self._tell = done, tell
        self._station = Station(source)
        for wanted in urls:
            self._station.host.fetch(wanted)
        self._station.events.on_event.connect(self._heard)
        air.add_station(self._station)

    @property
    def status(self) -> int:
        """0 when every page came with a status below 400, 1 when one did not, 3 when some are missing."""
        if self._left:
            return 3
        return int(any(page.failure or page.status >= 400 for page in self._station.host.fetched))

    @property
    def result(self) -> list[dict[str, Any]]:
        """What came of it, redirections included."""
        pages = self._station.host.fetched
        return [
            {"url": page.target, "status": page.status, "bytes": len(page.body), "failure": page.failure or None}
            for page in pages
        ]

    def save(self, folder: Path) -> None:
        """Write each page that has a body: fetched-1.html and so on."""
        bodies = [page for page in self._station.host.fetched if page.body]
        for number, page in enumerate(bodies, start=1):
            kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
            host_files.write_in(folder, f"fetched-{number}{_ENDINGS.get(kind, '.bin')}", page.body)

    def _heard(self, event: Event) -> None:
        if isinstance(event, air_events.NetworkJoined):
            name = event.ssid.decode("utf-8", "replace")
            self._tell(f'joined "{name}" ({event.bssid}) on channel {event.channel}')
        elif isinstance(event, air_events.NetworkLost):
            self._tell(f"thrown out, reason {event.reason}")
        elif isinstance(event, network.LeaseTaken):
            self._tell(f"has the address {event.ip}")
        elif isinstance(event, network.HttpFetchFailed):
            self._tell(f"{event.url}: {event.reason}")
            self._count()
        elif isinstance(event, network.HttpFetched):
            self._tell(f"{event.url}: status {event.status}, {event.size} bytes")
            if not event.onwards:
                self._count()

    def _count(self) -> None:
        self._left -= 1
        if not self._left:
            self._done()
