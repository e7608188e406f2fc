"""What all tests share."""

import concurrent.futures.process  # noqa: F401 # a run within a test forgets what it imports: there would be two of it
import contextlib
import importlib
import os
import pkgutil
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from bk7238 import sweep

pytest_plugins = ("collection", "skips")

# No wall-clock limits: a test never depends on how busy the host is. The same examples in each run of CI.
settings.register_profile("bk7238", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
# A tenth of them: scripts/test without --all
settings.register_profile("quick", settings.get_profile("bk7238"), max_examples=10)
# The long run: scripts/test --hypothesis-profile=long
settings.register_profile(
    "long", deadline=None, max_examples=10_000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bk7238")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems() -> None:
    """Keep hypothesis from making examples of the numbers and texts in all modules that are imported by now, which
    would be others in each process of a run, but in the long run. Reading them takes 4 s of CPU in each."""
    if settings().derandomize:
        providers._get_local_constants = lambda: providers._local_constants


@pytest.fixture
def pytester(pytester, monkeypatch):
    """As pytest's, but that its runs, and what they start, are without plug-ins that each of them would import anew.
    What they import first is forgotten after them, and there are two of it then: points that a sweep cannot send."""
    for module in pkgutil.walk_packages(sweep.__path__, "bk7238.sweep."):
        with contextlib.suppress(ImportError):
            importlib.import_module(module.name)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:anyio -p no:hypothesispytest")
    return pytester


@pytest.fixture(scope="session")
def tshark():
    """Runs tshark on the capture of a folder, with that as its configuration; its output by line."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("needs tshark (Debian package tshark)")

    def run(folder, *arguments):
        command = [program, "-r", str(folder / "air.pcapng"), *arguments]
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run
