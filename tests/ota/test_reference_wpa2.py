"""The reference app on a protected network: keys that change, and keys that are given in hexadecimal."""

import hashlib
import random

import pytest

from bk7238.air.wpa2 import Wpa2

pytestmark = pytest.mark.bk7238(package=False, profile="none", ap_ssid="Other")

PASSPHRASE = "correct horse"
ELSEWHERE = {"bssid": bytes.fromhex("02aabbccdd02"), "channel": 11}


@pytest.fixture(autouse=True)
def started(dut):
    dut.run("100 ms")


@pytest.fixture
def protected(air):
    return air.access_point("Bench", psk=PASSPHRASE, **ELSEWHERE)


def test_the_group_key_changes_and_broadcasts_are_still_heard(dut, air):
    air.access_point("Bench", security=Wpa2(PASSPHRASE, random.Random(5), rekey_every=10), **ELSEWHERE)
    assert "IP up: 192.168.77.50" in dut.type("sta Bench correct\\ horse\r", "5 s")
    dut.run("35 s")
    assert "disconnected" not in dut.machine.uart1.text
    assert len(air.events("HandshakeCompleted")) == 1 and len(air.events("GroupRekeyed")) >= 3
    assert air.arping()


@pytest.mark.usefixtures("protected")
def test_a_key_in_hexadecimal(dut):
    key = hashlib.pbkdf2_hmac("sha1", PASSPHRASE.encode(), b"Bench", 4096, 32).hex()
    assert "IP up: 192.168.77.50" in dut.type(f"sta Bench {key}\r", "4 s")


@pytest.mark.usefixtures("protected")
def test_a_protected_network_without_a_key_and_the_other_way_round(dut):
    assert "the network wants a key" in dut.type("sta Bench\r", "2 s")
    assert "the network is open, the key is for another" in dut.type("sta Other 12345678\r", "4 s")


@pytest.mark.usefixtures("protected")
def test_a_wrong_key_is_named(dut):
    assert "4-way handshake failed: is the key right?" in dut.type("sta Bench wrong\\ horse\r", "8 s")
