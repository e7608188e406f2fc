"""Power cuts during the installation, at a flash operation and elsewhere: what is left, and that it recovers."""

import boards
import pytest
from images import BOARDS, VENDOR, image
from ota import expected

from bk7238.bench.settings import Settings
from bk7238.testing import Dut, Flash, carried_out

PLACES = {"erase": 2, "program": 1}  # which of these operations, from 0


@pytest.fixture(scope="module", params=BOARDS)
def installation(request):
    """The image and the package, the flash at power-on, and the first operations of an undisturbed installation."""
    whole = image(request.param.file)
    update = boards.update(whole)
    dut = Dut(whole, update, Settings(delivered=True))
    dut.wait(lambda: [one.kind for one in dut.operations].count("program") > PLACES["program"])
    return whole, update, dut.flash_before, list(dut.operations)


@VENDOR
@pytest.mark.full
@pytest.mark.parametrize("kind", PLACES)
def test_what_a_cut_leaves_byte_for_byte(make_dut, installation, kind):
    whole, update, before, operations = installation
    number = [at for at, one in enumerate(operations, 1) if one.kind == kind][PLACES[kind]]
    address, length = operations[number - 1].address, operations[number - 1].length
    left = {}
    for how in ("before", "torn", "random", "after"):
        faults = [f"power-cut:{how}@flash-op={number}"]
        dut = make_dut(image=whole, package=update, faults=faults, delivered=True)
        dut.expect_reset()
        firing = dut.fired().firings[0]
        assert (firing.flash_operation, dut.fired().count) == (number, 1)
        assert f"{kind} of {length:#x} at {address:#x}" == firing.where
        left[how] = Flash(dut).data
    old, new = carried_out(before, operations[: number - 1]), carried_out(before, operations[:number])
    assert left["before"] == old and left["after"] == new and old != new
    half_way = address + length // 2
    torn = old[:address] + new[address:half_way] + old[half_way:]
    assert left["torn"] == torn
    random, end = left["random"], address + length
    assert random[:address] == old[:address] and random[end:] == old[end:]
    for was, now, one in zip(old[address:end], new[address:end], random[address:end], strict=True):
        low, high = (was, now) if kind == "erase" else (now, was)
        assert low & ~one == 0 == one & ~high
    assert random not in (old, new)


@VENDOR
@pytest.mark.full
def test_several_cuts_in_one_run_and_the_installation_still_ends_well(dut, flash):
    dut.configure(faults=["power-cut:torn,times=3,step=2@flash-op=2", "power-cut@insn=3_000_000"], delivered=True)
    dut.expect("go os_addr", within="30 s")
    cuts = dut.fired().firings
    assert [firing.flash_operation for firing in cuts] == [2, 4, 6] and dut.fired(1).count == 1
    assert dut.machine.resets == 4
    assert expected.differences(flash.data, expected.after_update(flash.before, dut.package.data)) == []


@VENDOR
@pytest.mark.full
@pytest.mark.parametrize("leaves", ["zeros", "random"])
def test_a_brown_out_leaves_neither_old_nor_erased(dut, flash, leaves):
    dut.configure(faults=[f"brown-out:{leaves}"], delivered=True)
    dut.expect_reset()
    assert dut.fired().firings[0].where == "erase of 0x1000 at 0x11000"
    sector = flash.data[0x11000:0x12000]
    assert sector not in (flash.before[0x11000:0x12000], b"\xff" * 0x1000)
    assert leaves != "zeros" or sector == bytes(0x1000)
    assert flash.data[:0x11000] == flash.before[:0x11000] and flash.data[0x12000:] == flash.before[0x12000:]


@VENDOR
@pytest.mark.full
@pytest.mark.parametrize("fault", ["power-cut:off=20ms,ram=90%@flash-op=3", "watchdog-bite:scattered@flash-op=3"])
def test_ram_that_keeps_something_misleads_nobody(dut, flash, fault):
    dut.configure(faults=[fault], delivered=True)
    dut.expect("go os_addr", within="30 s")
    assert dut.fired().count == 1 and dut.machine.resets == 1
    assert expected.differences(flash.data, expected.after_update(flash.before, dut.package.data)) == []


@VENDOR
@pytest.mark.full
def test_restarts_while_the_boot_loader_begins_to_install(dut, flash):
    dut.configure(faults=["supply-sag:times=6,first=4ms", "battery-pull:times=3,within=100ms@300ms"], delivered=True)
    dut.expect("go os_addr", within="30 s")
    assert dut.fired().count == 6 and dut.fired(1).count == 3 and dut.machine.resets == 9
    assert expected.differences(flash.data, expected.after_update(flash.before, dut.package.data)) == []


@VENDOR
@pytest.mark.full
@pytest.mark.parametrize(("how", "number"), [("scattered", 3), ("unstable", 3), ("weak", 3), ("disturb", 33)])
def test_what_chips_leave_is_mended_by_the_next_installation(dut, flash, how, number):
    dut.configure(faults=[f"power-cut:{how}@flash-op={number}"], delivered=True)
    dut.expect("go os_addr", within="30 s")
    assert dut.fired().firings[0].what.startswith(f"{how}, ") and dut.machine.resets == 1
    assert expected.differences(flash.data, expected.after_update(flash.before, dut.package.data)) == []


@VENDOR
@pytest.mark.full
def test_a_line_on_a_uart_is_a_moment(dut, flash):
    dut.configure(faults=['power-cut@uart="initialize success"'], delivered=True)
    dut.expect_reset()
    assert dut.fired().count == 1 and flash.data == flash.before and flash.journal == []


@VENDOR
@pytest.mark.full
def test_a_virtual_time_is_a_moment(dut):
    dut.configure(faults=["power-cut@5ms"], delivered=True)
    dut.expect_reset()
    assert dut.fired().firings[0].time == 5000
