"""The reference app's console: commands, editing, and a network to use them on."""

import random

import pytest
from boot.reference import built

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.machine import Machine
from bk7238.network.network import Network

MILLISECOND = 1_000


class Terminal:
    def __init__(self, ssid=b"Bench", seed=0):
        self.machine = Machine(built("reference_1.0.0.bin"), seed=seed)
        self.network = Network(random.Random(seed))
        self.access_point = AccessPoint(ssid, network=self.network, rng=random.Random(seed + 1))
        self.air = Medium([self.access_point])
        self.machine.connect_air(self.air)
        self.wait(100)

    def wait(self, milliseconds):
        self.machine.run(self.machine.now + milliseconds * MILLISECOND)

    def type(self, text, milliseconds=200):
        """Type and give what was printed from then on."""
        start = len(self.machine.uart1.output)
        self.machine.uart1.send(text)
        self.wait(milliseconds)
        return bytes(self.machine.uart1.output[start:]).decode().replace("\r\n", "\n")

    def join(self):
        return self.type(b"sta Bench\r", 1500)


@pytest.fixture
def terminal():
    return Terminal()


def test_characters_are_echoed_and_lines_end_with_cr(terminal):
    assert terminal.type(b"versiom\bn") == "versiom\b \bn"
    assert terminal.type(b"\n") == ""
    assert terminal.type(b"\r") == "\nreference app, version 1.0.0\n\n$ "


def test_words(terminal):
    assert "command 'no such \"thing' not found" in terminal.type(b'"no such \\"thing" here\r')
    assert terminal.type(b"   \r") == "   \n\n$ "
    assert terminal.type(b"a" * 200 + b"\r", 400).startswith("a" * 128 + "\n")


def test_version_help_and_time(terminal):
    assert "http_ota <url>: download an update and install it" in terminal.type(b"help\r", 500)
    assert "reference app, version 1.0.0" in terminal.type(b"version\r")
    assert " ms" in terminal.type(b"time\r")


def test_flash(terminal):
    terminal.machine.flash.load(bytes(range(32)), 0x132000)
    printed = terminal.type(b"flash R 0x132000 18\r")
    assert "132000: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n132010: 10 11\n" in printed
    terminal.type(b"flash E 0x132000\r")
    assert terminal.machine.flash.data[0x132000:0x132020] == b"\xff" * 32


def test_reboot_says_why_it_started(terminal):
    printed = terminal.type(b"reboot\r", 500)
    assert terminal.machine.resets == 1
    assert "bk_reboot(1)\nwdt reboot\n" in printed
    assert "bk_misc_init_start_type 1 1" in printed


def test_the_watchdog_is_fed(terminal):
    terminal.wait(30_000)
    assert terminal.machine.resets == 0


def test_idling_costs_next_to_nothing(terminal):
    before = terminal.machine.instructions
    terminal.wait(10_000)
    assert terminal.machine.instructions - before < 3_000_000, "10 s of which nearly all is skipped"


def test_scan(terminal):
    assert "channel 6, -50 dBm, open: Bench" in terminal.type(b"scan\r", 1500)


def test_ifconfig_and_ping(terminal):
    assert "not joined" in terminal.type(b"ifconfig\r")
    assert "IP up: 192.168.77.50" in terminal.join()
    printed = terminal.type(b"ifconfig\r")
    assert "02:42:4b:72:38:01, joined" in printed and "gateway 192.168.77.1 dns 192.168.77.1" in printed
    assert terminal.type(b"ping 192.168.77.1\r", 500).count("32 bytes from 192.168.77.1 icmp_seq=") == 4


def test_ping_without_an_answer(terminal):
    terminal.join()
    assert terminal.type(b"ping 192.168.77.99\r", 12_000).count("ping: timeout") == 4


def test_names_are_asked_for(terminal):
    terminal.network.dns.names = {"update.example": bytes((192, 168, 77, 1))}
    terminal.join()
    assert "32 bytes from 192.168.77.1 icmp_seq=3" in terminal.type(b"ping update.example\r", 500)
    assert "ping: no such host" in terminal.type(b"ping nobody.example\r", 5000)


def test_it_finds_its_way_back(terminal):
    """The access point vanishes, is missed after ten seconds, and is joined again when it is back."""
    terminal.join()
    terminal.access_point.switch_off()
    assert "disconnected: no beacons" in terminal.type(b"", 12_000)
    terminal.access_point.switch_on(terminal.machine.now, forget=True)
    assert "IP up: 192.168.77.50" in terminal.type(b"", 5000)


def test_it_is_thrown_out_and_comes_back(terminal):
    terminal.join()
    station = next(iter(terminal.access_point.stations)).address
    terminal.access_point.deauthenticate(station, 7, terminal.machine.now)
    printed = terminal.type(b"", 4000)
    assert "disconnected: sent away, reason 7" in printed and "IP up: 192.168.77.50" in printed


def test_a_url_that_cannot_be(terminal):
    terminal.join()
    for url in (b"https://192.168.77.1/x", b"http://192.168.77.1", b"nonsense", b"http://"):
        assert "http_ota download failed." in terminal.type(b"http_ota " + url + b"\r", 1000)
    assert "cannot connect to 192.168.77.1" in terminal.type(b"http_ota http://192.168.77.1:81/x\r", 3000)


def test_a_file_that_is_too_large(terminal):
    terminal.network.http.files["/large"] = bytes(0xAE001)
    terminal.join()
    before = bytes(terminal.machine.flash.data)
    printed = terminal.type(b"http_ota http://192.168.77.1/large\r", 3000)
    assert "do not fit the download partition" in printed and "http_ota download failed." in printed
    assert bytes(terminal.machine.flash.data) == before
