"""Updates that do not happen end with a verdict that says why."""

import pytest
from images import FULL, GZIP, vendor

from bk7238.image import flash_image, package
from bk7238.update.result import Verdict
from bk7238.update.session import Settings, Update
from ota import expected

pytestmark = pytest.mark.full


@pytest.fixture
def full():
    return flash_image.read(vendor(FULL))


@pytest.fixture
def gzip():
    return package.read(vendor(GZIP))


def test_a_network_that_is_not_there(full, gzip):
    result = Update(full, gzip, Settings(ssid=b"Nowhere", ap_ssid=b"Bench", channel=11)).run()
    assert result.verdict is Verdict.DEVICE_WAITS and result.verdict.exit_status == 1
    assert result.reason == ('no access point answers to "Nowhere" (3 scans); in the air: "Bench" on channel 11')


@pytest.mark.nightly
def test_a_file_that_the_server_does_not_have(full, gzip):
    update = Update(full, gzip, Settings(request="missing.rbl"))
    before = bytes(update.machine.flash.data)
    result = update.run()
    assert result.verdict is Verdict.DEVICE_WAITS and result.verdict.exit_status == 1
    assert "404" in result.reason and "/missing.rbl" in result.reason
    assert expected.differences(result.flash, before) == []


def test_a_damaged_package_is_refused_by_the_boot_loader_in_its_own_words(full, gzip):
    body = bytearray(gzip.data)
    body[5000] ^= 1
    damaged = package.parse(bytes(body), gzip.name)
    assert damaged.damage == ("the body's CRC-32 does not match the header's",)
    result = Update(full, damaged, Settings(delivered=True)).run()
    assert result.verdict is Verdict.OLD_APP_RETRIES and result.verdict.exit_status == 1
    assert "Verify firmware CRC32" in result.reason and "'download'" in result.reason
    app_and_bootloader = slice(0, expected.DOWNLOAD)
    assert result.flash[app_and_bootloader] == full.data[app_and_bootloader]


def test_a_package_that_the_boot_loader_passes_over_in_silence(full, gzip):
    header = bytearray(gzip.data)
    header[30] ^= 1  # the version text: the header's CRC no longer holds
    result = Update(full, package.parse(bytes(header), gzip.name), Settings(delivered=True)).run()
    assert result.verdict is Verdict.OLD_APP_RUNS
    assert result.reason == (
        "the bootloader printed nothing about an update: "
        "the header in its download partition at 0x132000 is damaged: its CRC-32 does not match"
    )


def test_the_time_limit(full, gzip):
    result = Update(full, gzip, Settings(within=3.0)).run()
    assert result.verdict is Verdict.TIME_LIMIT and result.verdict.exit_status == 3
    assert result.virtual_seconds == pytest.approx(3.0, abs=0.001)
