"""What all tests share."""

import fcntl
import gc
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# No wall-clock limits: a test never depends on how busy the host is. The same examples in each run of CI.
settings.register_profile("bk7238", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
# A quarter of them: scripts/test without --all
settings.register_profile("quick", settings.get_profile("bk7238"), max_examples=25)
# The long run: scripts/test --hypothesis-profile=long
settings.register_profile(
    "long", deadline=None, max_examples=10_000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bk7238")

MAY_LACK = ("needs the vendor ", "needs Renode: ", "this kernel gives no ")
"""How the reasons for skipping begin that CI accepts: nothing that it could install."""


class RefuseSkips:
    """Fails a run in which a test was skipped for another reason. CI asks for it with BK7238_REFUSE_SKIPS=1."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._look(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._look(report)

    def _look(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if not reason.startswith(MAY_LACK):
                self.skipped.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("skipped, but nothing may be missing here", red=True)
            for line in self.skipped:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    # With xdist the process that collects the reports looks at them.
    if os.environ.get("BK7238_REFUSE_SKIPS") == "1" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RefuseSkips())


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Collect a module in one process at a time: what one has compiled, with its assertions, the others read."""
    if not isinstance(collector, pytest.Module):
        return (yield)
    with collector.path.open() as module:
        with suppress(OSError):  # some file systems lock nothing
            fcntl.flock(module, fcntl.LOCK_EX)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems() -> None:
    """Keep hypothesis from making examples of the numbers and texts in all modules that are imported by now, which
    would be others in each process of a run, but in the long run. Reading them takes 4 s of CPU in each."""
    if settings().derandomize:
        providers._get_local_constants = lambda: providers._local_constants


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect with the garbage collector off: all that is made stays to the end, so that it passes over it afterwards,
    and comes less often: a machine that is made is some 20,000 objects. A run within a test changes nothing of that."""
    if gc.get_freeze_count():
        return (yield)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.collect()  # of nothing: from now on it counts what is made anew, and a worker does not grow to gigabytes
        gc.set_threshold(20_000, 3, 2)


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
