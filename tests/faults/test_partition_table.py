"""Partition tables that are wrong, inside the CRC-framed boot loader."""

import pytest
from images import FULL, VENDOR, image

from bk7238.formats import crc_framing, partitions

pytestmark = [pytest.mark.full, VENDOR]

SILENT = ""
CASES = {
    "partition-table:download.offset=0x133000": SILENT,
    "partition-table:download.device=beken_onchip_crc": SILENT,
    "partition-table:download.length=0x1000": "Verify firmware CRC32",
    "partition-table:download.name=upload": "The download partition(download) not found",
    "partition-table:download.magic=XXXX": "The download partition(download) not found",
    "partition-table:download.entry=missing": "The download partition(download) not found",
    "partition-table:app.entry=missing": "The partition app was not found",
    "partition-table:app.offset=0x11000": "must link to the flash 64KB location",
    "partition-table:app.length=0x10000": "has no space",
}


def table(flash):
    return dict(entry[::-1] for entry in partitions.find(crc_framing.strip(flash[:0x11000])))


@pytest.mark.parametrize("fault", CASES)
def test_the_boot_loader_does_not_install(dut, flash, fault):
    dut.configure(faults=[fault], delivered=True)
    assert crc_framing.bad_frames(flash.before[:0x11000]) == [], "all CRCs of the boot loader's frames hold"
    dut.expect("go os_addr", within="30 s")
    assert dut.fired().firings[0].where.startswith("boot loader, 0x")
    assert flash.journal == [] and flash.data == flash.before
    if CASES[fault]:
        assert CASES[fault] in dut.machine.uart1.text
    else:
        assert "upgrade(" not in dut.machine.uart1.text and "failed" not in dut.machine.uart1.text


def test_only_what_was_asked_for_changes(dut, flash):
    dut.configure(faults=["partition-table:download.offset=0x133000,app.length=0x120000"], delivered=True)
    before = {entry.name: entry for entry in table(image(FULL).data)}
    after = {entry.name: entry for entry in table(flash.before)}
    assert (after["download"].offset, after["app"].length) == (0x133000, 0x120000)
    assert after["bootloader"] == before["bootloader"] and all(entry.crc_ok for entry in after.values())
    changed = [at for at in range(0x11000) if flash.before[at] != image(FULL).data[at]]
    assert changed and crc_framing.physical(0xD2EC) <= changed[0] and changed[-1] < crc_framing.physical(0xD3AC)


def test_a_crc_can_be_wrong_on_purpose(dut, flash):
    dut.configure(faults=["partition-table:app.crc=0x12345678"], delivered=True)
    assert [entry.name for entry in table(flash.before) if not entry.crc_ok] == ["app"]


def test_an_overlap_is_a_brick_with_its_address(dut):
    """The app partition reaches into the download partition: the boot loader erases what it is about to install."""
    dut.configure(faults=["partition-table:app.length=0x120000"], delivered=True)
    result = dut.verdict()
    assert result.verdict.value == "brick" and result.silent == []
    assert "the app partition" in result.reason and "0x" in result.reason
    assert result.evidence["app"]["first_change"] is not None


def test_an_app_that_the_table_has_elsewhere_is_still_the_old_one(dut, flash):
    """The boot loader installs nothing and starts the app where it is; its place in the table has the package in it."""
    dut.configure(faults=["partition-table:app.offset=0x11000"], delivered=True)
    result = dut.verdict()
    assert result.verdict.value == "old-app-retries-each-boot" and "must link to the flash 64KB" in result.reason
    assert flash.data == flash.before


def test_the_vendors_problem_1_is_named(dut):
    """The guide's "the download partition does not match": silent, and the old app runs."""
    dut.configure(faults=["partition-table:download.offset=0x133000"], delivered=True)
    result = dut.verdict()
    assert result.verdict.value == "old-app-runs"
    assert "no header in its download partition at 0x133000; the package lies at 0x132000" in result.reason


def test_a_partition_that_is_not_there(dut):
    dut.fault("partition-table:foo.offset=1")
    with pytest.raises(ValueError, match="no partition 'foo'; there is app, bootloader, download"):
        _ = dut.machine
