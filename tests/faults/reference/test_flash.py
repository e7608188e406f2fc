"""A flash that does not do as it is told, below the reference boot loader: three attempts, and no package is lost."""

import pytest

from faults.bench import carried_out
from faults.reference.bench import (
    DOWNLOAD,
    HANGS,
    NEW,
    RETRIES,
    SECTOR,
    WAITS,
    Run,
    clean,
    put,
    undisturbed,
    update_package,
)

BODY = 126  # operations of an installation up to its footer; the footer is one more
HASH = "Verify firmware hash(calc.hash: "
READ_BACK = "does not hold what was written to it"
SECTOR_4 = 0x14000  # where the two versions of the app differ


def three_attempts(run, operations):
    """The boot loader has done this three times, and the package is still there."""
    assert run.operations == undisturbed().operations[:operations] * 3
    assert run.flash[DOWNLOAD:] == run.before[DOWNLOAD:]


@pytest.mark.parametrize(
    ("at", "bit", "value", "complaint"), [(0x14486, 1, 1, HASH), (0x14486, 0, 0, HASH), (0x11021, 2, 0, READ_BACK)]
)
def test_a_stuck_bit_is_found_in_the_app_and_in_the_crc_of_a_frame(at, bit, value, complaint):
    assert clean()[at] >> bit & 1 != value
    run = Run(f"flash-stuck-bit:{at:#x},bit={bit},value={value}", delivered=True).end(HANGS, "App verify failed!")
    assert run.fault().firings[0].where == f"{at:#x}" and run.bootloader_text.count(complaint) == 3
    three_attempts(run, BODY)
    right = carried_out(run.before, undisturbed().operations[:BODY])
    assert right[at] == clean()[at]
    assert run.flash == put(right, (at, bytes((right[at] ^ 1 << bit,))))


def test_a_bit_that_is_stuck_where_it_should_be_is_no_harm():
    at, bit = 0x14486, 0
    value = clean()[at] >> bit & 1
    run = Run(f"flash-stuck-bit:{at:#x},bit={bit},value={value}", delivered=True).end(NEW)
    assert run.flash == clean()


def test_a_stuck_bit_below_the_package_is_found_by_the_app():
    data = update_package().data
    assert not data[0x400] & 1
    run = Run("flash-stuck-bit:0x132400,bit=0,value=1").end(WAITS, "flash-stuck-bit")
    assert run.bootloader_text.count("wr flash write err") == 3
    assert run.flash == put(run.before, (DOWNLOAD, data[:0x500]), (0x132400, bytes((data[0x400] | 1,))))


@pytest.mark.parametrize("fails", ["erase", "program", "both"])
def test_a_sector_that_fails(fails):
    run = Run(f"flash-failing-sector:{SECTOR_4:#x},{fails}", delivered=True).end(HANGS, "App verify failed!")
    assert run.fault().count == 3 * {"erase": 1, "program": 16, "both": 17}[fails]
    assert run.fault().firings[0].where == "sector 0x14000" and run.bootloader_text.count(HASH) == 3
    three_attempts(run, BODY)
    happened = [
        (kind, address, what)
        for kind, address, what in run.operations
        if not (address // SECTOR * SECTOR == SECTOR_4 and fails in (kind, "both"))
    ]
    assert run.flash == carried_out(run.before, happened) != carried_out(run.before, run.operations)


def test_a_sector_that_does_not_take_the_footer_costs_no_package():
    run = Run("flash-failing-sector:0x131000,program", delivered=True).end(HANGS, "App verify failed!")
    assert run.fault().count == 3 and run.bootloader_text.count(READ_BACK) == 3
    three_attempts(run, BODY + 1)
    assert run.flash == carried_out(run.before, undisturbed().operations[:BODY])


def test_a_package_that_cannot_be_erased_is_not_installed_again():
    run = Run("flash-failing-sector:0x132000,erase", delivered=True).end(NEW)
    assert run.fault().count == 1
    assert run.flash == put(clean(), (DOWNLOAD, update_package().data[:SECTOR]))


@pytest.mark.parametrize(
    ("number", "seed", "complaint"),
    [(40, 0, HASH), (BODY + 1, 12, READ_BACK)],
    ids=["in the app", "in the footer"],
)
def test_a_bit_too_much_is_programmed_and_the_second_attempt_is_right(number, seed, complaint):
    run = Run(f"flash-program-flip@flash-op={number}", delivered=True, seed=seed)
    left = []
    run.machine.uart1.on_line(lambda line: left.append(run.flash) if complaint in line else None)
    run.end(NEW)
    firing = run.fault().firings[0]
    at, right = int(firing.where, 16), carried_out(run.before, undisturbed().operations[: max(number, BODY)])
    assert run.fault().count == len(left) == 1 and firing.flash_operation == number
    bit = left[0][at] ^ right[at]
    assert bin(bit).count("1") == 1 and right[at] & bit
    assert left[0] == put(right, (at, bytes((right[at] ^ bit,))))
    assert run.flash == clean()


@pytest.mark.parametrize("jedec_id", [0, 0xC84013])
def test_a_chip_that_says_it_is_too_small_is_not_written(jedec_id):
    run = Run(f"flash-jedec-id:{jedec_id:#x}", delivered=True).end(RETRIES, "'app' must lie CRC-framed")
    assert run.fault().firings[0].what == f"said it is {jedec_id:06x}"
    assert run.operations == [] and run.flash == run.before


def test_a_chip_that_says_it_is_larger():
    run = Run("flash-jedec-id:0xEF4016", delivered=True).end(NEW)
    assert run.fault().firings[0].what == "said it is ef4016" and run.flash == clean()


@pytest.mark.parametrize(
    ("cut", "erased", "value"), [("brown-out", True, 1), ("power-cut:torn", True, 0), ("power-cut:torn", False, 1)]
)
def test_a_stuck_bit_stays_what_it_is_when_its_operation_is_cut_short(cut, erased, value):
    number, at = _first_change(erased)
    left = {}
    for stuck in ((), (f"flash-stuck-bit:{at:#x},bit=0,value={value}@flash-op={number}",)):
        run = Run(*stuck, f"{cut}@flash-op={number}", delivered=True).to_reset()
        run.fault(len(stuck))
        left[bool(stuck)] = run.flash
    held = left[False][at] & ~1 | value
    assert left[True] == put(left[False], (at, bytes((held,)))) != left[False]


@pytest.mark.parametrize(("cut", "erased"), [("brown-out", True), ("power-cut:torn", False)])
def test_a_failing_sector_stays_what_it_was_when_its_operation_is_cut_short(cut, erased):
    number, at = _first_change(erased)
    run = Run(f"flash-failing-sector:{at:#x}@flash-op={number}", f"{cut}@flash-op={number}", delivered=True).to_reset()
    assert run.fault().count == run.fault(1).count == 1
    assert run.flash == carried_out(run.before, undisturbed().operations[: number - 1])


def _first_change(erased):
    """The first erase, or program, of an installation whose first byte changes: its number and that byte's address."""
    flash = undisturbed().before
    for number, operation in enumerate(undisturbed().operations, 1):
        kind, at, _ = operation
        after = carried_out(flash, [operation])
        if (kind == "erase") == erased and after[at] != flash[at]:
            return number, at
        flash = after
    raise AssertionError("no operation changes anything")
