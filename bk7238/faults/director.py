"""Between the HTTP server and its connections: where a download stands, how fast it goes, and what is answered.

Of a package that is brought to the device it only hears how much has arrived, every 4 KiB or so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bk7238.network.events import Event, PushProgress
from bk7238.network.http_server import Answer, HttpServer, HttpSession, Transfer


@dataclass
class _Mark:
    """The server goes no further than `place(total)` until the device has acknowledged that much."""

    place: Callable[[int], int]
    strike: Callable[[], None]


class Director:
    """Directs the answers of one server. Faults are asked in the order in which they were given."""

    def __init__(self, server: HttpServer) -> None:
        self.sessions: list[HttpSession] = []  # with a body under way
        self.answers: list[Callable[[str, bytes | None], Answer | None]] = []
        self.limits: list[Callable[[HttpSession, Transfer], int]] = []
        self._marks: list[_Mark] = []
        server.director = self
        server.events.subscribe(self._heard)

    def at(self, place: Callable[[int], int], strike: Callable[[], None]) -> None:
        """Call `strike` when the device has acknowledged `place(total)` bytes of a body, of `total`."""
        self._marks.append(_Mark(place, strike))

    # The server's side

    def answer(self, path: str, body: bytes | None) -> Answer | None:
        """What to answer instead of what the server would, None where that is right. `body` is None for a 404."""
        for answer in self.answers:
            changed = answer(path, body)
            if changed is not None:
                return changed
        return None

    def limit(self, session: HttpSession, transfer: Transfer) -> int:
        """Up to which byte of the body may be sent now."""
        if session not in self.sessions:
            self.sessions.append(session)
        total = len(transfer.body)
        places = [mark.place(total) for mark in self._marks]
        return min([total, *places, *(limit(session, transfer) for limit in self.limits)])

    def reached(self, session: HttpSession, transfer: Transfer, acknowledged: int) -> None:
        """The device has acknowledged this much of the body."""
        self._strike(acknowledged, len(transfer.body))

    def closed(self, session: HttpSession) -> None:
        """The session's connection is gone."""
        if session in self.sessions:
            self.sessions.remove(session)

    def _heard(self, event: Event) -> None:
        if isinstance(event, PushProgress):
            self._strike(event.acknowledged, event.total)

    def _strike(self, acknowledged: int, total: int) -> None:
        due = [mark for mark in self._marks if mark.place(total) <= acknowledged]
        self._marks = [mark for mark in self._marks if mark not in due]
        for mark in due:
            mark.strike()
