"""The bench: what settings choose is what stands around the device, whichever command asks for it."""

import ast
import json
from pathlib import Path

import pytest

from bk7238 import Settings, Update, flash_image, package, resources
from bk7238.air.misbehaviour import Misbehaviour
from bk7238.air.radio_mode import RadioMode
from bk7238.air.routers import ROUTERS
from bk7238.bench.bench import Bench
from bk7238.cli import main
from bk7238.formats import ieee80211 as dot11
from bk7238.network.network import Network

ROOT = Path(__file__).resolve().parents[2]
BUILT = resources.reference()


@pytest.fixture(scope="module")
def image():
    return flash_image.read(BUILT / "reference_1.0.0.bin")


def test_what_settings_choose(image):
    settings = Settings(
        ssid="Told",
        ap_ssid="Own",
        psk="correct horse",
        ap_psk="another horse",
        channel=11,
        hidden=True,
        ht=True,
        country="de",
        misbehaviour="silent-at=message-3",
        serve={"/more.txt": b"more"},
        flash_size="4M",
        seed=7,
    )
    bench = Bench(settings, image)
    assert (bench.machine.flash.size, bench.machine.seed) == (0x400000, 7)
    assert bench.network.http.files == {"/more.txt": b"more"} and bench.air.access_points == []
    point = bench.put_on_air()
    assert bench.air.access_points == [point] and point.network is bench.network
    assert (point.ssid, point.channel, point.security.passphrase) == (b"Own", 11, "another horse")
    assert (point._bss.hidden, point._bss.radio_mode) == (True, RadioMode(ht=True, country="DE"))
    assert point._membership._misbehaviour == Misbehaviour(silent_at="message-3")
    bench.power_on()
    assert bench.machine.air is bench.air


@pytest.mark.parametrize("router", [None, *ROUTERS])
def test_a_routers_setting(image, router):
    point = Bench(Settings(psk="correct horse", router=router), image).put_on_air()
    offered, wpa = ROUTERS[router or "wpa2"] or (None, None)
    elements = point.security.elements
    assert dot11.find_element(elements, dot11.RSN) == (None if offered is None else offered.pack())
    assert dot11.find_element(elements, dot11.VENDOR) == (None if wpa is None else wpa.pack_wpa())


@pytest.mark.parametrize(
    ("settings", "ssid", "passphrase"),
    [
        ({}, b"Bench", None),
        ({"ssid": "Shelf", "psk": "correct horse"}, b"Shelf", "correct horse"),
        ({"psk": "correct horse", "ap_psk": ""}, b"Bench", None),
        ({"ap_psk": "correct horse"}, b"Bench", "correct horse"),
    ],
)
def test_the_access_points_own(image, settings, ssid, passphrase):
    point = Bench(Settings(**settings), image).put_on_air()
    assert (point.ssid, getattr(point.security, "passphrase", None)) == (ssid, passphrase)


def test_what_is_outside(image):
    bench = Bench(Settings(gateway=["127.0.0.1:80", "127.0.0.1:81"]), image)
    bench.put_on_air()
    assert {port: type(one).__name__ for port, one in bench.network.tcp._services.items()} == {
        80: "Gateway",
        81: "Gateway",
    }
    assert bench.machine.digest().endswith("+gateway")
    with pytest.raises(ValueError, match="interface name"):
        Bench(Settings(tap="an interface"), image).put_on_air()
    cable = Network(bench.machine.random("another"))
    assert Bench(Settings(), image).put_on_air(lambda _behind: cable).network is cable


def test_two_benches_of_one_seed_are_one(image):
    update_package = package.read(BUILT / "reference_1.0.1_none_aes.rbl")
    settings = Settings(psk="correct horse", seed=5, within="300 ms")
    digests = {Update(image, update_package, settings).run().digest for _ in range(2)}
    assert len(digests) == 1


def test_run_and_the_bench_are_the_same(image, capsys):
    assert (
        main(
            [
                "run",
                str(BUILT / "reference_1.0.0.bin"),
                "--ssid=Own",
                "--no-configure",
                "--seed=5",
                "--within=2 s",
                "--json",
            ]
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    bench = Bench(Settings(ssid="Own", seed=5), image)
    bench.put_on_air()
    bench.power_on()
    bench.machine.run(until=2_000_000)
    assert said["digest"] == bench.machine.digest()


def test_nobody_else_assembles_one():
    """Access points are made by the bench."""
    makers = set()
    texts = {path: path.read_text() for path in (ROOT / "bk7238").rglob("*.py")}
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)) if "AccessPoint" in text else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AccessPoint":
                makers.add(str(path.relative_to(ROOT / "bk7238")))
    assert makers == {"bench/bench.py"}
