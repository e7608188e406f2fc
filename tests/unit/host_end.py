"""The host's end of a gateway's connection in memory: each direction holds so many bytes and no more, on any host."""

from __future__ import annotations

import select
import socket
from types import SimpleNamespace

CAPACITY = 10_000
"""Bytes that are on the way in one direction."""


class End:
    """One end of a connection, as a socket that does not block. `arrived` is what its owner has not read."""

    def __init__(self) -> None:
        self.arrived = bytearray()
        self.over = False  # the other end sends no more
        self.peer: End | None = None

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def connect(self, _address: tuple[str, int]) -> None:
        raise BlockingIOError  # as TCP does: it is under way

    def getsockopt(self, _level: int, _option: int) -> int:
        return 0

    def send(self, data: bytes) -> int:
        assert self.peer is not None
        count = min(len(data), CAPACITY - len(self.peer.arrived))
        if not count:
            raise BlockingIOError
        self.peer.arrived += data[:count]
        return count

    def recv(self, size: int) -> bytes:
        if not self.arrived and not self.over:
            raise BlockingIOError
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        return data

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_WR and self.peer is not None
        self.peer.over = True

    def close(self) -> None:
        assert self.peer is not None
        self.peer.over = True

    @property
    def ready(self) -> int:
        """What `poll` tells of it."""
        assert self.peer is not None
        reads = select.POLLIN if self.arrived or self.over else 0
        return reads | (select.POLLOUT if len(self.peer.arrived) < CAPACITY else 0)


class Poll:
    """`select.poll` of such ends: it never waits."""

    def __init__(self) -> None:
        self._wanted: list[tuple[End, int]] = []

    def register(self, end: End, events: int) -> None:
        self._wanted.append((end, events))

    def poll(self, _milliseconds: float) -> list[tuple[End, int]]:
        return [(end, end.ready & events) for end, events in self._wanted if end.ready & events]


def connected(monkeypatch, module) -> End:
    """The host's end of the connection that `module` makes next."""
    inner, outer = End(), End()
    inner.peer, outer.peer = outer, inner
    names = {name: getattr(socket, name) for name in ("AF_INET", "AF_INET6", "SOL_SOCKET", "SO_ERROR", "SHUT_WR")}
    monkeypatch.setattr(module, "socket", SimpleNamespace(socket=lambda _family: inner, **names))
    monkeypatch.setattr(module, "select", SimpleNamespace(poll=Poll, POLLIN=select.POLLIN, POLLOUT=select.POLLOUT))
    return outer
