"""The Renode of the test process, and small ARM programs on it."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from bk7238 import chip
from bk7238.engine import renode_host
from bk7238.engine.renode import RenodeEngine
from peripherals.system_control import SystemControl

PLATFORM = chip.load().board
HOST_LIMIT = 300.0  # seconds; only a test that hangs reaches it

Make = Callable[..., RenodeEngine]
Reads = Callable[[Callable[[int, int], int]], None]


@pytest.fixture
def needs_renode() -> None:
    """Skips the test where there is no Renode."""
    lack = renode_host.missing()
    if lack is not None:
        pytest.skip(f"needs Renode: {lack} (see `bk7238 doctor`)")


@pytest.fixture
def program(needs_renode: None) -> Make:
    """`program(words)` is a fresh machine with these ARM instructions where it starts."""

    def make(*words: int) -> RenodeEngine:
        engine = RenodeEngine(PLATFORM)
        engine.host_limit = HOST_LIMIT
        engine.bus.write(0, struct.pack(f"<{len(words)}I", *words))
        return engine

    return make


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """`reads(function)`: a machine made after this answers reads of the system control block by it."""

    def replace(function: Callable[[int, int], int]) -> None:
        monkeypatch.setattr(SystemControl, "read", lambda self, offset, width: function(offset, width))

    return replace
