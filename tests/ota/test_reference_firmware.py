"""The whole update on the reference firmware: what every clone of the repository can run."""

import pytest
from boot.reference import APP_START, DOWNLOAD, FLASH, built, image, installed
from images import FULL, GZIP, vendor

from bk7238.image import flash_image, package
from bk7238.network.events import HttpRequested
from bk7238.update.result import Verdict
from bk7238.update.session import Settings, Update

RUNS = [
    # package, SSID, passphrase, channel, HT
    ("gzip", b"Bench", None, 6, False),
    ("lzma", "Caf\u00e9 \u6f22\u5b57".encode(), "correct horse battery", 1, False),
    ("none", b' two  "quotes"\\spaces ', None, 13, True),
    ("gzip", b"thirty-two bytes of printable SS", "a" * 63, 11, True),
    ("lzma", b"hex", "0123456789abcdef" * 3 + "0123456789abcde", 3, False),
]


def reference(name="reference_1.0.0.bin"):
    return flash_image.parse(built(name), name)


def reference_package(kind):
    name = f"reference_1.0.1_{kind}_aes.rbl"
    return package.parse(built(name), name)


def downloaded(update):
    """The flash at power-on as it is once the package is on the device: whole pieces of 1 KiB in erased sectors."""
    return image(update.package.data, bytes(update.machine.flash.data))


@pytest.mark.parametrize(("kind", "ssid", "psk", "channel", "ht"), RUNS)
def test_update(kind, ssid, psk, channel, ht):
    update = Update(reference(), reference_package(kind), Settings(ssid=ssid, psk=psk, channel=channel, ht=ht))
    assert update.family.name == "beken-sdk"
    before = downloaded(update)
    result = update.run()
    assert (result.verdict, result.from_version, result.to_version) == (Verdict.NEW_APP_RUNS, "1.0.0", "1.0.1")
    assert result.flash == installed(before)
    assert [phase.name for phase in result.phases] == ["boot", "join", "download", "restart", "install", "rejoin"]
    assert [record for record in update.machine.log.records if record.level == "warning"] == []
    text = update.machine.uart1.text
    for line in ("sta_Command", "IP up: 192.168.77.50", "ota write to 0x132000", "write over", "sucess.", "wdt reboot"):
        assert line in text
    assert "bk_misc_init_start_type 1 1" in text, "the second start knows that it was a reboot"


@pytest.mark.parametrize("psk", [None, "correct horse"])
def test_equal_runs_are_equal(psk):
    digests = set()
    for _ in range(2):
        result = Update(reference(), reference_package("gzip"), Settings(psk=psk, seed=3)).run()
        digests.add((result.digest, result.instructions))
    assert len(digests) == 1


def test_a_file_that_the_server_does_not_have():
    result = Update(reference(), reference_package("gzip"), Settings(request="missing.rbl")).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert "404" in result.reason


@pytest.mark.parametrize("name", ['a b (1)+&%41#?".rbl', "u\u0308 \udcff'$;.rbl"])
def test_a_package_of_any_name(name):
    update = Update(reference(), package.parse(reference_package("gzip").data, name), Settings())
    result = update.run()
    assert (result.verdict, result.to_version) == (Verdict.NEW_APP_RUNS, "1.0.1")
    assert [event.path for event in update.network.events.recent if isinstance(event, HttpRequested)] == ["/" + name]


def test_another_file_of_any_name():
    name = "other file (2) 100%.rbl"
    files = {"/" + name: reference_package("lzma").data}
    update = Update(reference(), reference_package("gzip"), Settings(serve=files, request=name))
    update.run()
    assert update.network.events.recent and [
        (event.path, event.status) for event in update.network.events.recent if isinstance(event, HttpRequested)
    ] == [("/" + name, 200)]


def test_a_name_too_long_for_the_firmware_once_it_is_encoded():
    name = " " * 21 + ".rbl"
    with pytest.raises(ValueError, match=r"paths of up to 63 characters, /(%20)+\.rbl has 68: rename the file"):
        Update(reference(), package.parse(reference_package("gzip").data, name), Settings())


def test_a_wrong_passphrase():
    result = Update(reference(), reference_package("gzip"), Settings(psk="the wrong one", ap_psk="the right one")).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert "the device's passphrase is not the one of the access point" in result.reason


def test_a_network_that_is_not_there():
    result = Update(reference(), reference_package("gzip"), Settings(ssid=b"Nowhere", ap_ssid=b"Bench")).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert 'no access point answers to "Nowhere"' in result.reason


def test_a_damaged_package_is_refused_and_named():
    body = bytearray(reference_package("gzip").data)
    body[5000] ^= 1
    result = Update(reference(), package.parse(bytes(body), "damaged.rbl"), Settings()).run()
    assert result.verdict.exit_status == 1
    assert "Verify firmware CRC32" in result.reason
    assert result.flash[:DOWNLOAD] == image()[:DOWNLOAD], "the old app is kept"


# Mixed with the vendor's


@pytest.mark.full
@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.nightly) for kind in ("none", "gzip")), "lzma"]
)
def test_the_vendors_boot_loader_installs_the_reference_app(kind):
    mixed = vendor(FULL).read_bytes()[:APP_START] + built("reference_1.0.0.bin")[APP_START:]
    update = Update(
        flash_image.parse(mixed, "vendor's boot loader, reference app"), reference_package(kind), Settings()
    )
    before = downloaded(update)
    result = update.run()
    assert (result.verdict, result.to_version) == (Verdict.NEW_APP_RUNS, "1.0.1")
    assert "BK7238_1.0.15" in update.machine.uart1.text
    assert result.flash == installed(before)


@pytest.mark.full
def test_the_reference_boot_loader_updates_openbeken():
    mixed = built("reference_1.0.0.bin")[:APP_START] + vendor(FULL).read_bytes()[APP_START:]
    update = Update(
        flash_image.parse(mixed, "reference boot loader, OpenBeken"), package.read(vendor(GZIP)), Settings()
    )
    assert update.family.name == "openbeken" and len(update.machine.flash.data) == FLASH
    result = update.run()
    assert (result.verdict, result.to_version) == (Verdict.NEW_APP_RUNS, "2.00.777")
    assert "BK7238_1.0.0 (reference)" in update.machine.uart1.text
