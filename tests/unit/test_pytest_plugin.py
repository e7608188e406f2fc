"""The pytest plugin, in runs of pytest of its own."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from images import FULL, GZIP, vendor

from bk7238 import resources
from bk7238.bench.values import microseconds
from bk7238.faults import scenario
from bk7238.sweep.report import evidence

pytest_plugins = ["pytester"]

INVENTED = Path(__file__).resolve().parents[1] / "ota" / "invented"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ota-tests"


@pytest.fixture
def files():
    return [f"--bk7238-image={vendor(FULL)}", f"--bk7238-package={vendor(GZIP)}"]


@pytest.fixture
def reference():
    built = resources.reference()
    return [f"--bk7238-image={built}/reference_1.0.0.bin", f"--bk7238-package={built}/reference_1.0.1_gzip_aes.rbl"]


def test_fixtures_and_options_are_there(pytester):
    shown = pytester.runpytest("--fixtures").stdout.str()
    for name in ("dut", "ap", "server", "power", "flash", "air"):
        assert f"\n{name} -- " in shown
    helped = pytester.runpytest("--help").stdout.str()
    for name in ("engine", "seed", "sweep", "artifacts"):
        assert f"--bk7238-{name}" in helped and f"--{name}=" in helped


def test_a_short_option_of_somebody_else_stays_theirs(pytester):
    pytester.makepyfile(other='def pytest_addoption(parser):\n    parser.addoption("--seed", default="theirs")\n')
    pytester.syspathinsert()
    pytester.makepyfile('def test(request):\n    assert request.config.getoption("--seed") == "theirs"\n')
    pytester.runpytest("-p", "other", "--bk7238-seed=3").assert_outcomes(passed=1)


def test_without_files_a_test_is_skipped_by_name(pytester):
    pytester.makepyfile("def test(dut):\n    dut.run(1)\n")
    result = pytester.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*no image: name one with --bk7238-image*")


@pytest.mark.parametrize("named", ["none.bin", f"nowhere/{FULL}", "folder"])
def test_a_file_that_is_named_and_not_there_fails(pytester, named):
    """A path is what it says: no vendor image takes the place of one that is missing."""
    pytester.mkdir("folder")
    pytester.makepyfile("def test(dut):\n    dut.run(1)\n")
    for options in ([f"--bk7238-image={named}"], ["-o", f"bk7238_image={named}"]):
        result = pytester.runpytest(*options)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"*bk7238: {named}: no such file*"])
        result.stdout.no_fnmatch_line("*given.py*")


def test_a_vendor_image_that_is_not_here_is_skipped_by_name(pytester, monkeypatch, tmp_path):
    monkeypatch.setattr(resources, "image_folders", lambda: [tmp_path])
    pytester.makepyfile("def test(dut):\n    dut.run(1)\n")
    result = pytester.runpytest("-rs", f"--bk7238-image={FULL}")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(f"*needs the vendor image {FULL} (see*")


WRONG = {
    "@pytest.mark.bk7238(colour='red')": "there is no setting 'colour', but ",
    "@pytest.mark.bk7238('full.bin')": "takes settings by name, as in image='full.bin', not 'full.bin'",
    "@pytest.mark.bk7238(channel=99)": "channel: channels go from 1 to 14, not 99",
    "@pytest.mark.bk7238(within='soon')": "within: 'soon' is no time such as 20s",
    "@pytest.mark.bk7238(flash_size='3M')": "no flash of 0x300000 bytes is known of the BK7238",
    "@pytest.mark.bk7238(psk='short')": "psk: a passphrase has 8 to 63",
    "@pytest.mark.bk7238(ap_psk='short')": "ap_psk: a passphrase has 8 to 63",
    "@pytest.mark.bk7238(request='https://h/a.rbl')": "request: 'https://h/a.rbl' is a https URL",
    "@pytest.mark.bk7238(ssid=5)": "ssid cannot be 5",
    "@pytest.mark.fault": "the marker fault takes a fault as text",
    "@pytest.mark.fault(spec='package-key')": "the marker fault takes a fault as text",
    "@pytest.mark.fault(['package-key'])": "the marker fault takes a fault as text",
    "@pytest.mark.fault('power-cutt')": "no fault is called 'power-cutt'; is it power-cut?",
}


@pytest.mark.parametrize("marker", WRONG)
def test_a_marker_that_is_wrong_fails_in_one_line(pytester, reference, marker):
    pytester.makepyfile(f"import pytest\n{marker}\ndef test(dut):\n    pass\n")
    result = pytester.runpytest(*reference)
    result.assert_outcomes(errors=1)
    said = result.stdout.str()
    assert "bk7238: " in said and WRONG[marker] in said and "given.py" not in said


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--engine=bogus", "'bogus' is no engine; there is unicorn, renode"),
        ("--seed=x", "'x' is no whole number"),
        ("--artifacts={file}", "name another"),
    ],
)
def test_an_option_that_is_wrong_runs_nothing(pytester, option, said):
    file = pytester.makefile(".txt", "")
    result = pytester.runpytest(option.format(file=file))
    assert result.ret == pytest.ExitCode.USAGE_ERROR and said in result.stderr.str()


def test_settings_as_text(pytester, reference):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bk7238(ssid="Shelf", ap_ssid="Shelf", within="20 s", channel=3)
        def test(dut, ap):
            assert dut.verdict().verdict.value == "new-app-runs"
            assert dut.settings.within == 20.0 and ap.model.ssid == b"Shelf"

        def test_configured(dut):
            dut.configure(ssid="Other", flash_size="4M")
            assert dut.settings.ssid == b"Other" and len(dut.machine.flash.data) == 0x400000

        def test_refused(dut):
            with pytest.raises(ValueError, match="no fault is called"):
                dut.fault("power-cutt")
        """
    )
    pytester.runpytest(*reference).assert_outcomes(passed=3)


