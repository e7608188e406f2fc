"""A worker of the tests gives back what a test has made, whatever else runs in it."""

import gc
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.full
@pytest.mark.parametrize("processes", [[], ["-n1", "-pno:bk7238"]], ids=["one", "several"])
def test_a_run_within_a_test_leaves_the_collector_as_it_is(pytester, processes):
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    pytester.makeconftest((Path(__file__).parents[1] / "collection.py").read_text())
    pytester.makepyfile("def test(): pass")
    assert pytester.runpytest(*processes).ret == 0
    assert gc.isenabled() and gc.get_threshold() == before and 0 < gc.get_freeze_count() <= frozen
