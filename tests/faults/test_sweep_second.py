"""Every second cut, and every third: what one run says of states that are alike is what each of them does."""

import random
from collections import Counter

import pytest
from images import FULL, GZIP, REFERENCE, image, update_package

from bk7238.faults.flash_operations import FlashOperations
from bk7238.peripherals.nor_endings import SHAPES, STATUS, Operation
from bk7238.sweep.explore import recoveries as module
from bk7238.sweep.explore.trunk import cut, order, ranges
from bk7238.sweep.journal import fingerprint
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import SecondCuts, after
from bk7238.sweep.point import Job
from bk7238.update.session import Settings

MODES = ("before", "torn", "after", "scattered", "unstable", "disturb")


def made(depth=2, modes=MODES, files=(REFERENCE, "none")):
    job = Job(image(files[0]), update_package(files[1]), Settings())
    plan = registry.make("second", job, modes=modes, depth=depth)
    assert isinstance(plan, SecondCuts)
    return plan


@pytest.fixture(scope="module")
def plan():
    return made()


def test_the_ranges_of_operations():
    operations = [Operation("erase", 0x2000, 0x1000), Operation("program", 0x3000, 16), Operation("erase", 0, 0x1000)]
    assert ranges(operations) == [(0, 0x1000), (0x2000, 0x3010)]
    left = module._without([(0, 10), (20, 30), (40, 50)], ((5, 22), (24, 26), (35, 60)))
    assert list(left) == [(0, 5), (22, 24), (26, 30)]


def explored(plan, points):
    found = []
    plan.explore(points, found.append)
    return {one.id: one for one in found}


@pytest.mark.full
@pytest.mark.parametrize("depth", [2, 3])
def test_no_cuts_one_after_the_other_brick_the_reference_loader(depth):
    plan = made(depth)
    found = explored(plan, plan.points("quick"))
    assert {one.verdict for one in found.values()} == {"new-app-runs"}
    states, recoveries = (
        sum(one.states for one in found.values()),
        {n for one in found.values() for n in one.recoveries},
    )
    assert states > 100 ** (depth - 1) * len(found) and len(recoveries) < 10
    name = {2: "second", 3: "second and third"}[depth]
    assert all(f"{name} cuts in what follows" in one.reason for one in found.values())


def sample(plan, number, seed=0):
    """The first cuts of the tier quick and so many of the others, with as many cuts after each as the plan has and the
    boot loader gives room for; and what the sweep takes to come of each."""
    chance, recoveries, seen = random.Random(seed), plan.recoveries(), []
    firsts = sorted([*plan.points("quick"), *chance.sample(plan.points("full"), number)], key=order)
    for first, state in plan.trunk.states(firsts, plan.job.settings.seed):
        path, chip, operation, recovery = (), state, int(first.column), recoveries.of(state)
        for place in range(1, plan.depth):
            cuts = [*recoveries.cuts(chip, plan.depth - place, place, operation)]
            if not cuts:
                break
            one = chance.choice(cuts)
            how, operations = chance.choice(one.ways), recoveries.of(chip).operations
            chip = chip.copy()
            for before in operations[: one.number - 1]:
                chip.perform(before)
            operation += one.number
            chip.perform(operations[one.number - 1], how, plan._chance(place, operation, how))
            path = (*path, (one.number, how))
            recovery = next(iter(one.outlook.tally))
        seen.append((after(first, path), recovery))
    return seen


def replayed(plan, point):
    """A point from its beginning: its result, and the boot loader's operations since its last cut."""
    update = plan.job.update(*point.faults)
    operations = []

    def ended(operation, _was):
        if operation.kind != STATUS and not update.story.app_started:
            operations.append(operation)

    def reset(_kind):
        if not update.faults.silent and not reset.over:
            operations.clear()
            reset.over = True

    reset.over = False
    update.machine.engine.on_reset.connect(reset)
    FlashOperations.of(update.machine).on_end.connect(ended)
    result = update.run()
    assert reset.over, point.id
    return result, operations


def same(plan, found):
    """Whether points do what the sweep says: each operation of the boot loader, and the end."""
    for point, recovery in found:
        result, operations = replayed(plan, point)
        rest = plan.trunk.operations[recovery.met :] if recovery.met is not None else ()
        assert operations == [*recovery.operations, *rest], point.id
        assert (result.verdict.value, result.reason) == (recovery.verdict, recovery.reason), point.id


@pytest.mark.parametrize(
    ("depth", "number", "files"),
    [
        pytest.param(2, 0, (REFERENCE, "none"), marks=pytest.mark.full),
        pytest.param(3, 0, (REFERENCE, "none"), marks=pytest.mark.full),
        pytest.param(2, 200, (REFERENCE, "none"), marks=pytest.mark.nightly),
        pytest.param(3, 200, (REFERENCE, "none"), marks=pytest.mark.nightly),
        pytest.param(2, 200, (FULL, GZIP), marks=pytest.mark.nightly),
    ],
)
def test_a_sample_is_what_full_runs_give(depth, number, files):
    """Further cuts in all of what follows a first one, with the states that no look at the flash was needed for. 200 of
    the vendor's take some fifteen minutes."""
    plan = made(depth, files=files)
    found = sample(plan, number)
    assert sum(len(point.faults) == depth for point, _ in found) > len(found) // 2 > 10
    same(plan, found)


@pytest.mark.full
@pytest.mark.parametrize(
    ("depth", "how"), [(2, "after"), (2, "disturb"), pytest.param(3, "after", marks=pytest.mark.full)]
)
def test_what_is_counted_is_every_cut(depth, how):
    """With a look at the flash after each of them."""
    plan = made(depth, ("torn", how))
    recoveries = plan.recoveries()
    last = len(plan.trunk.operations)
    firsts = [cut(number, "torn") for number in (1, last // 2, last - 1, last)]

    def every(chip, place, operation):
        recovery = recoveries.of(chip)
        tally = Counter([recovery])
        if place < depth:
            state = chip.copy()
            for number, one in enumerate(recovery.operations, operation + 1):
                for way in plan.modes:
                    if one.kind in SHAPES[way].of:
                        left = state.copy()
                        left.perform(one, way, plan._chance(place, number, way))
                        tally += every(left, place + 1, number)
                state.perform(one)
        return tally

    for first, chip in plan.trunk.states(firsts, plan.job.settings.seed):
        found = recoveries.outlook(chip, depth - 1, 1, int(first.column))
        assert found.tally == every(chip, 1, int(first.column)), first.id


def test_a_journal_and_a_report_say_which_cuts_it_is_about(plan):
    job = plan.job
    others = [registry.make("second", job, modes=modes, depth=depth) for modes, depth in ((MODES, 3), (("torn",), 2))]
    assert len({fingerprint(one) for one in (plan, *others)}) == 3
    with pytest.raises(ValueError, match="4 cuts are no depth; there is 2, 3"):
        registry.make("second", job, depth=4)
    with pytest.raises(ValueError, match="a sweep of pairs takes no depth"):
        registry.make("pairs", job, depth=3)


def test_a_state_depends_on_what_is_read_before_it_is_erased_and_what_is_left_alone(plan):
    seen = plan.recoveries()
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
    seen = plan.recoveries()
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
    assert any(footer in range(*one) for one in plan.recoveries().of(chip).depends)
    monkeypatch.setattr(module._Run, "_use", lambda _run, _lines: None)
    monkeypatch.setattr(module._Noted, "read", module.NorFlash.read)
    assert not any(footer in range(*one) for one in plan.recoveries().of(chip).depends)
