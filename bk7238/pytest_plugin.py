"""The pytest plugin: fixtures for a device on the bench. How to use it: docs/testing.md.

Options have long names of their own, `--bk7238-seed` and so on; the short ones are there where nobody else has them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Generator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bk7238 import testing
    from bk7238.sweep.report import Report

_DUT = pytest.StashKey["testing.Dut"]()
TIERS = ("quick", "pr", "full")

_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("engine", {"default": "unicorn", "metavar": "NAME", "help": "who executes (default: unicorn)"}),
    ("seed", {"default": 0, "type": int, "metavar": "N", "help": "of everything random (default: 0)"}),
    ("sweep", {"default": "quick", "choices": TIERS, "help": "how many points a sweep takes (default: quick)"}),
    ("artifacts", {"default": None, "metavar": "DIR", "help": "logs, flash and result of each test go there"}),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bk7238", "BK7238 devices")
    for name, details in _OPTIONS:
        group.addoption(f"--bk7238-{name}", dest=f"bk7238_{name}", **details)
    for name, what in (("image", "full flash image"), ("package", "update package (RBL)")):
        group.addoption(f"--bk7238-{name}", dest=f"bk7238_{name}", default=None, metavar="FILE", help=what)
        parser.addini(f"bk7238_{name}", f"{what}, from the folder of the configuration file or of vendor images")


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> Generator[None, None, None]:
    """The short names, once all other plugins and conftest files have theirs."""
    yield
    groups = (*parser._groups, parser._anonymous)
    taken = {name for group in groups for option in group.options for name in option.names()}
    group = parser.getgroup("bk7238")
    for name, details in _OPTIONS:
        if f"--{name}" not in taken:
            group.addoption(f"--{name}", dest=f"bk7238_{name}", **{**details, "help": f"as --bk7238-{name}"})


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "bk7238(image=..., package=..., **settings): the device of this test; settings as in docs/testing.md",
        "fault(spec): something that goes wrong in this test; as in docs/faults.md",
    ):
        config.addinivalue_line("markers", line)


def _file(config: pytest.Config, name: str, marked: str | Path | None) -> Path:
    """The image or the package of a test: of its marker, the command line or the configuration; or it is skipped."""
    from bk7238 import resources

    chosen = marked or config.getoption(f"bk7238_{name}") or config.getini(f"bk7238_{name}")
    if not chosen:
        pytest.skip(f"no {name}: name one with --bk7238-{name}, bk7238_{name} in the configuration, or the marker")
    path = Path(chosen)
    for candidate in (path, config.rootpath / path, resources.find_image(path.name)):
        if candidate is not None and candidate.is_file():
            return candidate
    pytest.skip(f"the {name} {chosen} is nowhere (see `bk7238 firmware list`)")


def _settings(item: pytest.Item) -> tuple[dict[str, Any], dict[str, Any]]:
    """The files, and the settings, that markers name; the nearest marker wins."""
    from bk7238.update.session import Settings

    known = {field.name for field in fields(Settings)}
    given: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("bk7238"))):
        given.update(marker.kwargs)
    files = {name: given.pop(name, None) for name in ("image", "package")}
    unknown = sorted(set(given) - known)
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: the marker bk7238 has no setting {unknown[0]!r}")
    if isinstance(given.get("ssid"), str):
        given["ssid"] = given["ssid"].encode()
    faults = [spec for marker in reversed(list(item.iter_markers("fault"))) for spec in marker.args]
    return files, {**given, "faults": (*given.get("faults", ()), *faults)}


@pytest.fixture
def dut(request: pytest.FixtureRequest) -> Generator[testing.Dut, None, None]:
    """The device under test."""
    from bk7238 import testing
    from bk7238.image import flash_image, package
    from bk7238.update.session import Settings

    config = request.config
    files, settings = _settings(request.node)
    settings = {"seed": config.getoption("bk7238_seed"), "engine": config.getoption("bk7238_engine"), **settings}
    image = flash_image.read(_file(config, "image", files["image"]))
    update_package = package.read(_file(config, "package", files["package"]))
    device = testing.Dut(image, update_package, Settings(**settings))
    request.node.stash[_DUT] = device
    yield device
    _save(config, request.node, device)


@pytest.fixture
def ap(dut: testing.Dut) -> testing.Ap:
    """The access point that the device finds."""
    from bk7238 import testing

    return testing.Ap(dut)


@pytest.fixture
def server(dut: testing.Dut) -> testing.Server:
    """The web server behind the access point."""
    from bk7238 import testing

    return testing.Server(dut)


@pytest.fixture
def power(dut: testing.Dut) -> testing.Power:
    """The device's supply."""
    from bk7238 import testing

    return testing.Power(dut)


@pytest.fixture
def flash(dut: testing.Dut) -> testing.Flash:
    """The device's flash chip."""
    from bk7238 import testing

    return testing.Flash(dut)


@pytest.fixture
def air(dut: testing.Dut) -> testing.Air:
    """What is on the radio."""
    from bk7238 import testing

    return testing.Air(dut)


@pytest.fixture
def sweep(request: pytest.FixtureRequest, dut: testing.Dut) -> Callable[..., Report]:
    """A sweep of power cuts over the installation of the test's package, as many points as `--sweep` says; or of
    something else, by the name that `bk7238 sweep --of` takes."""
    from bk7238 import testing

    tier = request.config.getoption("bk7238_sweep")
    return lambda of="install", **more: testing.sweep(dut, tier, of, **more)


def _save(config: pytest.Config, item: pytest.Item, device: testing.Dut) -> None:
    folder = config.getoption("bk7238_artifacts")
    if folder is None or not device.made:
        return
    path = Path(folder) / re.sub(r"[^\w.-]+", "-", item.nodeid)
    path.mkdir(parents=True, exist_ok=True)
    device.machine.save(path)
    if device.result is not None:
        (path / "result.json").write_text(json.dumps(device.result.as_json(), indent=2) + "\n")
    (path / "replay").write_text(replay(config, item, device) + "\n")


def replay(config: pytest.Config, item: pytest.Item, device: testing.Dut) -> str:
    """The one command that runs this test again, as it was."""
    words = [
        "pytest",
        item.nodeid,
        f"--bk7238-seed={device.settings.seed}",
        f"--bk7238-engine={device.settings.engine}",
    ]
    for name in ("image", "package"):
        value = config.getoption(f"bk7238_{name}")
        words += [f"--bk7238-{name}={value}"] if value else []
    return shlex.join(words)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A failed test says what the device said last, where it ended, and how to run it again."""
    outcome = yield
    report = outcome.get_result()
    device = item.stash.get(_DUT, None)
    if report.when != "call" or not report.failed or device is None or not device.made:
        return
    for console, lines in device.last_lines().items():
        report.sections.append((f"bk7238 {console}", "\n".join(lines) or "(nothing)"))
    report.sections.append(("bk7238", "\n".join((*_story(device), f"replay: {replay(item.config, item, device)}"))))


def _story(device: testing.Dut) -> list[str]:
    result = device.result
    phase = device.update.story.phase
    ended = f"verdict: {result.verdict.value}: {result.reason}" if result else f"no verdict yet, in phase {phase}"
    faults = [f"fault {fault.spec}: fired {fault.count} times" for fault in device.update.faults.all]
    return [f"{ended}, after {device.now:.3f} virtual seconds", *faults]
