"""Packages that are wrong, in front of the real boot loader: it says so, and the flash stays as it was."""

import pytest
from images import VENDOR

pytestmark = [pytest.mark.full, VENDOR]

REFUSED = {
    "package-key": "incorrect header check -3",
    "package-flip:0x1000": "Verify firmware CRC32",
    "package-flip:0x1000,crc=right": "Verify downloaded firmware hash",
    "package-hash": "Verify downloaded firmware hash",
    "package-size:body=-16": "Verify firmware CRC32",
    "package-size:raw=2000000": "has no space",
    "package-partition": "The partition foo was not found",
    "package-partition:bootloader": "Can not upgrade bootloader partition!",
    "package-unencrypted": "none encryption Not allow!",
    "package-compression:quicklz": "ota algorithm no support: 514!",
    "package-too-large": "Partition address out of bound",
}


@pytest.mark.parametrize("fault", REFUSED)
def test_the_boot_loader_refuses(dut, flash, fault):
    dut.configure(faults=[fault], delivered=True)
    dut.expect("go os_addr", within="30 s")
    assert dut.fired().firings[0].where == "package"
    assert REFUSED[fault] in dut.machine.uart1.text
    assert "OTA Write" not in dut.machine.uart1.text
    assert flash.journal == [] and flash.data == flash.before


@pytest.mark.parametrize(("fault", "verdict"), [("package-hash", "old-app-retries-each-boot")])
def test_the_verdict_has_its_evidence(dut, fault, verdict):
    dut.configure(faults=[fault], delivered=True)
    result = dut.verdict()
    assert (result.verdict.value, result.silent) == (verdict, [])
    assert result.as_json()["faults"][0]["fired"] == 1
    evidence = result.evidence
    assert evidence["app"] == {"unchanged": True, "first_change": None, "bad_frames": 0, "first_bad_frame": None}
    assert evidence["download"]["crc_ok"] and not evidence["footer_is_of_the_package"]
    assert any("failed" in line for line in evidence["bootloader_said"])
    assert any("OpenBK7238" in line for line in evidence["last_lines"]["uart2"])
