"""The pytest plugin, in runs of pytest of its own."""

import json
from pathlib import Path

import pytest
from images import FULL, GZIP, vendor

from bk7238 import resources
from bk7238.faults import scenario
from bk7238.testing import microseconds

pytest_plugins = ["pytester"]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ota-tests"


@pytest.fixture
def files():
    return [f"--bk7238-image={vendor(FULL)}", f"--bk7238-package={vendor(GZIP)}"]


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
    result = pytester.runpytest("-rs", "--bk7238-image=none.bin")
    result.stdout.fnmatch_lines("*the image none.bin is nowhere*")


def test_a_sweep_is_a_fixture(pytester):
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
    built = resources.reference()
    files = [f"--bk7238-image={built}/reference_1.0.0.bin", f"--bk7238-package={built}/reference_1.0.1_gzip_aes.rbl"]
    pytester.runpytest(*files, "--sweep=quick").assert_outcomes(passed=2)


def test_a_marker_with_an_unknown_setting(pytester):
    pytester.makepyfile("import pytest\n@pytest.mark.bk7238(colour='red')\ndef test(dut):\n    pass\n")
    pytester.runpytest().stdout.fnmatch_lines("*the marker bk7238 has no setting 'colour'*")


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


def test_a_verdict_and_its_artifacts(pytester, files):
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
    pytester.runpytest(*files, f"--bk7238-artifacts={pytester.path}/out").assert_outcomes(passed=1)
    (folder,) = (pytester.path / "out").iterdir()
    assert json.loads((folder / "result.json").read_text())["faults"][0]["fired"] == 1


def test_the_example_project(pytester, files):
    for name in ("test_ota.py", "pytest.ini"):
        (pytester.path / name).write_text((EXAMPLE / name).read_text())
    chosen = "damaged or not_there"
    pytester.runpytest(*files, "-k", chosen).assert_outcomes(passed=2, deselected=3)
    assert scenario.read(EXAMPLE / "brown-out.toml").verdict == "new-app-runs"
    assert "--scenario brown-out.toml" in (EXAMPLE / ".github" / "workflows" / "ota.yml").read_text()


@pytest.mark.parametrize(("time", "expected"), [("20 s", 20_000_000), ("250ms", 250_000), (1.5, 1_500_000)])
def test_times(time, expected):
    assert microseconds(time) == expected
