"""No test depends on how fast or how busy the host is, nor on the size of its sockets' buffers."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
HANGS = 60.0
"""Seconds: a shorter `timeout` is one that a busy host may reach."""

CLOCKS = {"time", "timeit", "sched", "resource", "cProfile"}
"""Modules that a test could measure the host with, or wait by."""

NAMES = {"SO_SNDBUF", "SO_RCVBUF", "setitimer", "alarm", "Timer", "getloadavg", "times", "now", "utcnow"}
OWNERS = {"socket", "signal", "threading", "os", "datetime"}
"""Of these modules those names."""

CALLS = ("time.sleep(", "time.monotonic(", "time.perf_counter(", "time.process_time(", "time.time(")
"""In programs that tests start."""


_MAY_BE = re.compile(
    rf"^\s*(?:import|from)\b.*\b(?:{'|'.join(CLOCKS)})\b"
    rf"|\b(?:{'|'.join(OWNERS)})\.(?:{'|'.join(NAMES)})\b"
    rf"|\btimeout=|{'|'.join(map(re.escape, CALLS))}",
    re.MULTILINE,
)
"""What is in a text that is worth being parsed."""


def found(source: str) -> list[tuple[int, str]]:
    """What depends on the host: lines and why."""
    lines = []
    for node in ast.walk(ast.parse(source)) if _MAY_BE.search(source) else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            lines += [(node.lineno, f"{name} is of the host") for name in names if name.split(".")[0] in CLOCKS]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in OWNERS and node.attr in NAMES:
                lines.append((node.lineno, f"{node.value.id}.{node.attr} is of the host"))
        elif isinstance(node, ast.keyword) and node.arg == "timeout" and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, (int, float)) and node.value.value < HANGS:
                lines.append((node.value.lineno, f"a timeout below {HANGS:g} s"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            lines += [(node.lineno, f"{call}) in a program") for call in CALLS if call in node.value]
    return lines


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import time", "time is of the host"),
        ("from time import sleep", "time is of the host"),
        ("import socket\na = socket.SO_RCVBUF", "socket.SO_RCVBUF is of the host"),
        ("import threading\nthreading.Timer(1, print)", "threading.Timer is of the host"),
        ("client.wait(timeout=10)", "a timeout below 60 s"),
        ("PROGRAM = 'import time; time.sleep(1)'", "time.sleep() in a program"),
    ],
)
def test_it_is_seen(source, why):
    assert [said for _, said in found(source)] == [why]


def test_no_test_depends_on_the_host():
    said = [
        f"{path.relative_to(TESTS)}:{line}: {why}"
        for path in sorted(TESTS.rglob("*.py"))
        if path != Path(__file__)
        for line, why in found(path.read_text())
    ]
    assert not said, "\n".join(["count calls, wait for events, or put the socket into memory (host_end.py)", *said])
