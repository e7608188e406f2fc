"""A wire between TcpClient and the gateway's TCP: delay, loss, duplicates, reordering, all from a seed."""

from __future__ import annotations

import heapq
import random

from tcp_client import TcpClient

from bk7238.network.events import Events
from bk7238.network.http_server import HttpServer
from bk7238.network.tcp import TcpServer
from bk7238.network.tcp_segment import build, parse

GATEWAY, DEVICE = bytes((192, 168, 77, 1)), bytes((192, 168, 77, 50))
STEP = 1_000


class Wire:
    def __init__(
        self, client: TcpClient, files=None, *, seed: int = 0, loss: float = 0.0, twice: float = 0.0, jitter=0
    ):
        self.client = client
        self.events = Events()
        self.told = []
        self.events.on_event.connect(self.told.append)
        self.tcp = TcpServer(GATEWAY, random.Random(seed), self.events)
        self.http = HttpServer(self.events, files)
        self.tcp.listen(80, self.http)
        self.now = 0
        self.lost = self.doubled = 0
        self.carried = []  # (time, from the client, segment)
        self.pauses: list[tuple[int, int]] = []  # when the client's application does not read
        self.cut: list[tuple[int, int]] = []  # when nothing passes
        self.drop: set[int] = set()  # which of the server's segments with data are lost, by number
        self._with_data = 0
        self._rng = random.Random(seed + 1)
        self._loss, self._twice, self._jitter = loss, twice, jitter
        self._flying: list = []
        self._number = 0

    def run(self, until: int, done=lambda: False) -> None:
        """Virtual time goes on to `until`, or to the moment at which `done` holds."""
        while self.now < until:
            self.client.poll(self.now)
            self._read()
            self._from_client()
            deadline = self.tcp.deadline
            if deadline is not None and deadline <= self.now:
                for _, data in self.tcp.poll(self.now):
                    self._launch(False, data)
            assert self.tcp.deadline is None or self.tcp.deadline > self.now
            while self._flying and self._flying[0][0] <= self.now:
                _, _, from_client, data = heapq.heappop(self._flying)
                self._land(from_client, data)
            if done():
                return
            self.now = self._next(until)

    def _next(self, until: int) -> int:
        """The next step at which something can happen."""
        reading = self.client.unread and not self._paused()
        if self._flying or reading or self.client.output:
            return self.now + STEP
        times = [until, self.tcp.deadline, self.client.timer, *(end for _, end in self.pauses if end > self.now)]
        time = min(time for time in times if time is not None)
        return max(self.now + STEP, -(-time // STEP) * STEP)

    def _paused(self) -> bool:
        return any(start <= self.now < end for start, end in self.pauses)

    def _read(self) -> None:
        if self.client.read_size is not None and not self._paused():
            self.client.read(self.client.read_size)

    def _from_client(self) -> None:
        for segment in self.client.take():
            self._launch(True, build(segment, DEVICE, GATEWAY))

    def _launch(self, from_client: bool, data: bytes) -> None:
        source, destination = (DEVICE, GATEWAY) if from_client else (GATEWAY, DEVICE)
        self.carried.append((self.now, from_client, parse(data, source, destination)))
        self._with_data += bool(not from_client and self.carried[-1][2].payload)
        dropped = not from_client and self._with_data in self.drop
        if dropped or any(a <= self.now < b for a, b in self.cut) or self._rng.random() < self._loss:
            self.lost += 1
            return
        copies = 1
        if self._rng.random() < self._twice:
            copies = 2
            self.doubled += 1
        for _ in range(copies):
            self._number += 1
            when = self.now + STEP + (self._rng.randrange(self._jitter) if self._jitter else 0)
            heapq.heappush(self._flying, (when, self._number, from_client, data))

    def _land(self, from_client: bool, data: bytes) -> None:
        if from_client:
            for answer in self.tcp.receive(data, DEVICE, self.now):
                self._launch(False, answer)
        else:
            self.client.receive(parse(data, GATEWAY, DEVICE), self.now)
            self._from_client()
