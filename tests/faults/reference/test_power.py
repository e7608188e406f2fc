"""The power fails while the reference firmware updates itself: what is left byte for byte, and that it recovers."""

import pytest

from faults.bench import carried_out
from faults.reference.bench import DOWNLOAD, NEW, Run, put, undisturbed, update_package

ERASE, PROGRAM = 6, 40  # of the sector at 0x14000, of the page at 0x12d00
PACKAGE_ERASE = 128  # the last operation: the package's header


def around(number):
    """The flash before and after an operation of the undisturbed installation, and where it was."""
    trunk = undisturbed()
    kind, address, what = trunk.operations[number - 1]
    old, new = (bytes(carried_out(trunk.before, trunk.operations[:count])) for count in (number - 1, number))
    assert old != new
    return old, new, address, what if kind == "erase" else len(what)


@pytest.mark.parametrize("how", ["before", "torn", "random", "after"])
@pytest.mark.parametrize("number", [ERASE, PROGRAM])
def test_what_a_cut_leaves_byte_for_byte_and_that_the_next_start_mends_it(number, how):
    run = Run(f"power-cut:{how}@flash-op={number}", delivered=True).to_reset()
    firing = run.fault().firings[0]
    old, new, address, length = around(number)
    kind = undisturbed().operations[number - 1][0]
    assert (firing.flash_operation, run.fault().count) == (number, 1)
    assert firing.where == f"{kind} of {length:#x} at {address:#x}"
    if how == "random":
        left, before, after = (int.from_bytes(flash, "big") for flash in (run.flash, old, new))
        assert (left ^ before) & ~(before ^ after) == 0, "each bit is as it was or as it should become"
        assert run.flash not in (old, new)
    else:
        torn = put(old, (address, new[address : address + length // 2]))
        assert run.flash == {"before": old, "torn": torn, "after": new}[how]
        assert torn not in (old, new)
    assert run.end(NEW).flash == undisturbed().after and run.machine.resets == 1


@pytest.mark.parametrize(
    ("moment", "reached"),
    [
        ("5ms", lambda firing: firing.time == 5000),
        ("insn=3_000_000", lambda firing: 0 <= firing.instructions - 3_000_000 < 100),
        ('uart="initialize success"', lambda firing: 0 < firing.time < 50_000),
    ],
)
def test_another_moment(moment, reached):
    run = Run(f"power-cut@{moment}", delivered=True).to_reset()
    assert run.fault().count == 1 and reached(run.fault().firings[0])
    assert run.operations == [] and run.flash == run.before
    assert run.end(NEW).flash == undisturbed().after and run.machine.resets == 1


def test_several_cuts_in_one_run():
    run = Run("power-cut:torn,times=3,step=2@flash-op=2", "power-cut@insn=3_000_000", delivered=True).end(NEW)
    assert [firing.flash_operation for firing in run.fault().firings] == [2, 4, 6] and run.fault(1).count == 1
    assert run.machine.resets == 4 and run.flash == undisturbed().after


def test_a_cut_during_the_download_leaves_what_was_written():
    run = Run("power-cut@50%").to_reset()
    data = update_package().data
    written = round(len(data) / 2) // 1024 * 1024  # the app writes whole pieces
    expected = put(run.before, (DOWNLOAD, data[:written]))
    assert run.fault().count == 1 and run.flash == expected
    assert run.end(NEW).flash == undisturbed(delivered=False).after, "and it is downloaded again"


@pytest.mark.parametrize("leaves", ["zeros", "random"])
@pytest.mark.parametrize(("moment", "number"), [("", 1), ("@flash-op=4", 4), ("@flash-op=20", PACKAGE_ERASE)])
def test_a_brown_out_leaves_neither_old_nor_erased(leaves, moment, number):
    run = Run(f"brown-out:{leaves}{moment}", delivered=True).to_reset()
    old, new, address, length = around(number)
    firing = run.fault().firings[0]
    assert (firing.flash_operation, firing.where) == (number, f"erase of {length:#x} at {address:#x}")
    sector = run.flash[address : address + length]
    assert sector == bytes(length) or leaves == "random"
    assert sector not in (old[address : address + length], new[address : address + length])
    assert run.flash == put(old, (address, sector)), "and nothing else has changed"
    run.end(NEW)
    after = undisturbed().after
    assert run.flash == (put(after, (address, sector)) if number == PACKAGE_ERASE else after)


def test_a_brown_out_during_the_download():
    run = Run("brown-out@50%").to_reset()
    assert run.fault().firings[0].where == "erase of 0x1000 at 0x136000"
    assert run.flash == put(run.before, (DOWNLOAD, update_package().data[:0x4000]), (0x136000, bytes(0x1000)))
