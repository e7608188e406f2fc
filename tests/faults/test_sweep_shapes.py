"""Sweeps with every shape that an interrupted operation is known to leave."""

import random

import pytest

from bk7238 import resources
from bk7238.image import flash_image, package
from bk7238.peripherals.nor_endings import SHAPES, STATUS
from bk7238.sweep.explore.trunk import ALL_MODES, cut
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import InstallationCuts
from bk7238.sweep.point import Job, flash_at
from bk7238.update.session import Settings

BUILT = resources.reference()


@pytest.fixture(scope="module")
def installation():
    files = flash_image.read(BUILT / "reference_1.0.0.bin"), package.read(BUILT / "reference_1.0.1_none_aes.rbl")
    plan = registry.make("install", Job(*files, Settings()), modes=("all",))
    assert isinstance(plan, InstallationCuts) and plan.modes == ALL_MODES
    return plan


def test_each_operation_is_cut_in_each_way_that_it_can_end(installation):
    points = installation.points("full")
    kinds = [one.kind for one in installation.trunk.operations]
    for number, kind in enumerate(kinds, 1):
        ways = [point.row for point in points if point.column == str(number) and point.id[0] != "s"]
        assert ways == [how for how in ALL_MODES if kind in SHAPES[how].of]
    assert [point.id for point in points if point.id[0] == "s"] == ["status 1:undefined"]
    assert sum(STATUS in SHAPES[point.row].of for point in points) == 2 * len(kinds) + 1


def _some(plan, number):
    points = plan.points("full")
    return [*random.Random(5).sample(points[:-1], number), points[-1]]


@pytest.mark.parametrize(
    "number", [pytest.param(9, marks=pytest.mark.full), pytest.param(60, marks=pytest.mark.nightly)]
)
def test_a_sample_of_all_ways_is_what_full_runs_give(installation, number):
    """Both loaders recover from every shape; what reads differently from read to read included."""
    points, found = _some(installation, number), []
    installation.explore(points, found.append)
    assert {one.verdict for one in found} == {"new-app-runs"} and len(found) == number + 1
    for one in found:
        point = next(point for point in points if point.id == one.id)
        again = installation.full(point)
        assert (again.verdict, again.reason) == (one.verdict, one.reason), point.id


@pytest.mark.parametrize("how", [how for how in ALL_MODES if how != "undefined"])
def test_the_state_of_a_point_is_what_the_fault_leaves(installation, how):
    kind = "program" if "program" in SHAPES[how].of else "erase"
    number = next(place for place, one in enumerate(installation.trunk.operations, 1) if one.kind == kind and place > 3)
    point = cut(number, how)
    ((_, state),) = installation.trunk.states([point], seed=0)
    assert flash_at(installation.job, point.faults)[0] == bytes(state.data)
    assert bool(state.unstable) == (how in ("unstable", "weak"))


@pytest.mark.full
def test_all_erases_in_all_ways(installation):
    points = [point for point in installation.points("pr") if SHAPES[point.row].of == {"erase"}]
    found = []
    installation.explore(points, found.append)
    assert len(found) == len(points) > 30 and {one.verdict for one in found} == {"new-app-runs"}
