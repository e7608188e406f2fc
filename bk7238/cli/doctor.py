"""`bk7238 doctor`: which engines this machine can run, what was found, and what to install for the rest."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from bk7238.engine import renode_host
from bk7238.engine.engine import EngineError, embedded

PATIENCE = 120  # host seconds for Renode to load

INSTALL = f"""\
    unpack Renode's portable .NET build: {renode_host.DOWNLOAD}
    pip install "pythonnet>=3.0.1" "pyrenode3 @ {renode_host.PYRENODE3}"
    export PYRENODE_BIN=/path/to/renode PYRENODE_RUNTIME=coreclr
  or, for a mono build of Renode (up to 1.16.1): mono 6.8 or later, PYRENODE_RUNTIME=mono, PYRENODE_BUILD_DIR or
    PYRENODE_PKG, and MONO_THREADS_SUSPEND=preemptive"""


@dataclass(frozen=True)
class Finding:
    """One engine: `what` was found where it is usable, `problem` and `remedy` where it is not."""

    engine: str
    usable: bool
    what: str = ""
    problem: str = ""
    remedy: str = ""


def add(commands: Any) -> None:
    """Add `bk7238 doctor`."""
    parser = commands.add_parser("doctor")
    parser.add_argument("--json", action="store_true", help="one line for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what each engine needs here. Returns the exit status."""
    findings = (unicorn(), renode())
    if arguments.json:
        print(json.dumps({"python": platform.python_version(), "engines": [asdict(finding) for finding in findings]}))
    else:
        print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
        for finding in findings:
            print(_lines(finding))
    return 0 if findings[0].usable else 1


def unicorn() -> Finding:
    """The embedded engine, which comes with the package."""
    try:
        return Finding("unicorn", True, embedded())
    except EngineError as error:
        return Finding("unicorn", False, problem=str(error), remedy="    pip install --force-reinstall bk7238-sim")


def renode() -> Finding:
    """Renode, tried in a process of its own: one that cannot be loaded may take its process along."""
    lack = renode_host.missing()
    if lack is not None:
        return Finding("renode", False, problem=lack, remedy=INSTALL)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bk7238.engine.renode_host"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:
        return Finding("renode", False, problem=f"it did not load within {PATIENCE} s", remedy=INSTALL)
    answer = _answer(done.stdout)
    if "version" in answer:
        return Finding("renode", True, f"Renode {answer['version']} on {answer['runtime']}, {_source()}")
    last = done.stderr.strip().splitlines()
    problem = answer.get("problem") or f"it ended with status {done.returncode}: {last[-1] if last else 'no message'}"
    return Finding("renode", False, problem=problem, remedy=INSTALL)


def _answer(output: str) -> dict[str, str]:
    """The line of JSON among what Renode itself may print."""
    for line in output.splitlines():
        if line.startswith("{"):
            return dict(json.loads(line))
    return {}


def _source() -> str:
    for name in renode_host.SOURCES:
        if os.environ.get(name):
            return f"{name}={os.environ[name]}"
    return str(renode_host.INSTALLED)


def _lines(finding: Finding) -> str:
    if finding.usable:
        return f"engine {finding.engine}: usable: {finding.what}"
    return f"engine {finding.engine}: not usable: {finding.problem}\n{finding.remedy}"
