"""A flash that does not do as it is told, below the reference boot loader: three attempts, and no package is lost."""

import pytest
from images import update_package

from bk7238.testing import Flash, carried_out
from faults.reference.trunk import (
    DOWNLOAD,
    HANGS,
    NEW,
    RETRIES,
    SECTOR,
    WAITS,
    clean,
    put,
    undisturbed,
)

BODY = 126  # operations of an installation up to its footer; the footer is one more
HASH = "Verify firmware hash(calc.hash: "
READ_BACK = "does not hold what was written to it"
SECTOR_4 = 0x14000  # where the two versions of the app differ


def three_attempts(flash, operations):
    """The boot loader has done this three times, and the package is still there."""
    assert flash.journal == undisturbed().operations[:operations] * 3
    assert flash.data[DOWNLOAD:] == flash.before[DOWNLOAD:]


@pytest.mark.parametrize(
    ("at", "bit", "value", "complaint"), [(0x14486, 1, 1, HASH), (0x14486, 0, 0, HASH), (0x11021, 2, 0, READ_BACK)]
)
def test_a_stuck_bit_is_found_in_the_app_and_in_the_crc_of_a_frame(dut, flash, at, bit, value, complaint):
    assert clean()[at] >> bit & 1 != value
    dut.configure(faults=[f"flash-stuck-bit:{at:#x},bit={bit},value={value}"], delivered=True)
    dut.expect_verdict(HANGS, "App verify failed!")
    assert dut.fired().firings[0].where == f"{at:#x}" and dut.machine.uart1.text.count(complaint) == 3
    three_attempts(flash, BODY)
    right = flash.after(undisturbed().operations[:BODY])
    assert right[at] == clean()[at]
    assert flash.data == put(right, (at, bytes((right[at] ^ 1 << bit,))))


def test_a_bit_that_is_stuck_where_it_should_be_is_no_harm(dut, flash):
    at, bit = 0x14486, 0
    value = clean()[at] >> bit & 1
    dut.configure(faults=[f"flash-stuck-bit:{at:#x},bit={bit},value={value}"], delivered=True)
    dut.expect_verdict(NEW)
    assert flash.data == clean()


def test_a_stuck_bit_below_the_package_is_found_by_the_app(dut, flash):
    data = update_package().data
    assert not data[0x400] & 1
    dut.configure(faults=["flash-stuck-bit:0x132400,bit=0,value=1"])
    dut.expect_verdict(WAITS, "flash-stuck-bit")
    assert dut.machine.uart1.text.count("wr flash write err") == 3
    assert flash.data == put(flash.before, (DOWNLOAD, data[:0x500]), (0x132400, bytes((data[0x400] | 1,))))


@pytest.mark.parametrize("fails", ["erase", "program", "both"])
def test_a_sector_that_fails(dut, flash, fails):
    dut.configure(faults=[f"flash-failing-sector:{SECTOR_4:#x},{fails}"], delivered=True)
    dut.expect_verdict(HANGS, "App verify failed!")
    assert dut.fired().count == 3 * {"erase": 1, "program": 16, "both": 17}[fails]
    assert dut.fired().firings[0].where == "sector 0x14000" and dut.machine.uart1.text.count(HASH) == 3
    three_attempts(flash, BODY)
    happened = [
        one for one in flash.journal if one.address // SECTOR * SECTOR != SECTOR_4 or fails not in (one.kind, "both")
    ]
    assert flash.data == flash.after(happened) != flash.after(flash.journal)


def test_a_sector_that_does_not_take_the_footer_costs_no_package(dut, flash):
    dut.configure(faults=["flash-failing-sector:0x131000,program"], delivered=True)
    dut.expect_verdict(HANGS, "App verify failed!")
    assert dut.fired().count == 3 and dut.machine.uart1.text.count(READ_BACK) == 3
    three_attempts(flash, BODY + 1)
    assert flash.data == flash.after(undisturbed().operations[:BODY])


