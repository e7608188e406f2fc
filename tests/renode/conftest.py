"""The Renode of the test process, and small ARM programs on it."""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bk7238 import chip
from bk7238.engine import renode_host
from bk7238.engine.renode import RenodeEngine
from bk7238.peripherals.system_control import SystemControl

PLATFORM = chip.usual().board
HOST_LIMIT = 300.0  # seconds; only a test that hangs reaches it

Make = Callable[..., RenodeEngine]
Reads = Callable[[Callable[[int, int], int]], None]
Warnings = Callable[[], list[str]]


@pytest.fixture
def needs_renode() -> None:
    """Skips the test where there is no Renode."""
    lack = renode_host.missing()
    if lack is not None:
        pytest.skip(f"needs Renode: {lack} (see `bk7238 doctor`)")


@pytest.fixture
def program(needs_renode: None) -> Make:  # noqa: ARG001
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
        monkeypatch.setattr(SystemControl, "read", lambda _self, offset, width: function(offset, width))

    return replace


def read_when(log: Path, wanted: str) -> str:
    """Renode's log once that stands in it, or after a time that only a hang reaches: a thread of its own writes it."""
    pause = threading.Event()
    for _ in range(round(HOST_LIMIT / 0.01)):
        if wanted in log.read_text():
            break
        pause.wait(0.01)
    return log.read_text()


@pytest.fixture
def warnings(needs_renode: None, tmp_path: Path) -> Iterator[Warnings]:  # noqa: ARG001
    """`warnings()`: the warnings and errors that Renode has logged since this fixture was made."""
    renode, log = renode_host.renode(), tmp_path / "renode.log"
    renode.execute("logLevel 2")
    renode.execute(f"logFile @{log} true")
    mark = 0

    def read() -> list[str]:
        nonlocal mark
        mark += 1
        renode.execute(f'log "mark {mark}" 3')
        text = read_when(log, f"mark {mark}\n")
        return [line for line in text.splitlines() if re.search(r"\[(WARNING|ERROR)\]", line) and "mark" not in line]

    yield read
    renode.execute(f"logLevel {renode_host.LOG_LEVEL}")
