"""The tests of faults look: each kind has one, and where a fault is made to do nothing, its test fails."""

import re
from pathlib import Path

import pytest
from images import FULL, vendor

from bk7238.faults import kinds
from bk7238.faults.fault import Fault
from faults import test_flash, test_package, test_partition_table, test_power, test_radio_and_network

SABOTAGES = [
    ("package-hash", "package", lambda: test_package.test_the_boot_loader_refuses("package-hash")),
    (
        "partition-table",
        "flash",
        lambda: test_partition_table.test_the_boot_loader_does_not_install("partition-table:app.entry=missing"),
    ),
    ("power-cut", "strike", test_power.test_a_virtual_time_is_a_moment),
    ("flash-jedec-id", "arm", lambda: test_flash.test_a_wrong_jedec_id_is_read()),
    ("flash-area", "flash", test_flash.test_another_area),
    ("brown-out", "strike", lambda: test_power.test_a_brown_out_leaves_neither_old_nor_erased("zeros")),
    (
        "connection-reset",
        "strike",
        lambda: test_radio_and_network.test_it_fires_and_the_flash_is_sound("connection-reset@1%"),
    ),
]


def test_every_kind_has_a_test():
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
    assert [name for name in kinds() if not re.search(rf"[\"']{name}[:@\"']", text)] == []


@pytest.mark.parametrize(("kind", "method", "test"), SABOTAGES, ids=[one[0] for one in SABOTAGES])
def test_a_fault_that_does_nothing_turns_its_test_red(monkeypatch, kind, method, test):
    vendor(FULL)
    monkeypatch.setattr(kinds()[kind], method, getattr(Fault, method))
    with pytest.raises(AssertionError, match=r"never fired|not within"):
        test()
