"""How tests are collected: a plug-in of pytest, which needs no other file of the tests."""

import fcntl
import gc
from collections.abc import Generator
from contextlib import suppress

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Collect a module in one process at a time: what one has compiled, with its assertions, the others read."""
    if not isinstance(collector, pytest.Module):
        return (yield)
    with collector.path.open() as module:
        with suppress(OSError):  # some file systems lock nothing
            fcntl.flock(module, fcntl.LOCK_EX)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect with the garbage collector off: all that is made stays to the end, so that it passes over it afterwards,
    and comes less often: a machine that is made is some 6,000 objects. A run within a test changes nothing of that."""
    if gc.get_freeze_count():
        return (yield)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.collect()  # of nothing: from now on it counts what is made anew, and a worker does not grow to gigabytes
        gc.set_threshold(20_000, 3, 2)
