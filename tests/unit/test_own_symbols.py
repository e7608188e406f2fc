"""The reference firmware with an instruction that is none: the crash report has its names, lines and instructions."""

import json
import re

import patched
import pytest
from images import built

from bk7238 import resources
from bk7238.cli import main
from bk7238.debug.symbols import Symbols

pytest_plugins = ["pytester"]

ELF = resources.reference() / "app-1.0.0.elf"
UNDEFINED = bytes.fromhex("f000f0e7")


def crashing(version, function):
    """Other bytes for an app: an undefined instruction as the second one of a function. With its CPU address."""
    symbols = Symbols()
    symbols.add_elf(resources.reference() / f"app-{version}.elf")
    address = symbols.address(function) + 4
    code = built(f"app-{version}.bin")[address - 0x10000 :][:64]
    return {code: UNDEFINED + code[4:]}, address


@pytest.fixture
def broken(tmp_path):
    """An image whose command `version` crashes, and the CPU address of that."""
    texts, address = crashing("1.0.0", "do_version")
    path = tmp_path / "broken.bin"
    path.write_bytes(patched.image(texts).data)
    return path, address


def check(text, address):
    assert f"undefined instruction at {address:#010x} do_version+0x4 (commands.c:" in text
    assert re.search(rf"^  => {address:#010x} e7f000f0  udf #0$", text, re.MULTILINE)
    assert re.search(rf"^     {address - 4:#010x} \w{{8}}  ldr r0, ", text, re.MULTILINE)
    assert re.search(r"^  0x000\w+ console_poll\+0x\w+ \(console\.c:\d+\)$", text, re.MULTILINE), "who has called it"


def test_run_names_where_an_app_crashed(broken, tmp_path, capsys):
    path, address = broken
    command = ["run", str(path), "--send", "version", "--after", "0.3", "--within", "0.5", f"--symbols={ELF}"]
    main([*command, "--artifacts", str(tmp_path / "out")])
    text = (tmp_path / "out" / "crash.txt").read_text()
    check(text, address)
    assert text.split("\n")[0] in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["ota", "run", "gdb", "sweep"])
def test_what_is_no_elf_is_one_line(verb, tmp_path, capsys):
    """Also one without symbols, and an address that is none."""
    rbl = [str(resources.reference() / "reference_1.0.1_none_aes.rbl")] if verb != "run" else []
    (tmp_path / "x.elf").write_bytes(b"\x7fELF")
    for given, said in (
        ("nope.elf", "nope.elf: No such file or directory; name an ELF"),
        (f"{tmp_path}/x.elf", "x.elf: no ELF ("),
        (f"{ELF}@x", "'x' is no address; write ELF@0x10000"),
    ):
        assert main([verb, str(resources.reference() / "reference_1.0.0.bin"), *rbl, f"--symbols={given}"]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1


@pytest.mark.full
def test_a_test_that_fails_shows_the_crash(pytester, broken):
    path, address = broken
    pytester.makepyfile(
        f"""
        import pytest

        pytestmark = pytest.mark.bk7238(update=False, profile="none")

        def test_option(dut):
            dut.run("300 ms")
            dut.send("version")
            dut.expect_exact("what never comes", within="100 ms")

        @pytest.mark.bk7238(symbols=[{str(ELF)!r}])
        def test_marker(dut):
            dut.run("300 ms")
            dut.send("version")
            dut.run("100 ms")
            assert "do_version+0x4" in dut.crashes.reports[0]
        """
    )
    result = pytester.runpytest(f"--bk7238-image={path}", "--bk7238-artifacts=out", f"--symbols={ELF}")
    result.assert_outcomes(passed=1, failed=1)
    said = result.stdout.str()
    assert "bk7238 crash" in said and f"--bk7238-symbols={ELF}" in said
    (crashed,) = pytester.path.glob("out/*option/crash.txt")
    check(crashed.read_text(), address)


@pytest.mark.nightly
def test_a_sweep_says_where_its_bad_points_crashed(tmp_path, capsys):
    """The package is of an app that crashes as it starts."""
    texts, address = crashing("1.0.1", "main")
    rbl, folder = tmp_path / "broken.rbl", tmp_path / "out"
    rbl.write_bytes(patched.update(texts).data)
    command = ["sweep", str(resources.reference() / "reference_1.0.0.bin"), str(rbl), "--mode=after", "--json"]
    elf = resources.reference() / "app-1.0.1.elf"
    assert main([*command, "--processes=2", f"--symbols={elf}", f"--artifacts={folder}"]) == 1
    assert json.loads(capsys.readouterr().out)["bad"] > 2
    reports = [path.read_text() for path in folder.glob("crash-*-after.txt")]
    assert len(reports) > 2
    assert all(f"undefined instruction at {address:#010x} main+0x4 (main.c:" in report for report in reports)


def test_a_quiet_sweep_does_not_say_that_it_looks_for_crashes(tmp_path, capsys):
    files = [str(resources.reference() / name) for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl")]
    options = ["--of=packages", "--shard=1/3", "--processes=1", f"--symbols={ELF}", f"--artifacts={tmp_path}"]
    assert main(["sweep", "--quiet", *files, *options]) == 0
    assert "looking for" not in capsys.readouterr().out
