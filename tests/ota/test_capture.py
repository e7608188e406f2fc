"""What a device on a WPA2 network leaves of the air: Wireshark decrypts all of it, and finds the package of an update
in it."""

import hashlib
import os
import shutil
import subprocess

import pytest
from images import FULL, GZIP, OTHER_BOARDS, vendor

from bk7238.cli import main

pytestmark = pytest.mark.full

PSK, SSID = 'pass: 100% "sure"', "Caf\u00e9: +1"


UPDATE = pytest.param(None, id="update")


@pytest.fixture(scope="module", params=[UPDATE, *OTHER_BOARDS])
def board(request):
    """The board on which a device joins a network; None for an update of the usual one, which joins twice."""
    return request.param


@pytest.fixture(scope="module")
def artifacts(board, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    files = ["ota", vendor(FULL), vendor(GZIP), "--hidden"] if board is None else ["run", vendor(board.file)]
    options = ["--psk", PSK, "--ssid", SSID, "--within", "180" if board is None else "16", "--json"]
    assert main([*map(str, files), *options, "--artifacts", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def tshark(artifacts, tmp_path_factory):
    """Runs tshark on the capture, with the artifacts as its configuration folder; its output by line."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("needs Debian's package tshark")
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments, keys=True):
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(artifacts if keys else elsewhere)}
        command = [program, "-r", str(artifacts / "air.pcapng"), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_the_keys_lie_beside_the_capture(artifacts):
    pmk = hashlib.pbkdf2_hmac("sha1", PSK.encode(), SSID.encode(), 4096, 32)
    assert (artifacts / "80211_keys").read_text() == f'"wpa-psk","{pmk.hex()}"\n'


def test_everything_is_decrypted(tshark, board):
    protected = tshark("-Y", "wlan.fc.protected == 1")
    assert len(protected) >= (500 if board is None else 5)
    assert tshark("-Y", "wlan.fc.protected == 1 && !llc") == []
    assert tshark("-Y", "_ws.malformed || _ws.expert.severity == error") == []
    assert tshark("-Y", "llc && !eapol", keys=False) == [], "nothing but the handshake can be read without the keys"


@pytest.mark.parametrize("board", [UPDATE], indirect=True, scope="module")
def test_the_package_is_in_it(tshark, tmp_path):
    tshark("-q", "--export-objects", f"http,{tmp_path}")
    [body] = [path for path in tmp_path.iterdir() if path.name == GZIP]
    assert body.read_bytes() == vendor(GZIP).read_bytes()


def test_the_handshake_and_what_the_radio_says(tshark, board):
    numbers = tshark("-Y", "eapol", "-T", "fields", "-e", "wlan_rsna_eapol.keydes.msgnr")
    assert numbers == ["1", "2", "3", "4"] * (2 if board is None else 1)
    fields = ["radiotap.channel.freq", "radiotap.dbm_antsignal", "radiotap.datarate", "frame.time_epoch"]
    rows = [row.split("\t") for row in tshark("-T", "fields", *(part for name in fields for part in ("-e", name)))]
    assert {row[0] for row in rows} >= {"2412", "2437"}
    assert {row[1] for row in rows} == {"-50", ""}, "what the device sends has no strength"
    assert all(row[2] for row in rows)
    times = [float(row[3]) for row in rows]
    assert times == sorted(times) and times[-1] < 180
