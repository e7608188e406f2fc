"""The tests of faults look: each kind has one, and where a fault is made to do nothing, its test fails."""

import re
from functools import partial
from pathlib import Path

import pytest

from bk7238.faults import all_kinds, parse
from faults.reference import (
    test_flash,
    test_flash_area,
    test_package,
    test_partition_table,
    test_power,
    test_radio_and_network,
)

TABLES = [
    (test_radio_and_network.CASES, test_radio_and_network.test_it_fires_and_every_byte_is_accounted_for),
    (test_package.REFUSED, test_package.test_the_boot_loader_refuses),
    (test_package.STRICTER, test_package.test_the_boot_loader_refuses),
    (test_partition_table.CASES, test_partition_table.test_the_boot_loader_does_not_install),
]
# A test on the reference firmware for each kind: the first of the tables', or one of its own.
TESTS = {parse(fault).kind: partial(test, fault=fault) for cases, test in TABLES for fault in reversed(cases)} | {
    "power-cut": partial(
        test_power.test_what_a_cut_leaves_byte_for_byte_and_that_the_next_start_mends_it, number=6, how="torn"
    ),
    "brown-out": partial(
        test_power.test_a_brown_out_leaves_neither_old_nor_erased, leaves="zeros", moment="", number=1
    ),
    "watchdog-bite": partial(test_power.test_the_watchdog_bites_in_an_erase, how="scattered"),
    "supply-sag": test_power.test_a_supply_that_sags,
    "battery-pull": partial(test_power.test_a_battery_that_is_pulled_after_each_start, seed=0),
    "flash-stuck-bit": test_flash.test_a_stuck_bit_below_the_package_is_found_by_the_app,
    "flash-failing-sector": partial(test_flash.test_a_sector_that_fails, fails="both"),
    "flash-program-flip": partial(
        test_flash.test_a_bit_too_much_is_programmed_and_the_second_attempt_is_right,
        number=40,
        seed=0,
        complaint=test_flash.HASH,
    ),
    "flash-jedec-id": partial(test_flash.test_a_chip_that_says_it_is_too_small_is_not_written, jedec_id=0),
    "flash-area": partial(test_flash_area.test_an_area_that_has_a_name, name="calibration", size=0x200000, how="zeros"),
}
NOTHING = {
    "package": lambda _fault, package: package,
    "flash": lambda _fault, _machine, _family: None,
    "arm": lambda _fault, _targets: None,
}


def test_every_kind_has_a_test_on_vendor_firmware_too():
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
    assert [name for name in all_kinds() if not re.search(rf"[\"']{name}[:@\"']", text)] == []


def test_every_kind_can_be_sabotaged():
    assert sorted(TESTS) == sorted(all_kinds())


@pytest.mark.full
@pytest.mark.parametrize("kind", TESTS)
def test_a_fault_that_does_nothing_turns_its_test_red(monkeypatch, dut, flash, kind):
    for method, nothing in NOTHING.items():
        monkeypatch.setattr(all_kinds()[kind], method, nothing)
    with pytest.raises(AssertionError, match=f"{kind}.* never fired"):
        TESTS[kind](dut, flash)
