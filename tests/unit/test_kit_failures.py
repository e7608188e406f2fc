"""What is left of a test that fails: on the terminal, in JUnit's file, in the artifacts."""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from scapy.layers.dot11 import Dot11CCMP
from scapy.utils import rdpcap

from bk7238 import resources
from bk7238.testing import kit  # noqa: F401  # else each of pytester's runs has classes of its own
from bk7238.update import boots  # noqa: F401

pytest_plugins = ["pytester"]

BUILT = resources.reference()
FILES = [f"--bk7238-image={BUILT}/reference_1.0.0.bin", f"--bk7238-package={BUILT}/reference_1.0.1_none_aes.rbl"]
TESTS = """
import pytest

@pytest.fixture
def joined(dut):
    dut.expect("Mars", within="5 ms")

def test_fixture(joined):
    pass

def test_expect(dut, ap, flash, air, server, power):
    dut.expect("never", within="50 ms")

def test_setting(dut):
    dut.configure(channel=99)

def test_partition(flash):
    flash.partition("x")

@pytest.mark.bk7238(channel=99)
def test_marker(dut):
    pass

def test_bug(dut):
    dut.machine.run(until="soon")

@pytest.mark.bk7238(delivered=True)
def test_verdict(dut):
    dut.expect_verdict("brick")

def test_made(make_dut):
    make_dut(seed=5).expect("go os_addr", within="1 s")
    make_dut(image="reference.bin", update=False).expect("never", within="5 ms")
"""


def run(pytester, chosen, *options):
    """The text of a failure on the terminal, and its test case in JUnit's file."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest(*FILES, "-k", f"test_{chosen}", "--junitxml=junit.xml", *options)
    (case,) = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    return result.stdout.str(), case


@pytest.mark.full
def test_no_frame_of_the_kit_is_in_a_traceback(pytester):
    """But where the simulator is at fault: then all of them are."""
    for chosen, said in (
        ("fixture", "NotSeen: no line matched 'Mars'"),
        ("expect", "NotSeen: no line matched 'never'"),
        ("setting", "ValueError: channel: channels go from 1 to 14, not 99"),
        ("partition", "KeyError: \"there is no partition 'x'"),
    ):
        shown, case = run(pytester, chosen)
        assert said in shown and said in case[-1].text
        assert "kit.py" not in shown and "bk7238/" not in shown.partition("replay:")[0] and "def _read" not in shown
    shown, _ = run(pytester, "bug")
    assert "TypeError" in shown and "machine.py" in shown
    shown, _ = run(pytester, "expect", "--full-trace")
    assert "kit.py" in shown


def test_an_error_is_said_once(pytester):
    shown, case = run(pytester, "marker")
    assert "During handling" not in shown and "During handling" not in case[-1].text
    assert case[-1].text.strip() == "bk7238: channel: channels go from 1 to 14, not 99"


def test_junit_has_consoles_digest_and_replay(pytester):
    shown, case = run(pytester, "expect")
    (failure,) = case.iter("failure")
    for text in (
        "bk7238 uart1",
        "go os_addr(0x10000)",
        "bk7238 uart2",
        "no verdict yet, in phase join",
        "replay: pytest",
    ):
        assert failure.text.count(text) == shown.count(text) == 1
    found = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert set(found) == {"bk7238_digest", "bk7238_replay"} and f"digest {found['bk7238_digest']}," in failure.text
    assert found["bk7238_replay"].startswith("pytest test_junit_has_consoles_digest_and_replay.py::test_expect ")


def test_junit_has_the_verdict(pytester):
    shown, case = run(pytester, "verdict")
    found = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert found["bk7238_verdict"].startswith("new-app-runs: the package was installed")
    assert f"verdict: {found['bk7238_verdict']}" in shown and "<device with reference_1.0.0.bin at " in shown


def test_devices_that_a_test_makes_are_shown_and_saved(pytester):
    shutil.copy(BUILT / "reference_1.0.0.bin", pytester.path / "reference.bin")
    shown, case = run(pytester, "made", "--bk7238-artifacts=out")
    (failure,) = case.iter("failure")
    for text in ("device-1 uart1", "device-2 uart1", "seed 5,", "seed 0,", "replay: pytest"):
        assert failure.text.count(text) == shown.count(text) == 1, text
    assert "kit.py" not in shown
    found = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert set(found) == {"bk7238_device-1_digest", "bk7238_device-2_digest", "bk7238_replay"}
    assert f"--bk7238-image={BUILT}" in found["bk7238_replay"] and "seed" not in found["bk7238_replay"]
    (folder,) = pytester.path.glob("out/*")
    left = [folder / "device-1" / name for name in ("crash.txt", "result.json", "notes.txt")]
    for path in left:
        path.write_text("of another run")
    run(pytester, "made", "--bk7238-artifacts=out")
    assert [path.exists() for path in left] == [False, False, True]
    assert b"go os_addr" in (folder / "device-1" / "uart1.log").read_bytes()
    again = (folder / "device-2" / "replay").read_text()
    assert again == f"cd {pytester.path} && {found['bk7238_replay']}\n"


def test_representations_say_something(dut, ap, flash, air, server, power):
    things = (dut, ap, flash, air, server, power, dut.pins, dut.http, dut.network)
    assert not any(" object at 0x" in repr(one) for one in things) and not dut.made
    dut.run("300 ms")
    assert not any(" object at 0x" in repr(one) for one in (*things, air.frames[0], dut.pins[3]))
    beneath = (dut.image, dut.package, dut.machine, dut.update, dut.machine.uart1, dut.crashes)
    assert all(repr(one).startswith("<") and len(repr(one)) < 200 for one in beneath)
    assert not any(" object at 0x" in repr(one) for one in beneath)
    assert repr(dut.image) == "<image reference_1.0.0.bin: 1,253,376 bytes of BK7238>"
    assert repr(dut) == "<device with reference_1.0.0.bin at 0.300 s, in phase join>"
    assert repr(ap) == "<access point 'Bench' on channel 6: no stations>"
    assert repr(air.frames[0]).startswith("<41 bytes from the device at 0.") or "bytes to the device" in repr(
        air.frames[0]
    )


@pytest.mark.full
def test_the_artifacts_have_the_air(pytester):
    """Also of a device that has joined from the cache of boots, whose handshake was before."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bk7238(update=False, psk="correct horse")
        def test(dut):
            dut.join()
            dut.send(f"ping {dut.network.address}")
            dut.expect("icmp_seq=3", within="10 s")
        """
    )
    pytester.runpytest(*FILES, "--bk7238-artifacts=out").assert_outcomes(passed=1)
    (folder,) = pytester.path.glob("out/*")
    assert sum(Dot11CCMP in packet for packet in rdpcap(str(folder / "air.pcapng"))) >= 8
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("needs Debian's package tshark")
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)}
    command = [program, "-r", str(folder / "air.pcapng"), "-Y", "icmp"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert len(found.stdout.splitlines()) == 8, found.stdout
