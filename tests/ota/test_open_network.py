"""The whole update on an open network: real firmware, from power-on to the updated device that has joined again.

The runs cover each pair of package, kind of SSID, channel, seed and boot loader once at least; the join-only matrix
covers all channels. The nightly run has all of both.
"""

import pytest
from images import BOOTLOADER_UART2, FULL, GZIP, LZMA, VENDOR, vendor

from bk7238.formats import crc_framing
from bk7238.image import flash_image, package
from ota import expected

pytestmark = pytest.mark.full

FLASH = 0x200000

RUNS = [
    # package, SSID, channel, seed, HT, boot loader
    (GZIP, b"B", 1, 0, False, "uart1"),
    (LZMA, "Caf\u00e9 \u6f22\u5b57 \U0001f4f6".encode(), 13, 1, False, "uart1"),
    (GZIP, b" two  spaces ", 6, 2, True, "uart1"),
    (LZMA, b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}", 3, 3, True, "uart2"),
    (GZIP, "\u00fc".encode() * 16, 11, 4, False, "uart2"),
    (LZMA, b"thirty-two bytes of printable SS", 8, 5, False, "uart1"),
]


def image(bootloader: str) -> flash_image.FlashImage:
    full = flash_image.read(vendor(FULL))
    if bootloader == "uart1":
        return full
    raw = vendor(BOOTLOADER_UART2).read_bytes()
    framed = crc_framing.frame(raw)
    start = full.app.physical_start
    return flash_image.parse(framed.ljust(start, b"\xff") + full.data[start:], "with the UART2 boot loader")


SOME = (RUNS[1], RUNS[4])  # either package and boot loader


@pytest.mark.parametrize(
    ("name", "ssid", "channel", "seed", "ht", "bootloader"),
    [
        pytest.param(*run, id=f"{run[0][20:24]}-ch{run[2]}-{run[5]}", marks=[pytest.mark.nightly] * (run not in SOME))
        for run in RUNS
    ],
)
def test_update(make_dut, name, ssid, channel, seed, ht, bootloader):
    dut = make_dut(image=image(bootloader), package=name, ssid=ssid, channel=channel, seed=seed, ht=ht)
    result = dut.expect_verdict("new-app-runs")
    assert result.reason == "the package was installed, the new app runs and has joined again"
    assert (result.from_version, result.to_version) == ("1.18.300", "2.00.777")
    assert expected.differences(result.flash, expected.after_update(dut.flash_before, dut.package.data)) == []
    assert [phase.name for phase in result.phases] == ["boot", "join", "download", "restart", "install", "rejoin"]
    prints_on = (dut.machine.uart1, dut.machine.uart2)[bootloader == "uart2"]
    assert "upgrade(2M.1220->2.0.0) startup." in prints_on.text


@VENDOR
@pytest.mark.parametrize(
    "channel", [pytest.param(n, marks=[pytest.mark.nightly] * (n not in (1, 6, 13))) for n in range(1, 14)]
)
def test_join_on_every_channel(dut, ap, air, channel):
    dut.configure(channel=channel, seed=channel)
    air.expect("LeaseGranted")
    assert [phase.name for phase in dut.update.story.phases] == ["boot", "join"]
    assert len(ap.stations) == 1


def test_the_expected_flash_is_not_trivially_met():
    """The comparison must see one wrong bit, and the update must have changed the app."""
    update_package = package.read(vendor(GZIP))
    before = vendor(FULL).read_bytes().ljust(FLASH, b"\xff")
    after = expected.after_update(before, update_package.data)
    assert after != before and b"2.00.777" in expected.raw_app(update_package.data)
    flipped = bytearray(after)
    flipped[0x12345] ^= 1
    assert expected.differences(bytes(flipped), after) == [0x12345]
