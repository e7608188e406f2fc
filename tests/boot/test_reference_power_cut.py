"""The power fails at a flash operation of the reference boot loader's update: after the next start the new app runs.

The flash is then that of an update without a cut, byte for byte. The operation that was cut is left undone, half done
or garbled.
"""

import random

import pytest
from images import built

from boot.cases import pack
from boot.reference import DOWNLOAD, SECTOR, STARTED, boot, image, installed

pytestmark = [pytest.mark.full, pytest.mark.bk7238(package=False, profile="none")]

HOW = ("before", "torn", "random")


def count(dut, before, raw):
    """How many operations the update takes without a cut."""
    assert boot(dut, before)[0] == STARTED and bytes(dut.machine.flash.data) == installed(before, raw)
    return len(dut.operations)


def after_cuts(make_dut, before, *cuts):
    """The flash once the device has come through these power cuts."""
    dut = make_dut(faults=cuts)
    ended, printed = boot(dut, before)
    dut.fired()
    assert ended == STARTED and dut.machine.resets > 1, (cuts, printed)
    return bytearray(dut.machine.flash.data)


def cut_once(make_dut, before, raw, at, how, operations):
    new, after = installed(before, raw), after_cuts(make_dut, before, f"power-cut:{how}@flash-op={at}")
    if at == operations:  # the package's first sector, which nobody needs any more
        after[DOWNLOAD : DOWNLOAD + SECTOR] = new[DOWNLOAD : DOWNLOAD + SECTOR]
    assert bytes(after) == new, (at, how)


@pytest.mark.parametrize("how", HOW)
def test_a_cut_at_every_operation(dut, make_dut, how):
    raw = built("app-1.0.1.bin")[:8000]
    before = image(pack(raw, "none"))
    operations = count(dut, before, raw)
    for at in range(1, operations + 1):
        cut_once(make_dut, before, raw, at, how, operations)


def test_a_cut_somewhere_in_the_update_to_the_reference_app(dut, make_dut):
    before = image(built("reference_1.0.1_none_aes.rbl"))
    operations = count(dut, before, None)
    rng = random.Random("power cuts")
    places = [1, 2, operations - 2, operations - 1, operations, *rng.sample(range(1, operations + 1), 25)]
    for at in places:
        cut_once(make_dut, before, None, at, rng.choice(HOW), operations)


def test_two_cuts_in_one_update(dut, make_dut):
    raw = built("app-1.0.1.bin")[:8000]
    before = image(pack(raw, "none"))
    operations = count(dut, before, raw)
    rng = random.Random("two cuts")
    for _ in range(20):
        first = rng.randrange(1, operations + 1)
        second = first + rng.randrange(1, operations + 1)
        after = after_cuts(make_dut, before, f"power-cut:random@flash-op={first}", f"power-cut:torn@flash-op={second}")
        assert after[:DOWNLOAD] == installed(before, raw)[:DOWNLOAD]
