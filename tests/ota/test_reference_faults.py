"""The reference firmware on a bad network: it comes through what a device should come through, open and protected."""

import pytest
from boot.reference import image, installed

pytestmark = pytest.mark.bk7238(package="reference_1.0.1_gzip_aes.rbl")

PASSED = [
    "frame-loss:rate=20%",
    "frame-duplicate:rate=30%",
    "frame-reorder:rate=20%",
    "frame-corrupt:rate=5%",
    "ap-gone:duration=15s@50%",
    "deauthenticate@50%",
    "forged-deauthenticate@50%",
    "dhcp-silent:duration=15s",
    "dhcp-late",
    "connection-refused:duration=4s",
    "connection-reset@50%",
    "network-stall:duration=10s@50%",
]


@pytest.mark.full
@pytest.mark.parametrize(
    "psk", [pytest.param(None, id="open"), pytest.param("correct horse", id="wpa2", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("fault", PASSED)
def test_it_comes_through(dut, flash, fault, psk):
    dut.configure(psk=psk, faults=[fault])
    result = dut.expect_verdict("new-app-runs")
    assert result.to_version == "1.0.1" and result.flash == installed(image(dut.package.data, flash.before))


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
def test_it_says_why_it_does_not(dut, fault, line):
    dut.fault(fault)
    result = dut.verdict()
    assert result.verdict.exit_status == 1 and dut.fired().count
    assert line in dut.machine.uart1.text
    assert result.flash[:0x132000] == image()[:0x132000], "the old app is kept"