def test_a_package_that_cannot_be_erased_is_not_installed_again(dut, flash):
    dut.configure(faults=["flash-failing-sector:0x132000,erase"], delivered=True)
    dut.expect_verdict(NEW)
    assert dut.fired().count == 1
    assert flash.data == put(clean(), (DOWNLOAD, update_package().data[:SECTOR]))


@pytest.mark.parametrize(
    ("number", "seed", "complaint"),
    [(40, 0, HASH), (BODY + 1, 12, READ_BACK)],
    ids=["in the app", "in the footer"],
)
def test_a_bit_too_much_is_programmed_and_the_second_attempt_is_right(dut, flash, number, seed, complaint):
    dut.configure(faults=[f"flash-program-flip@flash-op={number}"], delivered=True, seed=seed)
    left = []
    dut.machine.uart1.on_line.connect(lambda line: left.append(flash.data) if complaint in line else None)
    dut.expect_verdict(NEW)
    firing = dut.fired().firings[0]
    at, right = int(firing.where, 16), flash.after(undisturbed().operations[: max(number, BODY)])
    assert dut.fired().count == len(left) == 1 and firing.flash_operation == number
    bit = left[0][at] ^ right[at]
    assert bin(bit).count("1") == 1 and right[at] & bit
    assert left[0] == put(right, (at, bytes((right[at] ^ bit,))))
    assert flash.data == clean()


@pytest.mark.parametrize("jedec_id", [0, 0xC84013])
def test_a_chip_that_says_it_is_too_small_is_not_written(dut, flash, jedec_id):
    dut.configure(faults=[f"flash-jedec-id:{jedec_id:#x}"], delivered=True)
    dut.expect_verdict(RETRIES, "'app' must lie CRC-framed")
    assert dut.fired().firings[0].what == f"said it is {jedec_id:06x}"
    assert flash.journal == [] and flash.data == flash.before


def test_a_chip_that_says_it_is_larger(dut, flash):
    dut.configure(faults=["flash-jedec-id:0xEF4016"], delivered=True)
    dut.expect_verdict(NEW)
    assert dut.fired().firings[0].what == "said it is ef4016" and flash.data == clean()


@pytest.mark.parametrize(
    ("cut", "erased", "value"), [("brown-out", True, 1), ("power-cut:torn", True, 0), ("power-cut:torn", False, 1)]
)
def test_a_stuck_bit_stays_what_it_is_when_its_operation_is_cut_short(make_dut, cut, erased, value):
    number, at = _first_change(erased)
    left = {}
    for stuck in ((), (f"flash-stuck-bit:{at:#x},bit=0,value={value}@flash-op={number}",)):
        dut = make_dut(faults=[*stuck, f"{cut}@flash-op={number}"], delivered=True)
        dut.expect_reset()
        dut.fired(len(stuck))
        left[bool(stuck)] = Flash(dut).data
    held = left[False][at] & ~1 | value
    assert left[True] == put(left[False], (at, bytes((held,)))) != left[False]


@pytest.mark.parametrize(("cut", "erased"), [("brown-out", True), ("power-cut:torn", False)])
def test_a_failing_sector_stays_what_it_was_when_its_operation_is_cut_short(dut, flash, cut, erased):
    number, at = _first_change(erased)
    dut.configure(
        faults=[f"flash-failing-sector:{at:#x}@flash-op={number}", f"{cut}@flash-op={number}"], delivered=True
    )
    dut.expect_reset()
    assert dut.fired().count == dut.fired(1).count == 1
    assert flash.data == flash.after(undisturbed().operations[: number - 1])


def _first_change(erased):
    """The first erase, or program, of an installation whose first byte changes: its number and that byte's address."""
    flash = undisturbed().before
    for number, operation in enumerate(undisturbed().operations, 1):
        after, at = carried_out(flash, [operation]), operation.address
        if (operation.kind == "erase") == erased and after[at] != flash[at]:
            return number, at
        flash = after
    raise AssertionError("no operation changes anything")
