"""A package for a partition other than the app: the vendor's boot loader installs it, and the app stays what it is."""

import pytest
from boot.cases import app, pack
from boot.foretold import foretold
from boot.reference import APP_START
from images import FULL, built, vendor

from bk7238.formats import crc_framing, partitions
from bk7238.image import flash_image, package
from bk7238.image.loaders.boot import End
from bk7238.update.verdict import Verdict

pytestmark = pytest.mark.full

VOICE = partitions.Partition("voice", "beken_onchip", 0x1E0000, 0x10000)
CONTENT = app(20000)


@pytest.fixture
def image():
    """The vendor's boot loader, whose own entry in the table has become one for `voice`, and the reference app."""
    loader = bytearray(crc_framing.strip(vendor(FULL).read_bytes()[:APP_START]))
    own = next(at for at, partition in partitions.find(bytes(loader)) if partition.name == "bootloader")
    loader[own : own + len(VOICE.pack())] = VOICE.pack()
    whole = crc_framing.frame(bytes(loader)) + built("reference_1.0.0.bin")[APP_START:]
    return flash_image.parse(whole, "with a partition `voice`")


@pytest.mark.parametrize("delivered", [False, True])
def test_it_is_installed(make_dut, image, delivered):
    voice = package.parse(pack(CONTENT, partition="voice"), "voice.rbl")
    told = foretold(image.data, voice.data)
    assert (told.end, told.cause) == (End.INSTALLED, "")
    assert told.meaning == "the package is in partition `voice`; the app that was there is started"
    result = make_dut(image=image, package=voice, delivered=delivered).expect_verdict("new-app-runs")
    assert result.reason == "the package was installed in partition `voice`, the app runs and has joined again"
    assert result.verdict.exit_status == 0
    assert result.flash[0x1E0000 : 0x1E0000 + len(CONTENT)] == CONTENT
    assert result.flash[0x1F0000 - 96 : 0x1F0000] == voice.data[:96]
    assert result.flash[:0x132000] == image.data[:0x132000]
    assert result.evidence["footer_is_of_the_package"] and result.evidence["package_is_for"] == "voice"


@pytest.mark.parametrize(
    ("fields", "verdict", "reason"),
    [
        ({"raw_hash": 1}, Verdict.OLD_APP_RETRIES, "(copy_fw_from_dl_part:720) Verify"),
        ({"body_crc": 1}, Verdict.OLD_APP_RETRIES, "(rt_ota_part_fw_verify:389) Verify"),
        (
            {"raw_size": 20100},
            Verdict.NEW_APP_REFLASHES,
            "(part_fw_hash_verify:337) Verify",
        ),
    ],
)
def test_the_reason_is_the_loaders_complaint_and_no_remark(make_dut, image, fields, verdict, reason):
    voice = package.parse(pack(CONTENT, partition="voice", **fields), "voice.rbl")
    dut = make_dut(image=image, package=voice, delivered=True)
    result = dut.verdict()
    assert "forced to upgrade" in dut.machine.uart1.text
    written = "" if verdict is Verdict.OLD_APP_RETRIES else "partition `voice` is written but not verified: "
    assert result.verdict is verdict
    assert result.reason.startswith(f"{written}the bootloader printed: [E/OTA] {reason}")
    assert "forced to upgrade" not in result.reason and "flash device" not in result.reason
    assert result.flash[:0x132000] == image.data[:0x132000]
