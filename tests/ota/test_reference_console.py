"""The reference app's console: commands, editing, and a network to use them on."""

import pytest

pytestmark = pytest.mark.bk7238(package=False, profile="none")


@pytest.fixture(autouse=True)
def started(dut):
    dut.run("100 ms")


def join(dut):
    return dut.type("sta Bench\r", "1.5 s")


def test_characters_are_echoed_and_lines_end_with_cr(dut):
    assert dut.type(b"versiom\bn") == "versiom\b \bn"
    assert dut.type(b"\n") == ""
    assert dut.type(b"\r") == "\nreference app, version 1.0.0\n\n$ "


def test_words(dut):
    assert "command 'no such \"thing' not found" in dut.type(b'"no such \\"thing" here\r')
    assert dut.type(b"   \r") == "   \n\n$ "
    assert dut.type(b"a" * 200 + b"\r", "400 ms").startswith("a" * 128 + "\n")


def test_version_help_and_time(dut):
    assert "http_ota <url>: download an update and install it" in dut.type(b"help\r", "500 ms")
    assert "reference app, version 1.0.0" in dut.type(b"version\r")
    assert " ms" in dut.type(b"time\r")


def test_flash(dut, flash):
    flash.load(bytes(range(32)), 0x132000)
    printed = dut.type(b"flash R 0x132000 18\r")
    assert "132000: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n132010: 10 11\n" in printed
    dut.type(b"flash E 0x132000\r")
    assert flash[0x132000:0x132020] == b"\xff" * 32


def test_reboot_says_why_it_started(dut):
    printed = dut.type(b"reboot\r", "500 ms")
    assert dut.machine.resets == 1
    assert "bk_reboot(1)\nwdt reboot\n" in printed
    assert "bk_misc_init_start_type 1 1" in printed


def test_the_watchdog_is_fed(dut):
    dut.run("30 s")
    assert dut.machine.resets == 0


def test_idling_costs_next_to_nothing(dut):
    before = dut.machine.instructions
    dut.run("10 s")
    assert dut.machine.instructions - before < 3_000_000, "10 s of which nearly all is skipped"


def test_scan(dut):
    assert "channel 6, -50 dBm, open: Bench" in dut.type(b"scan\r", "1500 ms")


def test_ifconfig_and_ping(dut):
    assert "not joined" in dut.type(b"ifconfig\r")
    assert "IP up: 192.168.77.50" in join(dut)
    printed = dut.type(b"ifconfig\r")
    assert "02:42:4b:72:38:01, joined" in printed and "gateway 192.168.77.1 dns 192.168.77.1" in printed
    assert dut.type(b"ping 192.168.77.1\r", "500 ms").count("32 bytes from 192.168.77.1 icmp_seq=") == 4


def test_ping_without_an_answer(dut):
    join(dut)
    assert dut.type(b"ping 192.168.77.99\r", "12 s").count("ping: timeout") == 4


def test_names_are_asked_for(dut):
    dut.bench.network.dns.names = {"update.example": bytes((192, 168, 77, 1))}
    join(dut)
    assert "32 bytes from 192.168.77.1 icmp_seq=3" in dut.type(b"ping update.example\r", "500 ms")
    assert "ping: no such host" in dut.type(b"ping nobody.example\r", "5 s")


def test_it_finds_its_way_back(dut, ap):
    """The access point vanishes, is missed after ten seconds, and is joined again when it is back."""
    join(dut)
    ap.off()
    assert "disconnected: no beacons" in dut.type(b"", "12 s")
    ap.on()
    assert "IP up: 192.168.77.50" in dut.type(b"", "5 s")


def test_it_is_thrown_out_and_comes_back(dut, ap):
    join(dut)
    ap.deauthenticate(7)
    printed = dut.type(b"", "4 s")
    assert "disconnected: sent away, reason 7" in printed and "IP up: 192.168.77.50" in printed


def test_a_url_that_cannot_be(dut):
    join(dut)
    for url in (b"https://192.168.77.1/x", b"http://192.168.77.1", b"nonsense", b"http://"):
        assert "http_ota download failed." in dut.type(b"http_ota " + url + b"\r", "1 s")
    assert "cannot connect to 192.168.77.1" in dut.type(b"http_ota http://192.168.77.1:81/x\r", "3 s")


def test_a_file_that_is_too_large(dut, flash, server):
    server.files["/large"] = bytes(0xAE001)
    join(dut)
    before = flash.data
    printed = dut.type(b"http_ota http://192.168.77.1/large\r", "3 s")
    assert "do not fit the download partition" in printed and "http_ota download failed." in printed
    assert flash.data == before
