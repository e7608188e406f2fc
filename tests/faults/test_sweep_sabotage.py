"""The tests of sweeps look: where a shape does nothing, a shard drops points, or boots or states of the flash are taken
for alike that are not, a test fails."""

from functools import partial

import pytest
import test_interrupt
import test_sweep_report
from images import REFERENCE

from bk7238.peripherals.nor_endings import AFTER, BEFORE, ERASE, SHAPES, UNSTABLE, WEAK, Operation
from bk7238.sweep.explore import forks, recoveries
from bk7238.sweep.explore.trunk import ranges
from bk7238.sweep.plan.shard import Shard
from faults import test_sweep_reference, test_sweep_second

OF_CELLS = test_interrupt.test_shapes
OF_BITS = test_interrupt.test_bits_that_read_differently_do_so_until_they_are_erased_again
OF_PROGRAMS = test_interrupt.test_a_program_that_is_stopped_has_begun_and_is_not_done
# A test of each way to end that is not to happen at all.
TESTS = {how: partial(OF_CELLS) for how in ("torn", "random", "zeros", "noise")} | {
    "scattered": test_interrupt.test_an_erase_that_is_stopped_leaves_a_few_old_zeros_all_over_its_range,
    "unstable": partial(OF_BITS, UNSTABLE, 0.3, 0.7),
    "weak": partial(OF_BITS, WEAK, 0.01, 0.15),
    "bits": partial(OF_PROGRAMS, "bits"),
    "bytes": partial(OF_PROGRAMS, "bytes"),
    "disturb": test_interrupt.test_a_program_that_is_stopped_disturbs_its_sector_and_nothing_else,
    "undefined": test_interrupt.test_a_write_of_the_status_register_that_is_stopped_leaves_its_protection_to_chance,
}


def test_every_shape_can_be_sabotaged():
    assert {*TESTS, BEFORE, AFTER} == {*SHAPES}, "but for the limits, which are no shapes of their own"


@pytest.mark.full
@pytest.mark.parametrize("how", TESTS)
def test_a_shape_that_does_nothing_turns_its_test_red(monkeypatch, how):
    monkeypatch.setitem(SHAPES, how, SHAPES[how]._replace(leaves=SHAPES[BEFORE].leaves))
    with pytest.raises(AssertionError):
        TESTS[how]()


def test_a_shard_that_drops_points_turns_its_test_red(monkeypatch):
    whole = Shard.of
    monkeypatch.setattr(Shard, "of", lambda self, points: whole(self, points)[: None if self.number > 1 else -1])
    with pytest.raises(AssertionError):
        test_sweep_report.test_shards_are_all_points_once_and_in_order()


@pytest.mark.full
def test_boots_that_are_taken_for_alike_and_are_not_turn_a_test_red(monkeypatch):
    """All that a boot has read is compared: where nothing is, a boot loader goes on with a package that is gone."""
    monkeypatch.setattr(forks._Watched, "agrees", lambda _self, _other: True)
    with pytest.raises(AssertionError):
        test_sweep_reference.test_a_map_of_power_cuts_has_no_brick("quick")


def overwritten_first(run):
    """What a recovery depends on if what it erases is taken to be unread."""
    erased = [Operation("", one.address, one.length) for one in run._operations if one.kind == ERASE]
    return tuple(recoveries._without(run._changed, tuple(ranges(erased))))


A_SAMPLE = partial(test_sweep_second.test_a_sample_is_what_full_runs_give, 2, 0, (REFERENCE, "none"))
COUNTED = partial(test_sweep_second.test_what_is_counted_is_every_cut, 2, "after")
COARSE = {
    "what is erased is taken to be unread": (recoveries._Run, "_depends", overwritten_first, A_SAMPLE),
    "nothing plays a part": (recoveries._Run, "_depends", lambda _run: (), A_SAMPLE),
    "no operation touches what decides": (recoveries, "_overlap", lambda _addresses, _places: False, COUNTED),
    "what stands there is not compared": (recoveries, "_content", lambda _chip, _places: b"", A_SAMPLE),
}


@pytest.mark.full
@pytest.mark.parametrize("what", COARSE)
def test_states_that_are_taken_for_alike_and_are_not_turn_a_test_red(monkeypatch, what):
    owner, name, coarse, test = COARSE[what]
    monkeypatch.setattr(owner, name, coarse)
    with pytest.raises(AssertionError):
        test()
