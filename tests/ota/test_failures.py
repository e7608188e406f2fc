"""Updates that do not happen end with a verdict that says why."""

import pytest
from images import VENDOR

from ota import expected

pytestmark = [pytest.mark.full, VENDOR]


@pytest.mark.bk7238(ssid="Nowhere", ap_ssid="Bench", channel=11)
def test_a_network_that_is_not_there(dut):
    result = dut.expect_verdict("device-waits")
    assert result.reason == 'no access point answers to "Nowhere" (3 scans); in the air: "Bench" on channel 11'
    assert result.verdict.exit_status == 1


@pytest.mark.nightly
@pytest.mark.bk7238(request="missing.rbl")
def test_a_file_that_the_server_does_not_have(dut, flash):
    result = dut.expect_verdict("device-waits", "404")
    assert "/missing.rbl" in result.reason and result.verdict.exit_status == 1
    assert expected.differences(result.flash, flash.before) == []


@pytest.mark.bk7238(delivered=True)
@pytest.mark.fault("package-flip:0x1388")
def test_a_damaged_package_is_refused_by_the_boot_loader_in_its_own_words(dut, flash):
    assert dut.update.package.damage == ("the body's CRC-32 does not match the header's",)
    result = dut.expect_verdict("old-app-retries-each-boot", "Verify firmware CRC32")
    assert "'download'" in result.reason and result.verdict.exit_status == 1
    assert result.flash[: expected.DOWNLOAD] == flash.before[: expected.DOWNLOAD]


@pytest.mark.bk7238(delivered=True)
@pytest.mark.fault("package-flip:30")
def test_a_package_that_the_boot_loader_passes_over_in_silence(dut):
    """A bit of the version text is wrong, and with it the header's CRC."""
    assert dut.expect_verdict("old-app-runs").reason.startswith(
        "the bootloader printed nothing about an update: "
        "the header in its download partition at 0x132000 is damaged: its CRC-32 does not match"
    )


@pytest.mark.bk7238(within="3 s")
def test_the_time_limit(dut):
    result = dut.expect_verdict("time-limit")
    assert result.verdict.exit_status == 3 and result.virtual_seconds == pytest.approx(3.0, abs=0.001)
