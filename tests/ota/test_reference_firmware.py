"""The whole update on the reference firmware: what every clone of the repository can run."""

import pytest
from boot.reference import APP_START, DOWNLOAD, FLASH, image, installed
from images import FULL, GZIP, built, update_package, vendor

from bk7238.image import flash_image, package
from bk7238.testing import Flash, Server
from bk7238.update.verdict import Verdict

RUNS = [
    # package, SSID, passphrase, channel, HT
    ("gzip", b"Bench", None, 6, False),
    ("lzma", "Caf\u00e9 \u6f22\u5b57".encode(), "correct horse battery", 1, False),
    ("none", b' two  "quotes"\\spaces ', None, 13, True),
    ("gzip", b"thirty-two bytes of printable SS", "a" * 63, 11, True),
    ("lzma", b"hex", "0123456789abcdef" * 3 + "0123456789abcde", 3, False),
]


def downloaded(dut):
    """The flash at power-on as it is once the package is on the device: whole pieces of 1 KiB in erased sectors."""
    return image(dut.package.data, Flash(dut).before)


@pytest.mark.parametrize(("kind", "ssid", "psk", "channel", "ht"), RUNS)
def test_update(make_dut, kind, ssid, psk, channel, ht):
    dut = make_dut(package=update_package(kind), ssid=ssid, psk=psk, channel=channel, ht=ht)
    assert dut.update.family.name == "beken-sdk"
    before = downloaded(dut)
    result = dut.verdict()
    assert (result.verdict, result.from_version, result.to_version) == (Verdict.NEW_APP_RUNS, "1.0.0", "1.0.1")
    assert result.flash == installed(before)
    assert [phase.name for phase in result.phases] == ["boot", "join", "download", "restart", "install", "rejoin"]
    assert [record for record in dut.machine.log.records if record.level == "warning"] == []
    text = dut.machine.uart1.text
    for line in ("sta_Command", "IP up: 192.168.77.50", "ota write to 0x132000", "write over", "sucess.", "wdt reboot"):
        assert line in text
    assert "bk_misc_init_start_type 1 1" in text, "the second start knows that it was a reboot"


@pytest.mark.full
@pytest.mark.parametrize("psk", [None, "correct horse"])
def test_equal_runs_are_equal(make_dut, psk):
    one, other = (make_dut(psk=psk, seed=3).verdict() for _ in range(2))
    assert (one.digest, one.instructions) == (other.digest, other.instructions)


@pytest.mark.bk7238(request="missing.rbl")
def test_a_file_that_the_server_does_not_have(dut):
    dut.expect_verdict("device-waits", "404")


@pytest.mark.parametrize("name", ['a b (1)+&%41#?".rbl', "u\u0308 \udcff'$;.rbl"])
def test_a_package_of_any_name(make_dut, name):
    dut = make_dut(package=package.parse(update_package("gzip").data, name))
    assert dut.expect_verdict("new-app-runs").to_version == "1.0.1"
    assert Server(dut).requests == [("/" + name, 200)]


def test_another_file_of_any_name(dut, server):
    name = "other file (2) 100%.rbl"
    dut.configure(serve={"/" + name: update_package("lzma").data}, request=name)
    dut.verdict()
    assert server.requests == [("/" + name, 200)]


def test_a_name_too_long_for_the_firmware_once_it_is_encoded(make_dut):
    dut = make_dut(package=package.parse(update_package("gzip").data, " " * 21 + ".rbl"))
    with pytest.raises(ValueError, match=r"paths of up to 63 characters, /(%20)+\.rbl has 68: rename the file"):
        _ = dut.machine


@pytest.mark.bk7238(psk="the wrong one", ap_psk="the right one")
def test_a_wrong_passphrase(dut):
    dut.expect_verdict("device-waits", "the device's passphrase is not the one of the access point")


@pytest.mark.bk7238(ssid="Nowhere", ap_ssid="Bench")
def test_a_network_that_is_not_there(dut):
    dut.expect_verdict("device-waits", 'no access point answers to "Nowhere"')


@pytest.mark.fault("package-flip:0x1388")
def test_a_damaged_package_is_refused_and_named(dut):
    result = dut.expect_verdict("old-app-retries-each-boot", "Verify firmware CRC32")
    assert result.flash[:DOWNLOAD] == image()[:DOWNLOAD], "the old app is kept"


# Mixed with the vendor's


@pytest.mark.full
@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.nightly) for kind in ("none", "gzip")), "lzma"]
)
def test_the_vendors_boot_loader_installs_the_reference_app(make_dut, kind):
    mixed = vendor(FULL).read_bytes()[:APP_START] + built("reference_1.0.0.bin")[APP_START:]
    dut = make_dut(image=flash_image.parse(mixed, "vendor's boot loader"), package=update_package(kind))
    before = downloaded(dut)
    result = dut.expect_verdict("new-app-runs")
    assert result.to_version == "1.0.1" and result.flash == installed(before)
    assert "BK7238_1.0.15" in dut.machine.uart1.text


@pytest.mark.full
def test_the_reference_boot_loader_updates_openbeken(make_dut):
    mixed = built("reference_1.0.0.bin")[:APP_START] + vendor(FULL).read_bytes()[APP_START:]
    dut = make_dut(image=flash_image.parse(mixed, "reference boot loader"), package=GZIP)
    assert dut.update.family.name == "openbeken" and len(dut.machine.flash.data) == FLASH
    assert dut.expect_verdict("new-app-runs").to_version == "2.00.777"
    assert "BK7238_1.0.0 (reference)" in dut.machine.uart1.text
