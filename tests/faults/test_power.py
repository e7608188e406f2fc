"""Power cuts during the installation, at a flash operation and elsewhere: what is left, and that it recovers."""

import pytest
from ota import expected

from faults.bench import Run, carried_out, gzip, image

ERASE, PROGRAM = 3, 33


def plain():
    """The first operations of an undisturbed installation."""
    run = Run(delivered=True)
    run.machine.board.flash.operated.connect(lambda *_: len(run.operations) >= PROGRAM and run.machine.stop())
    run.machine.run(until=30_000_000)
    return run.before, run.operations[:PROGRAM]


@pytest.fixture(scope="module")
def trunk():
    return plain()


@pytest.mark.full
@pytest.mark.parametrize("number", [ERASE, PROGRAM])
def test_what_a_cut_leaves_byte_for_byte(trunk, number):
    before, operations = trunk
    kind, address, what = operations[number - 1]
    length = what if kind == "erase" else len(what)
    left = {}
    for how in ("before", "torn", "random", "after"):
        run = Run(f"power-cut:{how}@flash-op={number}", delivered=True).to_reset()
        firing = run.fault().firings[0]
        assert (firing.flash_operation, run.fault().count) == (number, 1)
        assert f"{kind} of {length:#x} at {address:#x}" == firing.where
        left[how] = run.flash
    old, new = carried_out(before, operations[: number - 1]), carried_out(before, operations[:number])
    assert left["before"] == old and left["after"] == new and old != new
    torn = old.copy()
    torn[address : address + length // 2] = new[address : address + length // 2]
    assert left["torn"] == torn
    for at in range(0x200000):
        if left["random"][at] not in (old[at], new[at]):
            low, high = (old[at], new[at]) if kind == "erase" else (new[at], old[at])
            assert address <= at < address + length and low & ~left["random"][at] == 0 == left["random"][at] & ~high
    assert left["random"] not in (bytes(old), bytes(new))


@pytest.mark.full
def test_several_cuts_in_one_run_and_the_installation_still_ends_well():
    run = Run("power-cut:torn,times=3,step=2@flash-op=2", "power-cut@insn=3_000_000", delivered=True).to_app()
    cuts = run.fault().firings
    assert [firing.flash_operation for firing in cuts] == [2, 4, 6] and run.fault(1).count == 1
    assert run.machine.resets == 4
    package = gzip().data
    before = bytearray(image().data.ljust(0x200000, b"\xff"))
    before[expected.DOWNLOAD : expected.DOWNLOAD + len(package)] = package
    assert expected.differences(run.flash, expected.after_update(bytes(before), package)) == []


@pytest.mark.full
@pytest.mark.parametrize("leaves", ["zeros", "random"])
def test_a_brown_out_leaves_neither_old_nor_erased(leaves):
    run = Run(f"brown-out:{leaves}", delivered=True).to_reset()
    assert run.fault().firings[0].where == "erase of 0x1000 at 0x11000"
    sector = run.flash[0x11000:0x12000]
    assert sector not in (run.before[0x11000:0x12000], b"\xff" * 0x1000)
    assert leaves != "zeros" or sector == bytes(0x1000)
    assert run.flash[:0x11000] == run.before[:0x11000] and run.flash[0x12000:] == run.before[0x12000:]


@pytest.mark.full
def test_a_line_on_a_uart_is_a_moment():
    run = Run('power-cut@uart="initialize success"', delivered=True).to_reset()
    assert run.fault().count == 1 and run.flash == run.before and run.operations == []


@pytest.mark.full
def test_a_virtual_time_is_a_moment():
    run = Run("power-cut@5ms", delivered=True).to_reset()
    assert run.fault().firings[0].time == 5000