def test_after_a_power_cycle_only_new_lines_count(pytester, reference):
    pytester.makepyfile(
        """
        def test(dut, power):
            dut.run("100 ms")
            power.cycle()
            before = dut.now
            dut.expect("go os_addr", within="1 s")
            assert dut.now > before
        """
    )
    pytester.runpytest(*reference).assert_outcomes(passed=1)


def test_a_sweep_that_would_test_nothing_is_refused(pytester, reference):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("of, modes, said", [
            ("networks", (), "'networks' is no subject of a sweep; there is join, download, install"),
            ("install", ("tron",), "'tron' is no way to cut of a sweep; there is before, torn"),
        ])
        def test_names(sweep, of, modes, said):
            with pytest.raises(ValueError, match=said):
                sweep(of, modes=modes)

        @pytest.mark.fault("package-key")
        def test_faults_of_its_own(sweep):
            with pytest.raises(ValueError, match="a sweep brings its own faults"):
                sweep()
        """
    )
    pytester.runpytest(*reference).assert_outcomes(passed=3)


def test_a_sweep_in_renode_is_refused(pytester, reference):
    pytester.makepyfile(
        """
        import pytest

        def test(sweep):
            with pytest.raises(ValueError, match="the engine renode runs no sweeps"):
                sweep()
        """
    )
    pytester.runpytest(*reference, "--bk7238-engine=renode").assert_outcomes(passed=1)


@pytest.mark.full
def test_a_sweep_is_a_fixture(pytester, reference):
    pytester.makepyfile(
        """
        def test_cuts(sweep):
            report = sweep()
            assert report.tier == "quick" and report.bad == [] and len(report.outcomes) > 15
            assert "<html" in report.html()

        def test_one_fault_over_the_download(sweep):
            report = sweep("network", faults=("connection-close",))
            assert report.verdicts == {"new-app-runs": 5}
        """
    )
    pytester.runpytest(*reference, "--sweep=quick").assert_outcomes(passed=2)


@pytest.mark.full
def test_a_failure_shows_the_consoles_and_the_command_that_replays_it(pytester, files):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bk7238(ssid="Shelf")
        @pytest.mark.fault("rssi:-60@1ms")
        def test(dut, ap, server, flash, air):
            match = dut.expect(r"go os_addr\\((\\w+)\\)", within="1 s", console=1)
            assert match[1] == "0x10000" and 0.01 < dut.now < 0.05
            assert ap.model.ssid == b"Shelf" and len(flash.partition("app")) == 0x121000
            assert flash[0:4] != b"" and flash.operations == 0 and air.sent == 0 and server.requests == []
            with pytest.raises(RuntimeError, match="switched on already"):
                dut.fault("rssi:-70")
            dut.expect("something else", within="5 ms")
        """
    )
    result = pytester.runpytest(*files, "--bk7238-seed=5", f"--bk7238-artifacts={pytester.path}/out")
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    for text in (
        "NotSeen: no line matched 'something else' within 5 ms",
        "bk7238 uart1",
        "go os_addr(0x10000)",
        "no verdict yet, in phase boot",
        "fault rssi:-60@1ms: fired 1 times",
        "replay: pytest test_a_failure_shows_the_consoles_and_the_command_that_replays_it.py::test --bk7238-seed=5",
    ):
        assert text in said
    (folder,) = (pytester.path / "out").iterdir()
    assert {path.name for path in folder.iterdir()} >= {"uart1.log", "uart2.log", "flash.bin", "replay"}


