"""The pytest plugin: fixtures for a device on the bench. How to use it: docs/testing.md.

Options have long names of their own, `--bk7238-seed` and so on; the short ones are there where nobody else has them.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bk7238 import testing
from bk7238.bench import command
from bk7238.testing import failures, markers

if TYPE_CHECKING:
    from bk7238.sweep.report.report import Report

_DUTS = pytest.StashKey["dict[str, testing.Dut]"]()
_SESSION = pytest.StashKey[pytest.Session]()
_REPORTS = pytest.StashKey["list[Report]"]()
TIERS = ("quick", "pr", "full")

_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((name.replace("_", "-"), {"default": None, **command.details(name)}) for name in markers.SETTINGS),
    ("sweep", {"default": "quick", "choices": TIERS, "help": "how many points a sweep takes (default: quick)"}),
    ("no-boots", {"action": "store_true", "help": "carry every boot out: take none from the cache (docs/testing.md)"}),
    (
        "symbols",
        {
            "default": [],
            "action": "append",
            "metavar": "ELF[@ADDRESS]",
            "help": "names and lines of your own code, where it crashes (repeatable)",
        },
    ),
    ("artifacts", {"default": None, "metavar": "DIR", "help": "logs, flash and result of each test go there"}),
)


def _dest(name: str) -> str:
    return f"bk7238_{name}".replace("-", "_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and their lines for pytest.ini."""
    group = parser.getgroup("bk7238", "BK7238 devices")
    for name, details in _OPTIONS:
        group.addoption(f"--bk7238-{name}", dest=_dest(name), **details)
    for name, what in (("image", "full flash image"), ("package", "update package (RBL)")):
        group.addoption(f"--bk7238-{name}", dest=f"bk7238_{name}", default=None, metavar="FILE", help=what)
        parser.addini(f"bk7238_{name}", f"{what}, from the folder of the configuration file or of vendor images")
    parser.addini("bk7238_embedded", "dut.expect gives bytes, as pytest-embedded's does", type="bool", default=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, None, None]:
    """The short names, once all other plugins and conftest files have theirs."""
    yield
    groups = (*parser._groups, parser._anonymous)
    taken = {name for group in groups for option in group.options for name in option.names()}
    group = parser.getgroup("bk7238")
    for name, details in _OPTIONS:
        if f"--{name}" not in taken:
            group.addoption(f"--{name}", dest=_dest(name), **{**details, "help": f"as --bk7238-{name}"})


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for line in (
        "bk7238(image=..., package=..., **settings): the device of this test; settings as in docs/testing.md",
        "fault(spec): something that goes wrong in this test; as in docs/faults.md",
    ):
        config.addinivalue_line("markers", line)
    folder = config.getoption("bk7238_artifacts")
    if folder is not None:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pytest.UsageError(f"--bk7238-artifacts={folder}: {error.strerror}; name another folder") from None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note that the session is over."""
    session.config.stash[_SESSION] = session


def pytest_unconfigure(config: pytest.Config) -> None:
    """Where this process is pytest's own and holds a Renode, it ends at once with the status that it would have."""
    host, session = sys.modules.get("bk7238.engine.renode_host"), config.stash.get(_SESSION, None)
    command = Path(sys.argv[0])  # pytest, or pytest/__main__.py
    own = command.name in ("pytest", "py.test", "pytest.exe") or command.parent.name == "pytest"
    if host is not None and session is not None and own:
        atexit.register(lambda: host.leave(int(session.exitstatus)))


@pytest.fixture
def dut(request: pytest.FixtureRequest) -> Generator[testing.Dut, None, None]:
    """The device under test."""
    device = markers.device(request.node)
    devices = request.node.stash.setdefault(_DUTS, {})
    devices[""] = device
    yield device
    failures.save(request.node, device, request.node.stash.get(_REPORTS, []))
    del devices[""]  # pytest keeps the tests to its end, and a device is some megabytes


@pytest.fixture
def make_dut(request: pytest.FixtureRequest) -> Generator[Callable[..., testing.Dut], None, None]:
    """Gives further devices: as the markers of the test say, but for the settings that it is called with."""
    devices = request.node.stash.setdefault(_DUTS, {})
    made: dict[str, testing.Dut] = {}

    def make(**settings: Any) -> testing.Dut:
        device = markers.device(request.node, **settings)
        name = f"device-{len(made) + 1}"
        made[name] = devices[name] = device
        return device

    yield make
    for name, device in made.items():
        failures.save(request.node, device, [], name)
        del devices[name]


@pytest.fixture
def ap(dut: testing.Dut) -> testing.Ap:
    """The access point that the device finds."""
    return testing.Ap(dut)


@pytest.fixture
def server(dut: testing.Dut) -> testing.Server:
    """The web server behind the access point."""
    return testing.Server(dut)


@pytest.fixture
def power(dut: testing.Dut) -> testing.Power:
    """The device's supply."""
    return testing.Power(dut)


@pytest.fixture
def flash(dut: testing.Dut) -> testing.Flash:
    """The device's flash chip."""
    return testing.Flash(dut)


@pytest.fixture
def air(dut: testing.Dut) -> testing.Air:
    """What is on the radio."""
    return testing.Air(dut)


@pytest.fixture
def sweep(request: pytest.FixtureRequest, dut: testing.Dut) -> Callable[..., Report]:
    """A sweep of power cuts over the installation of the test's package, as many points as `--sweep` says; or of
    something else, by the name that `bk7238 sweep --of` takes."""

    reports = request.node.stash.setdefault(_REPORTS, [])

    def run(of: str = "install", **more: Any) -> Report:
        report = testing.sweep(dut, request.config.getoption("bk7238_sweep"), of, **more)
        reports.append(report)
        return report

    return run


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    """A failed test says what the device said last, where it ended, and how to run it again."""
    devices = item.stash.get(_DUTS, {})
    if call.excinfo is not None and devices and not item.config.option.fulltrace:
        call.excinfo = failures.shortened(call.excinfo)
    outcome = yield
    report = outcome.get_result()
    if report.when in ("setup", "call") and report.failed and devices:
        failures.tell(report, item, devices)
