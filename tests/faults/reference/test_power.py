"""The power fails while the reference firmware updates itself: what is left byte for byte, and that it recovers."""

import pytest
from images import update_package

from bk7238.testing import carried_out
from faults.reference.trunk import DOWNLOAD, NEW, put, undisturbed

ERASE, PROGRAM = 6, 40  # of the sector at 0x14000, of the page at 0x12d00
PACKAGE_ERASE = 128  # the last operation: the package's header


def around(number):
    """The flash before and after an operation of the undisturbed installation, and where it was."""
    trunk = undisturbed()
    cut = trunk.operations[number - 1]
    old, new = (carried_out(trunk.before, trunk.operations[:count]) for count in (number - 1, number))
    assert old != new
    return old, new, cut.address, cut.length


@pytest.mark.parametrize("how", ["before", "torn", "random", "after"])
@pytest.mark.parametrize("number", [ERASE, PROGRAM])
def test_what_a_cut_leaves_byte_for_byte_and_that_the_next_start_mends_it(dut, flash, number, how):
    dut.configure(faults=[f"power-cut:{how}@flash-op={number}"], delivered=True)
    dut.expect_reset()
    firing = dut.fired().firings[0]
    old, new, address, length = around(number)
    kind = undisturbed().operations[number - 1].kind
    assert (firing.flash_operation, dut.fired().count) == (number, 1)
    assert firing.where == f"{kind} of {length:#x} at {address:#x}"
    if how == "random":
        left, before, after = (int.from_bytes(whole, "big") for whole in (flash.data, old, new))
        assert (left ^ before) & ~(before ^ after) == 0, "each bit is as it was or as it should become"
        assert flash.data not in (old, new)
    else:
        torn = put(old, (address, new[address : address + length // 2]))
        assert flash.data == {"before": old, "torn": torn, "after": new}[how]
        assert torn not in (old, new)
    assert dut.expect_verdict(NEW).flash == undisturbed().after and dut.machine.resets == 1


@pytest.mark.full
@pytest.mark.parametrize(
    ("how", "number"),
    [(how, ERASE) for how in ("scattered", "unstable", "weak")]
    + [(how, PROGRAM) for how in ("bits", "bytes", "disturb")],
)
def test_what_chips_leave_is_mended_at_the_next_start(dut, flash, how, number):
    dut.configure(faults=[f"power-cut:{how}@flash-op={number}"], delivered=True)
    dut.expect_reset()
    old, new, address, length = around(number)
    sector = address // 0x1000 * 0x1000
    assert dut.fired().firings[0].what.startswith(f"{how}, ")
    assert (flash.data == new) == (how == "weak") and flash.data != old
    assert put(flash.data, (sector, old[sector : sector + 0x1000])) == old, "nothing beyond the sector"
    assert (put(flash.data, (address, old[address : address + length])) == old) == (how != "disturb")
    assert bool(dut.machine.flash.unstable) == (how in ("unstable", "weak"))
    assert dut.expect_verdict(NEW).flash == undisturbed().after and dut.machine.resets == 1
    assert not dut.machine.flash.unstable


def test_a_shape_that_the_operation_cannot_end_in(dut, flash):
    dut.configure(faults=[f"power-cut:scattered@flash-op={PROGRAM}"], delivered=True)
    dut.expect_reset()
    assert dut.fired().firings[0].what == "power cut before it, as it cannot end scattered"
    assert flash.data == around(PROGRAM)[0]


@pytest.mark.parametrize(("how", "protected"), [("before", [0]), ("undefined", range(0x407D)), ("after", [0x7C])])
def test_a_cut_as_the_status_register_is_written(dut, how, protected):
    """The boot loader protects the flash when it has installed."""
    dut.configure(faults=[f"power-cut:{how}@status-write=1"], delivered=True)
    dut.expect_reset()
    assert dut.fired().firings[0].where == "write of 0x007c to the status register"
    assert dut.machine.flash.status in protected
    assert dut.expect_verdict(NEW).flash == undisturbed().after and dut.machine.resets == 1


@pytest.mark.parametrize(("ram", "least", "most"), [("100%", 1, 1), ("75%", 0.7, 0.8), ("0%", 0, 0)])
def test_ram_after_a_short_outage(dut, flash, ram, least, most):
    """What the loader's RAM held at the cut, and what of that when the power was back. The loader relies on nothing."""
    dut.configure(faults=[f"power-cut:off=20ms,ram={ram}@flash-op={PROGRAM}"], delivered=True)
    held, back = [], []

    def content():
        return [int.from_bytes(data, "little") for data in dut.machine.engine.ram.values()]

    def interrupted(*arguments, **more):
        held.extend(content())
        return interrupt(*arguments, **more)

    operations = dut.machine.flash.attendant
    interrupt, operations.interrupt = operations.interrupt, interrupted
    dut.machine.engine.on_reset.connect(lambda _kind: back.append((dut.machine.now, content())))
    dut.expect_verdict(NEW)
    assert flash.data == undisturbed().after
    (time, found), *_ = back
    assert 19_900 < time - dut.fired().firings[0].time < 20_100
    kept = sum((now & was).bit_count() for now, was in zip(found, held, strict=True))
    assert least <= kept / sum(was.bit_count() for was in held) <= most
    assert all(now & ~was == 0 for now, was in zip(found, held, strict=True))


@pytest.mark.parametrize("how", ["after", "scattered"])
def test_the_watchdog_bites_in_an_erase(dut, flash, how):
    dut.configure(faults=[f"watchdog-bite:{how}@flash-op={ERASE}"], delivered=True)
    dut.expect_reset()
    old, new, _, _ = around(ERASE)
    assert (flash.data == new) == (how == "after") and flash.data != old
    assert any(map(any, dut.machine.engine.ram.values())), "it spares RAM"
    assert dut.expect_verdict(NEW).flash == undisturbed().after and dut.machine.resets == 1


def test_the_watchdog_bites_as_the_status_register_is_written(dut):
    dut.configure(faults=["watchdog-bite:undefined@status-write=1"], delivered=True)
    dut.expect_reset()
    assert dut.fired().firings[0].where == "write of 0x007c to the status register"
    assert dut.expect_verdict(NEW).flash == undisturbed().after and dut.machine.resets == 1


def test_a_supply_that_sags(dut, flash):
    dut.configure(faults=["supply-sag:times=4,first=2ms"], delivered=True)
    dut.expect_verdict(NEW)
    assert flash.data == undisturbed().after and dut.machine.resets == 4
    assert [firing.time for firing in dut.fired().firings] == [2000, 6000, 14000, 30000]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_battery_that_is_pulled_after_each_start(dut, flash, seed):
    dut.configure(faults=["battery-pull:times=5,within=50ms@10ms"], delivered=True, seed=seed)
    dut.expect_verdict(NEW)
    assert flash.data == undisturbed().after and dut.machine.resets == 5
    times = [10_000] + [firing.time for firing in dut.fired().firings]
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert all(gap < 50_000 for gap in gaps) and len(set(gaps)) == 5


@pytest.mark.parametrize(
    ("moment", "reached"),
    [
        ("5ms", lambda firing: firing.time == 5000),
        ("insn=3_000_000", lambda firing: 0 <= firing.instructions - 3_000_000 < 100),
        ('uart="initialize success"', lambda firing: 0 < firing.time < 50_000),
    ],
)
def test_another_moment(dut, flash, moment, reached):
    dut.configure(faults=[f"power-cut@{moment}"], delivered=True)
    dut.expect_reset()
    assert dut.fired().count == 1 and reached(dut.fired().firings[0])
    assert flash.journal == [] and flash.data == flash.before
    assert dut.expect_verdict(NEW).flash == undisturbed().after and dut.machine.resets == 1


@pytest.mark.parametrize("psk", [None, "correct horse battery"])
def test_an_outage_lasts_until_its_end_and_is_the_access_points_too(make_dut, psk):
    """The device is off, and so is the air; then it is a stranger to an access point that numbers anew."""
    dut = make_dut(psk=psk, within="80s", faults=["power-cut:back=20s@1200ms"])
    dut.machine.run(until=1_300_000)
    machine, frames = dut.machine, len(dut.frames)
    executed, said, resets = machine.instructions, len(machine.uart1.output), machine.resets
    assert not machine.powered
    machine.run(until=19_999_999)
    assert (machine.instructions, len(machine.uart1.output), len(dut.frames)) == (executed, said, frames)
    machine.run(until=20_000_000)
    assert machine.powered and machine.resets == resets + 1 and machine.instructions == executed
    dut.expect_verdict(NEW)
    assert dut.fired().firings[0].time == 1_200_000 and dut.frames[frames].time > 20_000_000


def test_several_cuts_in_one_run(dut, flash):
    dut.configure(faults=["power-cut:torn,times=3,step=2@flash-op=2", "power-cut@insn=3_000_000"], delivered=True)
    dut.expect_verdict(NEW)
    assert [firing.flash_operation for firing in dut.fired().firings] == [2, 4, 6] and dut.fired(1).count == 1
    assert dut.machine.resets == 4 and flash.data == undisturbed().after


def test_a_cut_during_the_download_leaves_what_was_written(dut, flash):
    dut.configure(faults=["power-cut@50%"])
    dut.expect_reset()
    data = update_package().data
    written = round(len(data) / 2) // 1024 * 1024  # the app writes whole pieces
    expected = put(flash.before, (DOWNLOAD, data[:written]))
    assert dut.fired().count == 1 and flash.data == expected
    assert dut.expect_verdict(NEW).flash == undisturbed(delivered=False).after, "and it is downloaded again"


@pytest.mark.full
@pytest.mark.parametrize("leaves", ["zeros", "random"])
@pytest.mark.parametrize(("moment", "number"), [("", 1), ("@flash-op=4", 4), ("@flash-op=20", PACKAGE_ERASE)])
def test_a_brown_out_leaves_neither_old_nor_erased(dut, flash, leaves, moment, number):
    dut.configure(faults=[f"brown-out:{leaves}{moment}"], delivered=True)
    dut.expect_reset()
    old, new, address, length = around(number)
    firing = dut.fired().firings[0]
    assert (firing.flash_operation, firing.where) == (number, f"erase of {length:#x} at {address:#x}")
    sector = flash.data[address : address + length]
    assert sector == bytes(length) or leaves == "random"
    assert sector not in (old[address : address + length], new[address : address + length])
    assert flash.data == put(old, (address, sector)), "and nothing else has changed"
    dut.expect_verdict(NEW)
    after = undisturbed().after
    assert flash.data == (put(after, (address, sector)) if number == PACKAGE_ERASE else after)


def test_a_brown_out_during_the_download(dut, flash):
    dut.configure(faults=["brown-out@50%"])
    dut.expect_reset()
    assert dut.fired().firings[0].where == "erase of 0x1000 at 0x136000"
    assert flash.data == put(flash.before, (DOWNLOAD, update_package().data[:0x4000]), (0x136000, bytes(0x1000)))
