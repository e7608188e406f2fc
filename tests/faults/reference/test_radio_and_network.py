"""Faults of radio, network and web server on the reference firmware: to a verdict, with a cause, and every byte."""

import pytest
from images import update_package

from faults.reference.trunk import DOWNLOAD, NEW, OLD, RETRIES, WAITS, put, undisturbed
from faults.test_radio_and_network import CASES

# Where the device ends if the new app does not run, what the reason says, and how much the app has written of what
# was sent to it: whole pieces of 1 KiB, and the last one.
ENDS = {
    "wrong-key": (WAITS, "the MIC of message 2 of the key handshake is wrong", 0),
    "dhcp-other-subnet@1%": (WAITS, "router: is 192.168.76.1 now", 0),
    "dhcp-silent": (WAITS, "did not answer", 0),
    "dns-fail": (WAITS, "knows no ota.example", 0),
    "dns-fail:silent": (WAITS, "did not answer for ota.example", 0),
    "connection-refused": (WAITS, "refused", 0),
    "network-stall@1%": (WAITS, "did not pass", 0),
    "network-slow:burst=10,rate=10@1%": (WAITS, "sends 10 more", 0),
    "http-status:500": (WAITS, "the server answered 500", 0),
    "http-redirect": (WAITS, "the server answered 302", 0),
    "http-length": (WAITS, "broke off at 27,984 of 28,984 bytes: closed by the server", 27 * 1024),
    "http-no-length": (WAITS, "did not complete", 0),
    "http-chunked": (WAITS, "did not complete", 0),
    "body-corrupt:times=2@1%": (RETRIES, "Verify firmware CRC32", 27984),
    "http-truncated:1%": (RETRIES, "Verify firmware CRC32", 280),
    "http-wrong-file": (OLD, "header in the download partition is damaged", 35),
}


def sent(fault):
    """What the faulty server or network sends as the package."""
    data = update_package().data
    if fault == "http-wrong-file":
        return b"<html><body>It works!</body></html>"
    if fault == "body-corrupt:times=2@1%":  # the middle of the first two whole segments behind 1 %
        return put(data, *((at, bytes((data[at] ^ 0xFF,))) for at in (280 + 730, 280 + 1460 + 730)))
    return data


@pytest.mark.parametrize("fault", CASES)
def test_it_fires_and_every_byte_is_accounted_for(dut, flash, fault):
    verdict, reason, written = ENDS.get(fault, (NEW, "", 0))
    dut.configure(faults=[fault], **CASES[fault][1])
    dut.expect_verdict(verdict, reason)
    if verdict == NEW:
        assert flash.data == undisturbed(delivered=False).after
    else:
        assert flash.data == put(flash.before, (DOWNLOAD, sent(fault)[:written]))
    assert "@1%" not in fault or dut.fired().firings[0].time > 1_100_000, "not before the download"


def test_the_table_is_of_these_faults():
    assert set(ENDS) <= set(CASES)
