"""What may be skipped where nothing may be missing, as on CI: a plug-in of pytest, which needs no other file of the
tests."""

import os

import pytest

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
