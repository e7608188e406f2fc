"""Every second cut: what one run says of states that are alike is what each of them does."""

import random

import pytest

from bk7238 import resources
from bk7238.image import flash_image, package
from bk7238.peripherals.nor_endings import Operation
from bk7238.sweep.explore import recoveries as module
from bk7238.sweep.explore.recoveries import Recoveries
from bk7238.sweep.explore.trunk import cut, ranges
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import SecondCuts, pair
from bk7238.sweep.point import Job
from bk7238.update.session import Settings

BUILT = resources.reference()
MODES = ("before", "torn", "after", "scattered", "unstable", "disturb")


@pytest.fixture(scope="module")
def plan():
    files = flash_image.read(BUILT / "reference_1.0.0.bin"), package.read(BUILT / "reference_1.0.1_none_aes.rbl")
    made = registry.make("second", Job(*files, Settings()), modes=MODES)
    assert isinstance(made, SecondCuts)
    return made


def test_the_ranges_of_operations():
    made = [Operation("erase", 0x2000, 0x1000), Operation("program", 0x3000, 16), Operation("erase", 0, 0x1000)]
    assert ranges(made) == [(0, 0x1000), (0x2000, 0x3010)]


def explored(plan, points):
    found = []
    plan.explore(points, found.append)
    return {one.id: one for one in found}


@pytest.mark.full
def test_no_two_cuts_brick_the_reference_loader(plan):
    found = explored(plan, plan.points("quick"))
    assert {one.verdict for one in found.values()} == {"new-app-runs"}
    states, recoveries = (
        sum(one.states for one in found.values()),
        {n for one in found.values() for n in one.recoveries},
    )
    assert states > 100 * len(found) and len(recoveries) < 10
    assert all("second cuts in what follows" in one.reason for one in found.values())


@pytest.mark.parametrize(
    "number", [pytest.param(4, marks=pytest.mark.full), pytest.param(60, marks=pytest.mark.nightly)]
)
def test_a_sample_is_what_full_runs_give(plan, number):
    """Second cuts, in all of what follows a first one, with the states that no look at the flash was needed for."""
    chance, seen = random.Random(number), Recoveries(plan.job, plan.trunk)
    firsts = sorted(chance.sample(plan.points("full"), number), key=lambda point: int(point.column))
    for first, chip in plan.trunk.states(firsts, plan.job.settings.seed):
        recovery = seen.of(chip)
        if not recovery.operations:
            continue
        place = chance.randrange(len(recovery.operations))
        ways = [how for how in MODES if recovery.operations[place].kind in module.SHAPES[how].of]
        point = pair(first, cut(int(first.column) + place + 1, chance.choice(ways)))
        again = plan.full(point)
        assert len(again.did) == 2 and again.silent == ()
        (found,) = explored(plan, [first]).values()
        assert (again.verdict, found.verdict) == ("new-app-runs", "new-app-runs"), point.id


def test_a_state_depends_on_what_is_read_before_it_is_erased_and_what_is_left_alone(plan):
    seen = Recoveries(plan.job, plan.trunk)
    ((_, chip),) = plan.trunk.states([cut(60, "torn")], 0)
    recovery = seen.of(chip)
    depends = [range(*one) for one in recovery.depends]
    assert recovery.met == len(recovery.operations) > 3 and seen.runs == 1
    download = plan.job.image.partitions["download"]
    assert any(download.physical_start in one for one in depends), "the package is read, and its header erased"
    free = next(at for at in range(0x11000, 0x19000) if not any(at in one for one in depends))
    other = chip.copy()
    other.load(b"garbage", free)
    assert seen.of(other) is recovery and seen.runs == 1
    other.load(b"garbage", recovery.depends[0][0])
    assert seen.of(other) is not recovery and seen.runs == 2


def test_bits_that_read_differently_tell_states_apart_where_they_are_read(plan):
    seen = Recoveries(plan.job, plan.trunk)
    ((_, chip),) = plan.trunk.states([cut(60, "torn")], 0)
    recovery = seen.of(chip)
    unstable = chip.copy()
    unstable.unstable = {recovery.depends[0][0]: (1, 1)}
    assert module._content(unstable, recovery.depends) != module._content(chip, recovery.depends)
    unstable.unstable = {0x11000: (1, 1)}
    assert module._content(unstable, recovery.depends) == module._content(chip, recovery.depends)


def test_reads_by_way_of_the_window_are_noted(plan, monkeypatch):
    """The reference loader reads the app's footer there. Without the watch another footer would pass for the same."""
    ((_, chip),) = plan.trunk.states([cut(60, "torn")], 0)
    footer = 0x132000 - 64
    assert any(footer in range(*one) for one in Recoveries(plan.job, plan.trunk).of(chip).depends)
    monkeypatch.setattr(module._Run, "_use", lambda _run, _lines: None)
    monkeypatch.setattr(module._Noted, "read", module.NorFlash.read)
    assert not any(footer in range(*one) for one in Recoveries(plan.job, plan.trunk).of(chip).depends)
