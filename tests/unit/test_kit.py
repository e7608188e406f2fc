"""The test kit as a test's author uses it: settings as they are written, what `expect` takes and gives, and what it
says of what did not happen."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from test_cli import files, refused  # noqa: F401

from bk7238 import resources
from bk7238.bench.settings import Settings
from bk7238.cli import main
from bk7238.network.host_server import GatewayServer, HostServer
from bk7238.testing import NotSeen
from bk7238.testing.patterns import matcher

pytest_plugins = "pytester"
ROOT = Path(__file__).parents[2]


# Settings


WRONG = [
    ("psk", "short", "8 to 63 printable ASCII characters"),
    ("psk", "", "leave it out for an open network"),
    ("psk", b"correct horse", "cannot be"),
    ("ap_psk", "short", "8 to 63 printable ASCII characters"),
    ("ap_psk", "caf\u00e9 caf\u00e9", "8 to 63 printable ASCII characters"),
    ("ap_psk", 12345678, "cannot be 12345678"),
    ("channel", 15, "channels go from 1 to 14"),
    ("channel", True, "channels go from 1 to 14"),
    ("ht", "no", "cannot be 'no'"),
    ("hidden", "no", "cannot be 'no'"),
    ("misbehaviour", "silent", "'silent': a misbehaviour is made of silent-at=STEP, "),
    ("profile", 1, "cannot be 1"),
    ("request", b"x", "cannot be b'x'"),
    ("serve", ["more.txt"], "more.txt: No such file or directory; name a file to serve"),
    ("serve", "more.txt", "cannot be 'more.txt'"),
    ("serve", {"/more.txt": "more"}, "files are bytes by path"),
    ("gateway", "http://127.0.0.1:8000", "HOST:PORT alone"),
    ("gateway", 8000, "cannot be 8000"),
    ("tap", 0, "cannot be 0"),
    ("flash_size", 3, "no flash of 0x3 bytes is known of the BK7238; it has 2M or 4M"),
    ("flash_size", [], "[] is no size"),
    ("engine", "qemu", "'qemu' is no engine"),
    ("seed", "x", "'x' is no whole number"),
    ("seed", 1.5, "cannot be 1.5"),
    ("gateway", "192.0.2.1:80", "192.0.2.1 is not on this machine"),
    ("gateway", ["127.0.0.1:80", "[::1]:80"], "two servers at port 80"),
    ("within", "soon", "'soon' is no time such as 20s"),
    ("within", [1], "cannot be [1]"),
    ("within", 0, "no number of seconds above 0"),
    ("within", float("nan"), "no time such as"),
    ("faults", "http-status", "cannot be 'http-status'"),
    ("delivered", "no", "cannot be 'no'"),
]


@pytest.mark.parametrize(("name", "value", "text"), WRONG)
def test_a_setting_that_cannot_be_is_refused_by_name(dut, name, value, text):
    with pytest.raises(ValueError, match=rf"^{name}\b.*{re.escape(text)}"):
        dut.configure(**{name: value})


def test_none_is_what_is_usual(dut):
    dut.configure(within="20 s", psk="correct horse")
    dut.configure(**{field.name: None for field in fields(Settings)})
    assert dut.settings == Settings()


def test_a_gateway_as_text(dut):
    dut.configure(gateway="127.0.0.1:8000")
    assert dut.settings.gateway == (GatewayServer(HostServer("127.0.0.1", 8000), 8000),)


def test_an_access_point_may_be_open_where_the_device_has_a_passphrase(dut):
    dut.configure(psk="correct horse", ap_psk="", within="3 s")
    assert dut.update.access_point.security.privacy is False
    assert dut.verdict().verdict.value != "new-app-runs"


def test_the_same_on_the_command_line(tmp_path, files, capsys):  # noqa: F811
    built = resources.reference()
    command = ["ota", str(built / "reference_1.0.0.bin"), str(built / "reference_1.0.1_gzip_aes.rbl")]
    assert (
        main([*command, "--psk", "correct horse", "--ap-psk", "", "--within", "3", "--artifacts", str(tmp_path)]) == 3
    )
    assert not (tmp_path / "80211_keys").exists(), "nothing on the air is protected"
    capsys.readouterr()
    for option in ("--psk", "--ap-psk"):
        assert "8 to 63" in refused(capsys, files.folder, *command, option, "short")
    assert "leave it out" in refused(capsys, files.folder, *command, "--psk", "")


# What is expected

LINE = "go os_addr(0x10000)"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (r"os_addr\((0x\w+)\)", "0x10000"),
        (rb"os_addr\((0x\w+)\)", b"0x10000"),
        (re.compile(r"OS_ADDR\((0x\w+)\)", re.IGNORECASE), "0x10000"),
        (re.compile(rb"os_addr\((0x\w+)\)"), b"0x10000"),
        (["never", rb"\((0x\w+)\)", "(go)"], "go"),  # the one that begins first in the line
        (("(go)", b"(g)o"), "go"),  # of two that begin at one place, the first
    ],
)
def test_what_expect_takes(dut, wanted, text):
    assert dut.expect(wanted, within="1 s")[1] == text
    assert dut.now < 1
    assert matcher(wanted)(LINE)[1] == text


def test_a_match_says_which_of_several_it_was(dut):
    assert dut.expect(["nothing", b"version"], within="1 s").re.pattern == b"version"


def test_expect_exact(dut):
    assert dut.expect_exact("os_addr(", within="1 s")[0] == "os_addr("
    assert matcher([b"0x1", "addr("], exact=True)(LINE)[0] == "addr("
    assert matcher("os_addr(0.10000)", exact=True)(LINE) is None


@pytest.mark.parametrize(
    ("wanted", "error", "text"),
    [
        (None, TypeError, "a pattern is text, bytes or a compiled pattern, or a list of these, not None"),
        (5, TypeError, "not 5"),
        (["a", None], TypeError, "not None"),
        ([["a"]], TypeError, "not ['a']"),
        ([], ValueError, "an empty list of patterns never matches"),
        ("os_addr(", ValueError, "no regular expression"),
    ],
)
def test_what_is_no_pattern(dut, wanted, error, text):
    with pytest.raises(error, match=re.escape(text)):
        dut.expect(wanted)
    assert not dut.made, "nothing has run for it"


def test_a_console_that_is_not_there(dut):
    for number in (0, 3, "1"):
        with pytest.raises(ValueError, match="UART 1 and 2"):
            dut.expect("x", console=number)
        with pytest.raises(ValueError, match="UART 1 and 2"):
            dut.send("x", console=number)


def test_what_is_typed_may_be_bytes(dut):
    dut.expect(r"\[THD\]cli", within="2 s")
    dut.run("100 ms")
    dut.send(b"versions")
    dut.expect_exact("versions", within="1 s")


def test_what_never_comes(dut):
    with pytest.raises(NotSeen, match=re.escape("no line matched ['never', b'nor'] within 10 ms")):
        dut.expect(["never", b"nor"], within="10 ms")


@pytest.mark.bk7238(delivered=True)
def test_the_lines_that_were_passed_over(dut):
    dut.expect("BK7238_")
    dut.expect("erase success", within="1 s")
    assert any("startup" in line for line in dut.before) and not any("BK7238_" in line for line in dut.before)


# What did not happen


@pytest.mark.bk7238(delivered=True)
@pytest.mark.fault("power-cut@flash-op=9", "brown-out@flash-op=9999")
def test_a_fault_that_never_fired(dut):
    with pytest.raises(NotSeen, match=r"^brown-out@flash-op=9999 never fired$"):
        dut.expect_verdict("new-app-runs")
    assert dut.fired().count == 1
    with pytest.raises(NotSeen, match=r"^brown-out@flash-op=9999 never fired$"):
        dut.fired(1)
    with pytest.raises(NotSeen, match=r"within 10 ms.*; brown-out@flash-op=9999 never fired$"):
        dut.expect("never", within="10 ms")


@pytest.mark.bk7238(delivered=True)
def test_a_verdict_with_another_reason(dut):
    for wanted in (("brick", ""), ("new-app-runs", "by chance")):
        with pytest.raises(NotSeen, match=rf"^{wanted[0]}: .*, was expected, not new-app-runs: the"):
            dut.expect_verdict(*wanted)
    assert dut.expect_verdict("new-app-runs", "installed") is dut.result


@pytest.mark.bk7238(package=False, profile="none")
@pytest.mark.fault("power-cut@5ms")
def test_resets(dut):
    dut.expect_reset()
    assert dut.now == 0.005 and dut.fired().count == 1
    with pytest.raises(NotSeen, match=r"^2 of 2 resets did not come within 10 ms$"):
        dut.expect_reset(within="10 ms", count=2)


@pytest.mark.bk7238(package=False)
def test_a_device_without_an_update_joins(dut, ap, air):
    with pytest.raises(RuntimeError, match="no package"):
        dut.verdict()
    with pytest.raises(NotSeen, match=r"^no LeaseGranted within 10 ms, until 0.010 s$"):
        air.expect("LeaseGranted", within="10 ms")
    lease = air.expect("LeaseGranted")
    assert lease.time == dut.machine.now and air.arping() and not air.arping("192.168.77.99")
    assert len(ap.stations) == 1 and not any("http_ota" in line for line in dut.last_lines()["uart1"])
    assert air.frames[-1].time <= dut.machine.now and sum(frame.from_device for frame in air.frames) == air.sent


@pytest.mark.bk7238(package=False, profile="none")
def test_a_further_access_point(dut, air):
    """The device may join either; both lead into one network."""
    attic = air.access_point("Attic", psk="correct horse", bssid=bytes.fromhex("02aabbccdd02"), channel=11)
    dut.run("100 ms")
    assert "IP up" in dut.type("sta Attic correct\\ horse\r", "3 s")
    assert len(attic.stations.members()) == 1 and air.arping()


# The flash


@pytest.mark.bk7238(delivered=True)
def test_the_flash_before_and_after(dut, flash):
    before = flash.before
    dut.expect_verdict("new-app-runs")
    assert flash.before == before != flash.data == flash.after(flash.journal)
    assert flash.operations == len(flash.journal) and flash.after(flash.journal[:1]) != before
    first = flash.journal[0]
    assert (first.kind, first.length, first.data) == ("erase", 0x1000, b"")


@pytest.mark.bk7238(package=False, profile="none")
def test_what_is_loaded_is_what_runs(dut, flash, power):
    """A boot loader whose text was changed in the flash prints the other text at the next start."""
    dut.expect("BK7238_1.0.0")
    text = dut.image.view.boot_loader.index(b"BK7238_1.0.0")
    address, framed = dut.image.view.patch(text, b"BK7238_9.9.9")
    flash.load(framed, address)
    power.cycle()
    assert dut.expect(r"BK7238_(\S+)")[1] == "9.9.9" and dut.before == []


# The documentation


FILES = ("--bk7238-image=reference_1.0.0.bin", "--bk7238-package=reference_1.0.1_none_aes.rbl")
EXAMPLES = (ROOT / "examples" / "device-tests" / "test_device.py").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
QUOTED = [block for block in BLOCKS if all(part in EXAMPLES for part in block.strip().split("\n\n\n"))]
OWN = [block for block in BLOCKS if block not in QUOTED]


def test_the_documentation_shows_the_examples_as_they_are():
    """test_wheel.py runs them."""
    assert re.findall(r"def (test_\w+)", "".join(QUOTED)) == re.findall(r"def (test_\w+)", EXAMPLES) != []


@pytest.mark.parametrize("block", OWN, ids=lambda block: re.findall(r"def test_(\w+)", block)[0])
def test_what_the_documentation_shows_passes(pytester, block):
    text = block if "import pytest" in block else f"import pytest\n{block}"
    pytester.makepyfile(text)
    pytester.runpytest(*FILES).assert_outcomes(passed=1)


def test_devices_are_let_go(pytester):
    """A session of many tests holds the device of one."""
    pytester.makepyfile("""
        import gc, weakref
        import pytest

        seen = []

        @pytest.mark.parametrize("number", range(3))
        def test(dut, number):
            dut.run("1 ms")
            gc.collect()
            assert [one() for one in seen if one() is not None] == []
            seen.append(weakref.ref(dut))
    """)
    pytester.runpytest(
        "--bk7238-image=reference_1.0.0.bin", "--bk7238-package=reference_1.0.1_none_aes.rbl"
    ).assert_outcomes(passed=3)


# The calls of pytest-embedded's `dut`


@pytest.mark.bk7238(delivered=True)
def test_the_calls_and_arguments_of_pytest_embedded(dut):
    assert dut.expect("go os_addr", timeout=60).group(0) == "go os_addr"
    dut.expect_exact("[THD]cli", timeout=60)
    dut.write("version")
    assert dut.expect(rb"version (\d+\.\d+\.\d+)", timeout=60)[1] == b"1.0.1"


def test_a_suite_that_was_written_for_pytest_embedded(pytester):
    """Unchanged: pytest-embedded itself passes it on a device of the same firmware."""
    for name in ("pytest.ini", "test_console.py"):
        (pytester.path / name).write_text((ROOT / "examples" / "console-tests" / name).read_text())
    pytester.runpytest().assert_outcomes(passed=9)


@pytest.mark.bk7238(delivered=True)
def test_all_of_several_in_any_order(dut):
    app, boot = dut.expect_exact(["[THD]cli", "go os_addr"], timeout=60, expect_all=True)
    assert (app.group(0), boot.group(0)) == ("go os_addr", "[THD]cli")


@pytest.mark.bk7238(delivered=True)
def test_what_came_before_and_what_must_not(dut):
    before = dut.expect("go os_addr", return_what_before_match=True)
    assert isinstance(before, str) and before == "\n".join(dut.before) and before
    with pytest.raises(ValueError, match="leave out expect_all"):
        dut.expect("x", expect_all=True, return_what_before_match=True)
    with pytest.raises(NotSeen, match="and matches"):
        dut.expect_exact("[THD]cli", not_matching=["nothing", r"reference app"])
