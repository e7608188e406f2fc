"""What starts GDB from outside: an editor, by the files of `bk7238 init`, and a shell, by the lines of the tutorial.

Needs Debian's package gdb-multiarch.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from bk7238.cli import main

ROOT = Path(__file__).resolve().parents[2]
CLIENT = shutil.which("gdb-multiarch")
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(CLIENT is None, reason="needs Debian's package gdb-multiarch"),
]


@contextmanager
def serving(line, folder, ready="^listening; in GDB: "):
    """Carry a command line out up to where it is ready; gives the address, as any port does here."""
    program, *words = shlex.split(line)
    assert program == "bk7238"
    words = [*words, "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bk7238.cli", *words], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield next(line for line in process.stdout if re.search(ready, line)).split()[-1]
        finally:
            process.kill()


def test_the_editors_debugger_stops_in_the_app(tmp_path, monkeypatch):
    """As cppdbg does it: the task up to its end pattern, then these commands of GDB's machine interface."""
    monkeypatch.chdir(tmp_path)
    files = ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl")
    assert main(["init", *files, "--symbols", "app-1.0.0.elf", "--yes"]) == 0
    read = {name: json.loads(Path(".vscode", f"{name}.json").read_text()) for name in ("tasks", "launch")}
    launch = next(one for one in read["launch"]["configurations"] if one["type"] == "cppdbg")
    task = next(one for one in read["tasks"]["tasks"] if one["label"] == launch["preLaunchTask"])
    elf, cwd = (launch[name].replace("${workspaceFolder}", str(tmp_path)) for name in ("program", "cwd"))
    where = launch["miDebuggerServerAddress"]
    assert f"--port {where.rpartition(':')[2]} " in task["command"] and launch["useExtendedRemote"]
    with serving(task["command"], tmp_path, task["problemMatcher"]["background"]["endsPattern"]) as address:
        typed = "\n".join(
            [
                f'-environment-cd "{cwd}"',
                f"-file-exec-and-symbols {elf}",
                "-break-insert -f main",
                f"-target-select extended-remote {address}",
                "-exec-continue",
            ]
        )
        command = [launch["miDebuggerPath"], "-nx", "--interpreter=mi"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            client.stdin.write(f"{typed}\n")
            client.stdin.flush()
            stops = (line for line in client.stdout if line.startswith(("*stopped", "^error")))
            said = [next(stops), next(stops)]
            client.kill()
    assert 'addr="0x00000000"' in said[0], "at connect, where stopAtConnect shows it"
    assert 'reason="breakpoint-hit"' in said[1] and 'func="main"' in said[1] and 'line="' in said[1], said


def test_the_lines_of_the_tutorial(tmp_path):
    """Nothing of a checkout is named in them."""
    page = (ROOT / "docs" / "tutorials" / "debug-the-boot-loader.md").read_text()
    assert main(["demo", "reflash", "--quiet", "--artifacts", str(tmp_path / "out")]) == 0
    server, client = re.findall(r"^    \$ (.+)$", page, re.MULTILINE)
    commands = re.findall(r"^    \(gdb\) (.+)$", page, re.MULTILINE)
    assert len(commands) == 3
    with serving(server, tmp_path) as address:
        line = client.replace("127.0.0.1:3333", address).replace("bk7238 ", f"{sys.executable} -m bk7238.cli ")
        more = " ".join(f"-ex {shlex.quote(one)}" for one in commands)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", "-c", f"{line} -nx -batch {more}"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
    said = done.stdout + done.stderr
    assert re.search(r"^Breakpoint 1, package_install \(", said, re.MULTILINE), said
    assert "\nNo more reverse-execution history.\n" in said, said
