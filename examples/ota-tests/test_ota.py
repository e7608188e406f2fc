"""What must hold for every update of this product."""

import pytest

pytestmark = pytest.mark.bk7238(ssid="Workshop", channel=11)


def test_the_update_installs(dut):
    dut.expect(r"go os_addr", within="1 s")
    result = dut.verdict()
    assert result.verdict.value == "new-app-runs", result.reason
    assert result.from_version != result.to_version
    assert result.evidence["footer_is_of_the_package"]


@pytest.mark.bk7238(request="missing.rbl")
def test_a_file_that_is_not_there_changes_nothing(dut, server, flash):
    before = flash.partition("app")
    dut.wait(lambda: ("/missing.rbl", 404) in server.requests, within="30 s")
    assert flash.partition("app") == before


@pytest.mark.fault("ap-gone:2s@5%")
def test_the_device_comes_back_after_the_network_has(dut, ap):
    dut.wait(lambda: dut.update.faults.all[0].count == 2, within="40 s")
    assert not ap.stations
    dut.wait(lambda: ap.stations, within="60 s")


@pytest.mark.bk7238(delivered=True)
def test_a_power_cut_while_the_app_is_erased(dut, power):
    power.cut("torn", flash_op=5)
    result = dut.verdict()
    assert result.verdict.value == "new-app-runs", result.reason
    assert not result.silent


@pytest.mark.bk7238(delivered=True)
@pytest.mark.fault("package-flip")
def test_a_damaged_package_is_refused(dut, flash):
    before = flash.partition("app")
    dut.expect(r"Verify firmware CRC32.*failed", within="5 s")
    assert dut.verdict().verdict.value == "old-app-retries-each-boot"
    assert flash.partition("app") == before
