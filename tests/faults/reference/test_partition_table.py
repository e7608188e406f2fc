"""Partition tables that are wrong, inside the reference boot loader: what it installs and starts, and what not."""

from dataclasses import replace

import pytest
from boot import reference
from boot.reference import bootloader, installed
from images import built, update_package

from bk7238.formats import crc_framing, partitions, rbl
from faults.reference.trunk import APP_END, DOWNLOAD, HANGS, NEW, OLD, RETRIES, SECTOR, put

NOT_FOUND = "The download partition(download) not found"
# fault -> what the boot loader prints, and where the device ends
CASES = {
    "partition-table:download.device=beken_onchip_crc": ("", OLD),
    "partition-table:download.name=upload": (NOT_FOUND, OLD),
    "partition-table:download.magic=XXXX": (NOT_FOUND, OLD),
    "partition-table:download.entry=missing": (NOT_FOUND, OLD),
}
# The vendor's boot loader says nothing, does not look at an entry's CRC, starts an app that it has not checked, or
# bricks the device: app.length=0x120000, app.device=beken_onchip.
STRICTER = {
    "partition-table:download.offset=0x133000": ("The header in the download partition is damaged", OLD),
    "partition-table:download.length=0x1000": ("The package's body cannot have 27888 bytes", RETRIES),
    "partition-table:download.length=0x100000": ("'download' must lie unframed on whole sectors", RETRIES),
    "partition-table:download.crc=0x12345678": ("A partition entry has a wrong CRC-32: it is passed over.", OLD),
    "partition-table:app.device=beken_onchip": ("'app' must lie CRC-framed on whole sectors", RETRIES),
    "partition-table:app.offset=0x11000": ("'app' must lie CRC-framed on whole sectors", HANGS),
    "partition-table:app.length=0x120000": ("The partitions 'app' and 'download' overlap", HANGS),
    "partition-table:app.entry=missing": ("The partition app was not found", HANGS),
    "partition-table:app.crc=0x12345678": ("A partition entry has a wrong CRC-32: it is passed over.", HANGS),
}
ALL = CASES | STRICTER


def table(flash):
    return dict(entry[::-1] for entry in partitions.find(crc_framing.strip(flash[:0x11000])))


@pytest.mark.parametrize("fault", ALL)
def test_the_boot_loader_does_not_install(dut, flash, fault):
    line, verdict = ALL[fault]
    dut.configure(faults=[fault], delivered=True)
    dut.expect_verdict(verdict, "App verify failed!" if verdict == HANGS else line)
    assert dut.fired().firings[0].where.startswith("boot loader, 0x")
    assert crc_framing.bad_frames(flash.before[:0x11000]) == [], "all CRCs of the boot loader's frames hold"
    assert flash.journal == [] and flash.data == flash.before
    if line:
        assert line in dut.machine.uart1.text
    else:
        assert "[E/" not in dut.machine.uart1.text and "upgrade(" not in dut.machine.uart1.text


def test_only_what_was_asked_for_changes(dut, flash):
    dut.configure(faults=["partition-table:download.offset=0x133000,app.length=0x120000"], delivered=True)
    found = {entry.name: (at, entry) for at, entry in partitions.find(built("boot.bin"))}
    (download, right), (app, right_app) = found["download"], found["app"]
    patch = {download: replace(right, offset=0x133000).pack(), app: replace(right_app, length=0x120000).pack()}
    assert flash.before == reference.image(update_package().data, bootloader(patch))


def test_an_entry_that_is_missing_leaves_no_gap(dut, flash):
    dut.configure(faults=["partition-table:app.entry=missing"], delivered=True)
    found = dict(entry[::-1] for entry in partitions.find(built("boot.bin")))
    left = table(flash.before)
    lowest, highest = min(found.values()), max(found.values())
    assert sorted(entry.name for entry in left) == ["bootloader", "download"]
    assert sorted(left.values()) == [at for at in sorted(found.values()) if at != lowest] and highest in left.values()


def test_a_smaller_app_partition_is_installed_into_and_its_footer_is_where_it_ends(dut, flash):
    dut.configure(faults=["partition-table:app.length=0x10000"], delivered=True)
    dut.expect_verdict(NEW)
    assert "This partition will be forced to upgrade." in dut.machine.uart1.text
    footer = crc_framing.frame(update_package().data[: rbl.SIZE]).rjust(2 * SECTOR, b"\xff")
    end = crc_framing.physical(0x20000)
    usual = slice(APP_END - 2 * SECTOR, APP_END)
    expected = put(installed(flash.before), (usual.start, flash.before[usual]), (end - 2 * SECTOR, footer))
    assert end < DOWNLOAD and flash.data == expected
