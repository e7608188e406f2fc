"""How many of the operations of an installation a tier takes."""

from types import SimpleNamespace

import pytest

from bk7238.sweep.plan.cuts import InstallationCuts


@pytest.mark.parametrize(("programs", "taken"), [(3113, 195), (4096, 256), (24364, 254)])
def test_a_boot_loader_that_programs_little_at_a_time_has_no_more_cuts(programs, taken):
    kinds = ["erase"] * 31 + ["program"] * programs + ["erase"]
    plan = object.__new__(InstallationCuts)
    plan.trunk = SimpleNamespace(
        swept=range(1, len(kinds) + 1), operations=[SimpleNamespace(kind=one) for one in kinds]
    )
    chosen = plan.chosen("pr")
    assert abs(sum(kinds[number - 1] == "program" for number in chosen) - taken) <= 8
    assert {*range(1, 32), *range(len(kinds) - 7, len(kinds) + 1)} <= chosen
