"""Packages that are wrong, in front of the reference boot loader: it says so, and the flash stays as it was."""

import pytest
from images import update_package

from faults.reference.trunk import DOWNLOAD, GZIP, NEW, OLD, RETRIES, WAITS, clean, put, undisturbed

# fault -> what the boot loader prints, and where the device ends. The package is the gzip one.
REFUSED = {
    "package-key": ("decompress error: incorrect header check", RETRIES),
    "package-flip:0x1000": ("Verify firmware CRC32(calc.crc: ", RETRIES),
    "package-flip:0x1000,crc=right": ("(copy_fw_from_dl_part:720) Verify downloaded firmware hash", RETRIES),
    "package-hash": ("(copy_fw_from_dl_part:720) Verify downloaded firmware hash", RETRIES),
    "package-size:body=-16": ("Verify firmware CRC32(calc.crc: ", RETRIES),
    "package-size:raw=2000000": ("has no space (unless 2027968) for upgrade", RETRIES),
    "package-partition": ("The partition foo was not found", RETRIES),
    "package-partition:bootloader": ("Can not upgrade bootloader partition!", RETRIES),
    "package-unencrypted": ("none encryption Not allow!", RETRIES),
    "package-compression:quicklz": ("ota algorithm no support: 514!", RETRIES),
}
# The vendor's boot loader reads beyond the partition, installs, erases first, or says nothing.
STRICTER = {
    "package-too-large": ("The package's body cannot have 716704 bytes", RETRIES),
    "package-flip:0x1,crc=right": ("The header in the download partition is damaged", OLD),
    "package-size:raw=16": ("(copy_fw_from_dl_part:720) Verify downloaded firmware hash", RETRIES),
    "package-partition:download": ("The package names the partition download: only app is installed", RETRIES),
    "package-flip:0x20": ("The header in the download partition is damaged", OLD),
}
ALL = REFUSED | STRICTER


@pytest.mark.bk7238(package=GZIP)
@pytest.mark.parametrize("fault", ALL)
def test_the_boot_loader_refuses(dut, flash, fault):
    line, verdict = ALL[fault]
    dut.configure(faults=[fault], delivered=True)
    dut.expect_verdict(verdict, line)
    assert dut.fired().firings[0].where == "package" and line in dut.machine.uart1.text
    wrong = dut.update.package.data
    assert wrong != update_package("gzip").data
    assert flash.before == put(undisturbed(delivered=False).before, (DOWNLOAD, wrong))
    assert flash.journal == [] and flash.data == flash.before


@pytest.mark.bk7238(package=GZIP)
@pytest.mark.parametrize("fault", ["package-compression:lzma,pack=yes", "package-compression:none,pack=yes"])
def test_a_compression_that_it_knows_is_installed(dut, flash, fault):
    dut.configure(faults=[fault], delivered=True)
    dut.expect_verdict(NEW)
    assert dut.update.package.data != update_package("gzip").data
    assert flash.data == clean(dut.update.package.data)


def test_the_app_does_not_begin_with_a_package_that_does_not_fit(dut, flash):
    dut.configure(faults=["package-too-large"])
    dut.expect_verdict(WAITS, "package-too-large")
    assert "716800 bytes do not fit the download partition" in dut.machine.uart1.text
    assert flash.journal == [] and flash.data == flash.before == undisturbed(delivered=False).before
