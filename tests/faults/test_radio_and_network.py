"""Faults of radio, network and web server during a real download: each fires, and what is in the flash is sound.

A run ends a little after its fault has fired; where the device ends is the matter of the last tests.
"""

import pytest
from images import VENDOR
from ota import expected

pytestmark = [pytest.mark.full, VENDOR]

TOTAL = 505232

# fault -> how often it fires at least before the look, and more settings
CASES = {
    "ap-gone:1s@1%": (2, {}),
    "beacons-lost@1%": (5, {}),
    "frame-loss:20%,data@1%": (5, {}),
    "frame-loss:100%,beacon,to-device@1s": (5, {}),
    "frame-duplicate:50%@1%": (20, {}),
    "frame-reorder:50%@1%": (20, {}),
    "frame-corrupt:20%,data,to-device@1%": (5, {}),
    "deauthenticate:3@1%": (1, {}),
    "forged-deauthenticate@1%": (1, {}),
    "wrong-key": (1, {"psk": "a passphrase"}),
    "rssi:-85@1%": (1, {}),
    "router-restart:off=1s,channel=11@1%": (2, {}),
    "channel-switch:announced=no@1%": (1, {}),
    "dhcp-other-subnet@1%": (1, {}),
    "lease-refused": (1, {}),
    "roam:2s@1%": (11, {}),
    "interference:20%,5%@1%": (5, {}),
    "ap-forgets-station@1%": (1, {}),
    "dhcp-silent": (2, {}),
    "dhcp-late:2s": (1, {}),
    "dns-fail": (1, {"request": "http://ota.example/app.rbl"}),
    "dns-fail:silent": (1, {"request": "http://ota.example/app.rbl"}),
    "connection-refused": (1, {}),
    "connection-reset@1%": (1, {}),
    "connection-close@1%": (1, {}),
    "network-stall@1%": (3, {}),
    "network-slow:burst=10,rate=10@1%": (3, {}),
    "body-corrupt:times=2@1%": (2, {}),
    "http-status:500": (1, {}),
    "http-redirect": (1, {}),
    "http-length": (1, {}),
    "http-no-length": (1, {}),
    "http-truncated:1%": (1, {}),
    "http-chunked": (1, {}),
    "http-wrong-file": (1, {}),
}
NO_DOWNLOAD = {"wrong-key", "dhcp-silent", "dhcp-late:2s", "connection-refused", "http-status:500", "http-redirect"}
OTHER_BYTES = {"body-corrupt:times=2@1%", "http-wrong-file", "http-chunked"}


def downloaded(dut, flash):
    """How many bytes of the package the device has written. All of the download partition that is not erased is the
    package's, and nothing else of the firmware has changed."""
    data = dut.update.package.data
    part = flash[expected.DOWNLOAD : expected.END]
    written = len(part.rstrip(b"\xff"))
    assert part[:written] == data[:written]
    assert flash[: expected.DOWNLOAD] == flash.before[: expected.DOWNLOAD], "boot loader and app"
    return written


@pytest.mark.parametrize("fault", CASES)
def test_it_fires_and_the_flash_is_sound(dut, flash, fault):
    times, settings = CASES[fault]
    dut.configure(faults=[fault], **settings)
    struck = dut.faults[0]
    dut.wait(lambda: struck.count >= times, within="15 s")
    assert dut.fired().count >= times
    dut.run("200 ms")
    if fault in OTHER_BYTES:
        assert flash.data[:0x132000] == flash.before[:0x132000]
    else:
        written = downloaded(dut, flash)
        first = struck.firings[0]
        if "@1%" in fault and fault.partition(":")[0] not in ("frame-loss", "frame-duplicate", "frame-reorder"):
            assert written <= TOTAL // 4 and first.time > 6_000_000
        if fault in NO_DOWNLOAD or fault.startswith("dns"):
            assert written == 0


def test_a_place_in_the_download_is_exact(dut, flash, air):
    dut.configure(faults=["connection-close@70001B"])
    aborted = air.expect("HttpBodyAborted")
    assert dut.fired().count == 1 and (aborted.acknowledged, aborted.total) == (70001, TOTAL)
    assert downloaded(dut, flash) <= 70001


@pytest.mark.parametrize("share", [1, *(pytest.param(share, marks=pytest.mark.nightly) for share in (50, 99))])
def test_the_vendors_problem_2_is_named(dut, flash, share):
    """The guide's "the download does not complete": the network drops, and the device waits."""
    dut.configure(faults=[f"network-stall@{share}%"])
    result = dut.verdict()
    assert result.verdict.value == "device-waits" and result.silent == []
    arrived = round(TOTAL * share / 100)
    assert f"of {TOTAL} bytes had arrived" in result.reason and f"network-stall@{share}%" in result.reason
    assert int(result.reason.partition("(")[2].split()[0]) <= arrived
    assert arrived - 4096 * 2 < downloaded(dut, flash) <= arrived


def test_a_truncated_file_is_refused_by_the_boot_loader(dut, flash):
    dut.configure(faults=["http-truncated:2%"])
    result = dut.verdict()
    assert result.verdict.value == "old-app-retries-each-boot" and "Verify firmware CRC32" in result.reason
    assert downloaded(dut, flash) == round(TOTAL * 0.02)


def test_a_fault_that_never_fires_is_reported(dut):
    dut.configure(faults=["dhcp-silent:1s"], within=7)
    result = dut.verdict()
    assert result.silent == ["dhcp-silent:1s"] == result.as_json()["faults_never_fired"]
    assert result.faults[0]["fired"] == 0
