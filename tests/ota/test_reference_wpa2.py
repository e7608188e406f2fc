"""The reference app on a protected network: keys that change, and keys that are given in hexadecimal."""

import hashlib
import random

from bk7238.air.access_point import AccessPoint
from bk7238.air.events import HandshakeCompleted
from bk7238.air.wpa2 import Wpa2
from ota.test_reference_console import Terminal

PASSPHRASE = "correct horse"


class ProtectedTerminal(Terminal):
    def __init__(self, rekey_every=0):
        super().__init__(ssid=b"Other")
        self.security = Wpa2(PASSPHRASE, random.Random(5), rekey_every=rekey_every)
        self.protected = AccessPoint(
            b"Bench",
            bssid=bytes.fromhex("02aabbccdd02"),
            channel=11,
            network=self.network,
            rng=random.Random(6),
            security=self.security,
        )
        self.air.add(self.protected)
        self.happened = []
        self.air.on_event(self.happened.append)


def test_the_group_key_changes_and_broadcasts_are_still_heard():
    terminal = ProtectedTerminal(rekey_every=10)
    assert "IP up: 192.168.77.50" in terminal.type(b"sta Bench correct\\ horse\r", 5000)
    terminal.wait(35_000)
    assert "disconnected" not in terminal.machine.uart1.text
    assert any(isinstance(event, HandshakeCompleted) for event in terminal.happened)
    station = next(iter(terminal.protected.stations)).address
    question = bytes.fromhex("0001080006040001") + bytes.fromhex("02000000000a") + bytes((192, 168, 77, 10))
    question += bytes(6) + bytes((192, 168, 77, 50))
    heard = []
    terminal.network.receive, answered = lambda frame, now: heard.append(frame) or [], terminal.network.receive
    terminal.protected.send(b"\xff" * 6 + bytes.fromhex("02000000000a0806") + question, terminal.machine.now)
    terminal.wait(500)
    terminal.network.receive = answered
    assert any(frame[6:12] == station and frame[12:14] == b"\x08\x06" for frame in heard), "it answered the ARP request"


def test_a_key_in_hexadecimal():
    key = hashlib.pbkdf2_hmac("sha1", PASSPHRASE.encode(), b"Bench", 4096, 32).hex()
    terminal = ProtectedTerminal()
    assert "IP up: 192.168.77.50" in terminal.type(f"sta Bench {key}\r".encode(), 4000)


def test_a_protected_network_without_a_key_and_the_other_way_round():
    terminal = ProtectedTerminal()
    assert "the network wants a key" in terminal.type(b"sta Bench\r", 2000)
    assert "the network is open, the key is for another" in terminal.type(b"sta Other 12345678\r", 4000)


def test_a_wrong_key_is_named():
    terminal = ProtectedTerminal()
    assert "4-way handshake failed: is the key right?" in terminal.type(b"sta Bench wrong\\ horse\r", 8000)
