"""What is told of a test: the sections of a failure, the command that runs it again, and the artifacts."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pytest
from _pytest._code.code import TerminalRepr

import bk7238
from bk7238 import host_files, testing
from bk7238.air.capture import Capture, wireshark_keys
from bk7238.bench.command import flag
from bk7238.bench.settings import OPTIONS
from bk7238.testing.markers import FILES, SETTINGS
from bk7238.visible import visible

if TYPE_CHECKING:
    from bk7238.sweep.report.report import Report

_PYTHON = Path(os.__file__).parent
_READ = ("testing", "bench", "faults", "image")  # our rooms in which the words of users are read
_NOT_ALWAYS = ("crash.txt", "result.json", "80211_keys")  # what an earlier run left, and this one may not
LONGEST = 100  # characters of a folder's name, before what tells it from others


def replay(item: pytest.Item, device: testing.Dut | None) -> str:
    """The one command that runs this test again, as it was, from where pytest was started. `device` is that of the
    fixture `dut`, where the test has it."""
    config = item.config
    here = config.invocation_params.dir
    words = ["pytest", os.path.relpath(item.path, here) + "::" + item.nodeid.partition("::")[2]]
    for name in SETTINGS:
        value = config.getoption(f"bk7238_{name}") if device is None else getattr(device.settings, name)
        if value is not None:
            words.append(f"--bk7238-{flag(name)[2:]}={OPTIONS[name].write(value)}")
    if "sweep" in getattr(item, "fixturenames", ()):
        words.append(f"--bk7238-sweep={config.getoption('bk7238_sweep')}")
    words += [f"--bk7238-symbols={elf}" for elf in config.getoption("bk7238_symbols")]
    for name, path in item.stash[FILES].items():
        words.append(f"--bk7238-{name}={path.relative_to(here) if path.is_relative_to(here) else path}")
    return shlex.join(words)


def shortened(raised: pytest.ExceptionInfo[BaseException]) -> pytest.ExceptionInfo[BaseException]:
    """The same without the frames of this package, and of Python's own, in which those of a test stay. As it is where
    the fault is in the simulator: not in the word of a user's that cannot be, or in what has not come."""
    ours = Path(bk7238.__file__).parent
    frames = [(one, Path(one.tb_frame.f_code.co_filename)) for one in _walked(raised.value.__traceback__)]
    mine = [path.relative_to(ours).parts[0] for _, path in frames if path.is_relative_to(ours)]
    if (
        not isinstance(raised.value, Exception)
        or not mine
        or (frames[-1][1].is_relative_to(ours) and mine[-1] not in _READ)
    ):
        return raised
    left = None
    for one, path in reversed(frames):
        if path.exists() and not path.is_relative_to(ours) and path.parent != _PYTHON:
            left = TracebackType(left, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return raised if left is None else pytest.ExceptionInfo.from_exception(raised.value.with_traceback(left))


def _walked(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def tell(report: pytest.TestReport, item: pytest.Item, devices: dict[str, testing.Dut]) -> None:
    """Put what the devices said last, where they ended, and how to run the test again into the text of a failure, which
    JUnit has as well, and verdicts, digests and the command for machines into its properties. The device of the fixture
    `dut` has no name, the others are device-1 and so on."""
    again = replay(item, devices.get(""))
    said = [one for name, device in devices.items() for one in sections(name, device)]
    title, story = said[-1]
    said[-1] = title, f"{story}\nreplay: {visible(again)}"
    if isinstance(report.longrepr, TerminalRepr) and hasattr(report.longrepr, "addsection"):
        for title, text in said:
            report.longrepr.addsection(title, text, "-")
    else:
        report.longrepr = "\n".join((str(report.longrepr), *(f"--- {title} ---\n{text}" for title, text in said)))
    found = {"replay": again}
    for name, device in devices.items():
        prefix = f"{name}_" if name else ""
        if device.made:
            found[f"{prefix}digest"] = device.machine.digest()
        if device.result is not None:
            found[f"{prefix}verdict"] = f"{device.result.verdict.value}: {device.result.reason}"
    item.user_properties += [(f"bk7238_{name}", text) for name, text in sorted(found.items())]


def sections(name: str, device: testing.Dut) -> list[tuple[str, str]]:
    """What a device said last, and where it ended."""
    title = f"bk7238 {name}".strip()
    consoles = device.last_lines() if device.made else {}
    said = [(f"{title} {console}", visible("\n".join(lines)) or "(nothing)") for console, lines in consoles.items()]
    if device.made and device.crashes.reports:
        said.append((f"{title} crash", visible(device.crashes.text.strip())))
    story = _story(device) if device.made else ["the device was not switched on"]
    return [*said, (title, visible("\n".join(story)))]


def _story(device: testing.Dut) -> list[str]:
    result = device.result
    if device.package is None:
        ended = "no update"
    elif result is None:
        ended = f"no verdict yet, in phase {device.update.story.phase}"
    else:
        ended = f"verdict: {result.verdict.value}: {result.reason}"
    faults = [f"fault {fault.spec}: fired {fault.count} times" for fault in device.faults]
    digest = f"digest {device.machine.digest()}, seed {device.settings.seed}, engine {device.settings.engine}"
    return [f"{ended}, after {device.now:.3f} virtual seconds", *faults, digest]


def save(item: pytest.Item, device: testing.Dut, reports: list[Report], name: str = "") -> None:
    """The artifacts of a test's device, where they are wanted and there are any: those of one with a name in a folder
    of this name."""
    folder = item.config.getoption("bk7238_artifacts")
    if folder is None or not (device.made or reports):
        return
    path = Path(folder) / _name(item.nodeid) / name
    path.mkdir(parents=True, exist_ok=True)
    for left in _NOT_ALWAYS:
        (path / left).unlink(missing_ok=True)
    if device.made:
        device.machine.save(path)
        device.crashes.save(path)
        _save_air(path, device)
    if device.result is not None:
        host_files.write_in(path, "result.json", json.dumps(device.result.as_json(), indent=2) + "\n")
    for place, report in enumerate(reports, start=1):
        swept = path / f"sweep-{place}-{report.plan.NAME}"
        swept.mkdir(exist_ok=True)
        report.save(swept)
    here = shlex.quote(str(item.config.invocation_params.dir))
    host_files.write_in(path, "replay", f"cd {here} && {replay(item, None if name else device)}\n")


def _save_air(folder: Path, device: testing.Dut) -> None:
    """What went over the air as a capture, and beside it the keys that Wireshark decrypts it with."""
    with host_files.create_in(folder, "air.pcapng") as stream:
        capture = Capture(stream)
        for frame in device.frames:
            capture.record(*frame)
    pmks = [pmk for point in device.bench.air.access_points for pmk in point.security.pmks]
    if pmks:
        host_files.write_in(folder, "80211_keys", wireshark_keys(pmks, device.keys))


def _name(nodeid: str) -> str:
    """A folder's name for a test; parameters that would look alike are told apart."""
    plain = re.sub(r"[^\w.-]+", "-", nodeid)
    if "[" not in nodeid and len(plain) <= LONGEST:
        return plain
    apart = hashlib.blake2b(nodeid.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{plain[:LONGEST].strip('-')}-{apart}"
