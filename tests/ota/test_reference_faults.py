"""The reference firmware on a bad network: it comes through what a device should come through, open and protected."""

import pytest
from boot.reference import image, installed

from bk7238.update.result import Verdict
from bk7238.update.session import Settings, Update
from ota.test_reference_firmware import reference, reference_package

PASSED = [
    "frame-loss:rate=20%",
    "frame-duplicate:rate=30%",
    "frame-reorder:rate=20%",
    "frame-corrupt:rate=5%",
    "ap-gone:duration=15s@50%",
    "deauthenticate@50%",
    "dhcp-silent:duration=15s",
    "dhcp-late",
    "connection-refused:duration=4s",
    "connection-reset@50%",
    "network-stall:duration=10s@50%",
]


@pytest.mark.parametrize(
    "psk", [pytest.param(None, id="open"), pytest.param("correct horse", id="wpa2", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("fault", PASSED)
def test_it_comes_through(fault, psk):
    update = Update(reference(), reference_package("gzip"), Settings(psk=psk, faults=[fault]))
    before = image(update.package.data, bytes(update.machine.flash.data))
    result = update.run()
    assert (result.verdict, result.to_version) == (Verdict.NEW_APP_RUNS, "1.0.1"), result.reason
    assert result.flash == installed(before)
    assert result.silent == [], "a fault that did not happen proves nothing"


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("http-status:status=503", "Could not found"),
        ("http-no-length", "the answer has no Content-Length"),
        ("http-chunked", "the answer has no Content-Length"),
        ("http-truncated", "Verify firmware CRC32(calc.crc: "),
        ("http-wrong-file", "The header in the download partition is damaged: no update."),
    ],
)
def test_it_says_why_it_does_not(fault, line):
    update = Update(reference(), reference_package("gzip"), Settings(faults=[fault]))
    result = update.run()
    assert result.verdict.exit_status == 1
    assert line in update.machine.uart1.text
    assert result.flash[:0x132000] == image()[:0x132000], "the old app is kept"