@pytest.mark.full
def test_the_replay_command_runs_from_where_pytest_was_started(pytester, reference):
    """Of a test below, whose configuration is there, of a failure in a fixture, and of a sweep."""
    below = pytester.mkdir("product")
    (below / "pytest.ini").write_text("[pytest]\n")
    (below / "test_below.py").write_text(
        """
import pytest

@pytest.fixture
def joined(dut):
    dut.expect("Mars", within="5 ms")

def test_fixture(joined):
    pass

def test_sweep(sweep):
    assert len(sweep("install", modes=("torn",)).outcomes) < 10

@pytest.mark.parametrize("spec", ["frame-loss:50%", "frame-loss@50%"])
def test_looks_alike(dut, spec):
    dut.run("1 ms")
"""
    )
    options = [*reference, "--bk7238-sweep=pr", "--bk7238-artifacts=out"]
    result = pytester.runpytest("product", *options)
    result.assert_outcomes(errors=1, failed=1, passed=2)
    said = result.stdout.str()
    assert "no verdict yet, in phase boot" in said and "the device was not switched on" in said and "digest " in said
    folders = sorted(folder.name for folder in (pytester.path / "out").iterdir())
    assert len(folders) == 4
    (swept,) = (pytester.path / "out").glob("*test_sweep*/sweep-1-install")
    assert {file.name for file in swept.iterdir()} == set(evidence.ARTIFACTS)
    replays = [line.partition("replay: pytest ")[2] for line in result.outlines if "replay: " in line]
    assert [line.split()[0] for line in replays] == [
        "product/test_below.py::test_fixture",
        "product/test_below.py::test_sweep",
    ]
    assert pytester.runpytest(*shlex.split(replays[0])).parseoutcomes() == {"errors": 1}
    assert pytester.runpytest(*shlex.split(replays[1])).parseoutcomes() == {"failed": 1}, "with the same tier"
    (kept,) = (pytester.path / "out").glob("*test_fixture*/replay")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(["sh", kept], cwd="/", env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 1 and "1 error in" in done.stdout, "from any folder"


def test_another_chip_is_named_and_named_again(pytester):
    files = [
        f"--bk7238-image={INVENTED}/reference_1.0.0.bin",
        f"--bk7238-package={INVENTED}/reference_1.0.1_gzip_aes.rbl",
    ]
    pytester.makepyfile("def test(dut):\n    dut.expect_exact('go os_addr(0x20000)', within='1 s')\n    assert False\n")
    result = pytester.runpytest(*files, f"--bk7238-chip={INVENTED}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(f"replay: pytest * --bk7238-chip={INVENTED} *")
    result = pytester.runpytest(*files)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("bk7238: reference_1.0.0.bin: the code at 0x0 is scrambled or no ARM code*")


def test_a_verdict_and_its_artifacts(pytester, reference):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bk7238(delivered=True)
        @pytest.mark.fault("package-hash")
        def test(dut):
            assert dut.verdict().verdict.value == "old-app-retries-each-boot"
            assert dut.verdict() is dut.result
        """
    )
    pytester.runpytest(*reference, f"--bk7238-artifacts={pytester.path}/out").assert_outcomes(passed=1)
    (folder,) = (pytester.path / "out").iterdir()
    assert json.loads((folder / "result.json").read_text())["faults"][0]["fired"] == 1


@pytest.mark.full
def test_the_example_project(pytester, files, reference):
    for name in ("test_ota.py", "pytest.ini"):
        (pytester.path / name).write_text((EXAMPLE / name).read_text())
    pytester.runpytest(*reference).assert_outcomes(passed=5)
    chosen = "damaged or not_there"
    pytester.runpytest(*files, "-k", chosen).assert_outcomes(passed=2, deselected=3)
    assert scenario.read(EXAMPLE / "brown-out.toml").verdict == "new-app-runs"
    assert "--scenario brown-out.toml" in (EXAMPLE / ".github" / "workflows" / "ota.yml").read_text()


@pytest.mark.parametrize(("time", "expected"), [("20 s", 20_000_000), ("250ms", 250_000), (1.5, 1_500_000)])
def test_times(time, expected):
    assert microseconds(time) == expected
