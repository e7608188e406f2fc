"""tshark decrypts what a capture holds, with the keys written beside it, whatever passphrases and SSIDs are like."""

import os
import random
from itertools import product

import pytest
from sae_peer import SaePeer
from supplicant import Supplicant
from wpa_peer import OldPeer

from bk7238 import resources
from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.air.routers import ROUTERS
from bk7238.air.wpa2 import Wpa2
from bk7238.cli import main
from bk7238.cli.recording import captured
from bk7238.formats import rsn
from bk7238.network.network import Network

HARD = "%\":\\+&#,' "
NETWORKS = [  # SSID, passphrase
    (b"Bench", "correct horse"),
    (b"Bench", "another one, same SSID"),
    (b"\xff" * 32, (HARD * 7)[:63]),
    (b'"a:b%\\,#' + bytes(range(0x80, 0x98)), "%" * 63),
    ("\u6f22\u5b57\u00fc".encode(), '"' * 63),
    (b" ", ":" * 8),
    (b"0123456789abcdef" * 2, "".join(map(chr, range(32, 95)))),
    (b"\x01\n\t\x7f", "".join(map(chr, range(64, 127)))),
]


def test_hard_networks_side_by_side(tshark, tmp_path):
    air = Medium()
    for number, (ssid, passphrase) in enumerate(NETWORKS):
        network, keys = Network(random.Random(number)), Wpa2(passphrase, random.Random(number))
        air.add(AccessPoint(ssid, network=network, rng=random.Random(number), bssid=_bssid(number), security=keys))
    with captured(tmp_path, air):
        for number, (ssid, passphrase) in enumerate(NETWORKS):
            mac = bytes((2, 0, 0, 0, 0, number))
            station = Supplicant(air, mac, bssid=_bssid(number), passphrase=passphrase, ssid=ssid)
            station.now = 1_000_000 * (number + 1)
            station.join()
            assert station.data(b"\xff" * 6 + mac + b"\x08\x06" + f"network {number}".encode().ljust(46, b"\0"))
            station.listen()
    assert len((tmp_path / "80211_keys").read_text().splitlines()) == len(NETWORKS)
    rows = _fields(tshark, tmp_path, "wlan.fc.protected == 1", "wlan.bssid", "frame.protocols")
    assert {bssid for bssid, _ in rows} == {_bssid(number).hex(":") for number in range(len(NETWORKS))}
    assert [row for row in rows if not row[1].endswith(":llc:arp")] == [], "all of it is decrypted"


def test_each_master_key_of_sae(tshark, tmp_path):
    """Of two networks with one password, and of a station that joins twice."""
    air = Medium()
    for number, offered in enumerate((rsn.WPA3_SAE, rsn.WPA3_TRANSITION)):
        network, keys = Network(random.Random(number)), Wpa2("correct horse", random.Random(number), offered=offered)
        air.add(AccessPoint(b"Bench", network=network, rng=random.Random(number), bssid=_bssid(number), security=keys))
    with captured(tmp_path, air):
        for number in (0, 1, 0):
            station = SaePeer(air, bytes((2, 0, 0, 0, 0, 9)), bssid=_bssid(number), passphrase="correct horse")
            station.now = (1 + air.sent) * 1_000_000
            station.join()
            assert station.data(b"\xff" * 6 + station.mac + b"\x08\x06" + b"here".ljust(46, b"\0"))
            station.listen()
    assert len((tmp_path / "80211_keys").read_text().splitlines()) == 4, "three of SAE and one that is pre-shared"
    names = ("wlan.rsn.akms.type", "wlan.fc.type_subtype", "wlan.fc.protected", "wlan.fc.type", "frame.protocols")
    rows = _fields(tshark, tmp_path, "wlan", *names)
    associations = [akms for akms, subtype, *_ in rows if "8" in akms.split(",") and int(subtype, 0) == 0]
    assert len(associations) == 4, "one comes back, and is told to wait"
    protected = [(kind, seen.split(":")) for *_, is_protected, kind, seen in rows if is_protected in ("1", "True")]
    assert len([seen for _, seen in protected if "arp" in seen]) >= 3
    assert [seen for kind, seen in protected if kind == "2" and "llc" not in seen] == []


