"""The same faults on the reference firmware, which every clone has: to a verdict, with a cause."""

from functools import cache

import pytest

from bk7238 import resources
from bk7238.image import flash_image, package
from bk7238.update.session import Settings, Update
from faults.test_package import REFUSED
from faults.test_radio_and_network import CASES

BUILT = resources.reference()

NEW, WAITS = "new-app-runs", "device-waits"
ENDS = {
    "wrong-key": (WAITS, "the MIC of message 2 of the key handshake is wrong"),
    "dhcp-silent": (WAITS, "did not answer"),
    "dns-fail": (WAITS, "knows no ota.example"),
    "dns-fail:silent": (WAITS, "did not answer for ota.example"),
    "connection-refused": (WAITS, "refused"),
    "network-stall@1%": (WAITS, "did not pass"),
    "network-slow:burst=10,rate=10@1%": (WAITS, "sends 10 more"),
    "http-status:500": (WAITS, "the server answered 500"),
    "http-redirect": (WAITS, "the server answered 302"),
    "http-length": (WAITS, "which did not restart"),
    "http-no-length": (WAITS, "did not complete"),
    "http-chunked": (WAITS, "did not complete"),
    "body-corrupt:times=2@1%": ("old-app-retries-each-boot", "Verify firmware CRC32"),
    "http-truncated:1%": ("old-app-retries-each-boot", "Verify firmware CRC32"),
    "http-wrong-file": ("old-app-runs", "header in the download partition is damaged"),
    "ap-gone:1s@1%": (NEW, ""),
}


@cache
def image():
    return flash_image.read(BUILT / "reference_1.0.0.bin")


@cache
def update_package(compression="none"):
    return package.read(BUILT / f"reference_1.0.1_{compression}_aes.rbl")


def run(fault, **settings):
    update = Update(image(), update_package(), Settings(faults=[fault], **settings))
    before = bytes(update.machine.flash.data)
    return update.run(), before


@pytest.mark.parametrize("fault", CASES)
def test_radio_network_and_server(fault):
    result, before = run(fault, **CASES[fault][1])
    verdict, reason = ENDS.get(fault, (NEW, ""))
    assert result.silent == [] and (result.verdict.value, reason in result.reason) == (verdict, True), result.reason
    if verdict != NEW:
        assert result.flash[:0x132000] == before[:0x132000], "boot loader and app"


@pytest.mark.parametrize("fault", [fault for fault in REFUSED if "key" not in fault and "crc=right" not in fault])
def test_packages(fault):
    if "size:raw" in fault or "too-large" in fault or "compression" in fault:
        fault = "package-hash"
    result, before = run(fault, delivered=True)
    assert result.silent == [] and result.verdict.value.startswith("old-app")
    assert result.flash[:0x132000] == before[:0x132000]
