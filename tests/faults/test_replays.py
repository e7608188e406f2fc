"""Each command that a report prints, and each that artifacts keep, carries out the same again from any folder."""

import json
import os
import shlex
import subprocess
from xml.etree import ElementTree

import forked
import pytest
from made_sweeps import Parsed, replays

from bk7238 import resources
from bk7238.cli import main

BUILT = resources.reference()
SUBJECTS = [
    pytest.param(("--of", "packages", "--tier", "quick"), id="packages"),
    pytest.param(("--of", "install", "--tier", "quick"), id="install", marks=pytest.mark.full),
    pytest.param(("--of", "network", "--fault", "http-status:404"), id="network", marks=pytest.mark.full),
]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with files that are called by relative paths; commands begin there."""
    folder = tmp_path / "my work"
    folder.mkdir()
    (folder / "full.bin").write_bytes((BUILT / "reference_1.0.0.bin").read_bytes())
    (folder / "app.rbl").write_bytes((BUILT / "reference_1.0.1_gzip_aes.rbl").read_bytes())
    (folder / "board.repl").write_text('button: Beken.PyDevice @ gpio 9\n    model: "button:Button"\n')
    monkeypatch.chdir(folder)
    return folder


def printed(folder, out):
    """All commands of a report, by where it has them: the page, JUnit, the terminal."""
    page = {element.strip() for element in replays(Parsed((folder / "report.html").read_text()))}
    failures = ElementTree.parse(folder / "junit.xml").getroot().iter("failure")
    junit = {failure.text.splitlines()[-1] for failure in failures}
    terminal = {line.strip() for line in out.splitlines() if line.strip().startswith("bk7238 ")}
    assert page and junit >= terminal
    return page | junit | terminal


@pytest.mark.full
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_command_of_a_report(subject, work, tmp_path, monkeypatch, capsys):
    options = ("--processes", "2", "--force", "--ssid", "Work shop", "--artifacts", "out")
    assert main(["sweep", "full.bin", "app.rbl", *subject, *options]) in (0, 1)
    commands = printed(work / "out", capsys.readouterr().out)
    saved = json.loads((work / "out" / "sweep.json").read_text())
    points = {tuple(one["faults"]): one for one in saved["outcomes"]}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for command in commands:
        words = shlex.split(command)
        faults = tuple(word.removeprefix("--fault=") for word in words if word.startswith("--fault="))
        assert main([*words[1:], "--json"]) in (0, 1, 3), command
        found, point = json.loads(capsys.readouterr().out), points[faults]
        assert found["verdict"] == point["verdict"], command
        assert point.get("digest", "") in ("", found["digest"]), command


RUNS = [
    ("run", "full.bin", "--within", "0.3", "--ssid", "Work shop", "--serve", "app.rbl"),
    ("ota", "full.bin", "app.rbl", "--device", "board.repl", "--fault", "power-cut:torn@flash-op=20"),
    pytest.param(("sweep", "full.bin", "app.rbl", "--of", "packages", "--processes", "1"), marks=pytest.mark.full),
]


@pytest.mark.parametrize("words", RUNS, ids=["run", "ota", "sweep"])
def test_the_file_in_the_artifacts_is_for_a_shell(words, work, tmp_path, capsys):
    status = main([*words, "--artifacts", "out"])
    assert status in (0, 1, 3), capsys.readouterr().err
    name = "sweep.json" if words[0] == "sweep" else "result.json"
    before = json.loads((work / "out" / name).read_text())["digest"]
    (work / "out" / name).unlink()
    (tmp_path / "bin").mkdir()
    path = os.pathsep.join((str(tmp_path / "bin"), os.environ["PATH"]))
    command = ["sh", work / "out" / "replay"]
    with forked.on_path(tmp_path / "bin"):
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PATH": path}, check=False)
    assert done.returncode == status
    assert json.loads((work / "out" / name).read_text())["digest"] == before