@pytest.mark.full
@pytest.mark.parametrize(
    ("router", "by_wpa", "pairwise"),
    [*product(["mixed"], [False, True], [rsn.CCMP, rsn.TKIP]), ("wpa", True, rsn.TKIP)],
)
def test_tkip(tshark, tmp_path, router, by_wpa, pairwise):
    """Both ways, and to all."""
    air, keys = Medium(), Wpa2("correct horse", random.Random(1), **ROUTERS[router]._asdict())
    access_point = AccessPoint(b"Bench", network=Network(random.Random(2)), rng=random.Random(3), security=keys)
    air.add(access_point)
    with captured(tmp_path, air):
        station = OldPeer(air, by_wpa=by_wpa, pairwise=pairwise, passphrase="correct horse")
        station.join()
        for to in (b"\xff" * 6, station.mac):
            access_point.send(to + bytes.fromhex("02aabbccdd77") + b"\x08\x06" + b"here".ljust(46, b"\0"), station.now)
            keys.rekey(station.now)
            air.on_change()
            station.serve()
        assert station.data(b"\xff" * 6 + station.mac + b"\x08\x06" + b"there".ljust(46, b"\0"))
        station.listen()
    rows = _fields(tshark, tmp_path, "wlan.fc.protected == 1", "wlan.tkip.extiv", "frame.protocols")
    arp = [extiv for extiv, seen in rows if "arp" in seen.split(":")]
    assert len(arp) >= 3 and sum(map(bool, arp)) == (len(arp) if pairwise == rsn.TKIP else 1)
    assert [seen for _, seen in rows if "llc" not in seen.split(":")] == [], "all of it is decrypted"


def _fields(tshark, folder, chosen, *names):
    """These fields of the frames that a filter chooses, each as tshark writes it."""
    options = (part for name in names for part in ("-e", name))
    return [row.split("\t") for row in tshark(folder, "-Y", chosen, "-T", "fields", *options)]


def _bssid(number):
    return bytes((2, 0xAA, 0, 0, 0, number))


def test_the_keys_of_a_passphrase_that_was_changed_are_there_too(tmp_path):
    air, keys = Medium(), Wpa2("correct horse", random.Random(1))
    air.add(AccessPoint(b"Bench", network=Network(random.Random(2)), rng=random.Random(3), security=keys))
    with captured(tmp_path, air):
        keys.change("battery staple")
    first, second = (tmp_path / "80211_keys").read_text().splitlines()
    assert first == f'"wpa-psk","{keys.pmks[0].hex()}"' and second == f'"wpa-psk","{keys.pmks[1].hex()}"' != first


@pytest.mark.full
def test_an_update_of_the_reference_firmware(tshark, tmp_path):
    built = resources.reference()
    command = ["ota", str(built / "reference_1.0.0.bin"), str(built / "reference_1.0.1_gzip_aes.rbl"), "--json"]
    psk, ssid = ("%:+'&#" * 11)[:63], os.fsdecode(b'\xff:"' + b"%" * 21)
    assert main([*command, "--psk", psk, "--ssid", ssid, "--artifacts", str(tmp_path)]) == 0
    assert len(tshark(tmp_path, "-Y", "wlan.fc.protected == 1")) > 15
    assert tshark(tmp_path, "-Y", "wlan.fc.protected == 1 && !llc") == []
    tshark(tmp_path, "-q", "--export-objects", f"http,{tmp_path / 'bodies'}")
    [body] = (tmp_path / "bodies").iterdir()
    assert body.read_bytes() == (built / "reference_1.0.1_gzip_aes.rbl").read_bytes()
