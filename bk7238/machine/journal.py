"""Bytes that only ever grow, in pieces: snapshots have the whole ones in common."""

from __future__ import annotations

import hashlib
from typing import Any

from bk7238.peripherals.core import Actor, State

_PIECE = 100_000  # bytes


class DigestJournal(Actor):
    """What happened, as the bytes that the digest of a run is made of."""

    _whole = State(factory=list)
    _rest = State(factory=bytearray)

    def add(self, data: bytes) -> None:
        """Append `data`."""
        self._rest += data
        if len(self._rest) >= _PIECE:
            self._whole.append(bytes(self._rest))
            self._rest.clear()

    def digest(self) -> bytes:
        """The SHA-256 of all of it."""
        whole: Any = hashlib.sha256()
        for piece in (*self._whole, self._rest):
            whole.update(piece)
        digest: bytes = whole.digest()
        return digest
