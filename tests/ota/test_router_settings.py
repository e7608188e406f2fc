"""What a router's menu has besides protection, as firmware meets it: it updates itself, or is kept out."""

import pytest
from images import VENDOR

from bk7238.formats import wpa_keys
from bk7238.testing import Air
from ota import expected

PSK = "correct horse"
KEY = wpa_keys.pmk(PSK, b"Bench").hex()

SETTINGS = [
    {"channel": 12},
    {"channel": 13, "country": "DE"},
    {"country": "US", "channel": 11},
    {"country": "JP", "b_only": True},
    {"ht": True, "country": "DE"},
    {"ht40": True},
    {"wmm": True},
    {"psk": PSK, "ap_psk": KEY},
    {"psk": PSK, "ht40": True, "wmm": True, "country": "DE", "channel": 13},
]
named = pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(settings))


@pytest.mark.full
@named
@pytest.mark.bk7238(package="reference_1.0.1_gzip_aes.rbl")
def test_the_reference_firmware_updates_itself(make_dut, settings):
    dut = make_dut(**settings)
    assert dut.expect_verdict("new-app-runs").to_version == "1.0.1"


@named
@pytest.mark.nightly
@VENDOR
def test_vendor_firmware_updates_itself(make_dut, settings):
    dut = make_dut(**settings)
    result = dut.expect_verdict("new-app-runs")
    assert expected.differences(result.flash, expected.after_update(dut.flash_before, dut.package.data)) == []
    assert not dut.bench.access_point.counters


@pytest.mark.bk7238(psk=KEY)
def test_the_reference_firmware_is_told_a_key(dut):
    dut.expect_verdict("new-app-runs")


@pytest.mark.bk7238(n_only=True)
def test_without_802_11n_a_device_is_refused(dut):
    dut.expect_verdict("device-waits", "refused the device's association with status 27")


@pytest.mark.bk7238(channel=14, b_only=True)
def test_a_channel_that_a_device_does_not_scan(dut):
    dut.expect_verdict("device-waits", 'in the air: "Bench" on channel 14')


@pytest.mark.nightly
@VENDOR
@pytest.mark.bk7238(n_only=True)
def test_vendor_firmware_has_802_11n(dut):
    air = Air(dut)
    dut.expect_verdict("new-app-runs")
    assert not air.events("StationRefused")
