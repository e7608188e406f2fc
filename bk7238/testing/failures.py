"""What is told of a test: the sections of a failure, the command that runs it again, and the artifacts."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bk7238 import host_files, testing
from bk7238.testing.markers import FILES
from bk7238.visible import visible

if TYPE_CHECKING:
    from bk7238.sweep.report.report import Report

LONGEST = 100  # characters of a folder's name, before what tells it from others


def replay(item: pytest.Item, device: testing.Dut) -> str:
    """The one command that runs this test again, as it was, from where pytest was started."""
    config = item.config
    here = config.invocation_params.dir
    words = [
        "pytest",
        os.path.relpath(item.path, here) + "::" + item.nodeid.partition("::")[2],
        f"--bk7238-seed={device.settings.seed}",
        f"--bk7238-engine={device.settings.engine}",
    ]
    if device.settings.chip is not None:
        words.append(f"--bk7238-chip={device.settings.chip.word}")
    if "sweep" in getattr(item, "fixturenames", ()):
        words.append(f"--bk7238-sweep={config.getoption('bk7238_sweep')}")
    words += [f"--bk7238-symbols={elf}" for elf in config.getoption("bk7238_symbols")]
    for name, path in item.stash[FILES].items():
        words.append(f"--bk7238-{name}={path.relative_to(here) if path.is_relative_to(here) else path}")
    return shlex.join(words)


def sections(item: pytest.Item, device: testing.Dut) -> list[tuple[str, str]]:
    """What the device said last, where it ended, and how to run the test again."""
    consoles = device.last_lines() if device.made else {}
    said = [(f"bk7238 {console}", visible("\n".join(lines)) or "(nothing)") for console, lines in consoles.items()]
    if device.made and device.crashes.reports:
        said.append(("bk7238 crash", visible(device.crashes.text.strip())))
    story = _story(device) if device.made else ["the device was not switched on"]
    return [*said, ("bk7238", visible("\n".join((*story, f"replay: {replay(item, device)}"))))]


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


def save(item: pytest.Item, device: testing.Dut, reports: list[Report]) -> None:
    """The artifacts of a test, where they are wanted and there are any."""
    folder = item.config.getoption("bk7238_artifacts")
    if folder is None or not (device.made or reports):
        return
    path = Path(folder) / _name(item.nodeid)
    path.mkdir(parents=True, exist_ok=True)
    if device.made:
        device.machine.save(path)
        device.crashes.save(path)
    if device.result is not None:
        host_files.write_in(path, "result.json", json.dumps(device.result.as_json(), indent=2) + "\n")
    for place, report in enumerate(reports, start=1):
        swept = path / f"sweep-{place}-{report.plan.NAME}"
        swept.mkdir(exist_ok=True)
        report.save(swept)
    host_files.write_in(path, "replay", replay(item, device) + "\n")


def _name(nodeid: str) -> str:
    """A folder's name for a test; parameters that would look alike are told apart."""
    plain = re.sub(r"[^\w.-]+", "-", nodeid)
    if "[" not in nodeid and len(plain) <= LONGEST:
        return plain
    apart = hashlib.blake2b(nodeid.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{plain[:LONGEST].strip('-')}-{apart}"
