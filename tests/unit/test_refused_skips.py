"""CI fails where a test is skipped for lack of anything but Renode and vendor images."""

import re
import subprocess
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = Path(__file__).resolve().parents[1]
PLUGIN = TESTS / "skips.py"


def test_what_tests_need_of_debian_is_installed():
    script = TESTS.parent / "scripts" / "debian-packages"
    listed = set(subprocess.run([script], capture_output=True, text=True, check=True).stdout.split())
    sources = "".join(path.read_text() for path in TESTS.rglob("*.py") if path != Path(__file__))
    assert set(re.findall(r"needs Debian's package ([\w-]+)", sources)) == listed
    refused = subprocess.run([script, "--remove"], capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stderr.startswith("usage: ")


@pytest.mark.full
@pytest.mark.parametrize("processes", [[], ["-n1", "-pno:bk7238"]], ids=["one", "several"])
def test_a_tool_that_is_missing_fails_the_run(pytester, monkeypatch, processes):
    monkeypatch.setenv("BK7238_REFUSE_SKIPS", "1")
    pytester.makeconftest(PLUGIN.read_text())
    pytester.makepyfile(
        test_accepted="""
            import pytest

            @pytest.mark.parametrize("reason", ["needs Renode: it is not there", "needs the vendor image app.bin"])
            def test(reason):
                pytest.skip(reason)
            """
    )
    assert pytester.runpytest(*processes).ret == 0
    pytester.makepyfile(
        test_refused="""
            import pytest

            @pytest.mark.skipif(True, reason="needs Debian's package tshark")
            def test():
                pass
            """,
        test_module="import pytest\npytest.importorskip('no_such_module')\n",
    )
    result = pytester.runpytest(*processes)
    assert result.ret == 1
    result.stdout.fnmatch_lines_random(["*test_refused.py::test: needs Debian's package tshark", "*no_such_module*"])
    monkeypatch.setenv("BK7238_REFUSE_SKIPS", "0")
    assert pytester.runpytest(*processes).ret == 0
