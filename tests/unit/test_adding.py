"""docs/adding.md and the tutorials, carried out as they stand there."""

import os
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import forked
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
LAMP = ROOT / "tests" / "ota" / "lamp"
EXPECTED = {
    "A thermometer on I2C": ["1 passed"],
    "A fault": ["held down"],
    "A family": ["Acme's lamps"],
    "A family of firmware like no other": [
        "Acme's lights; it writes packages to 0x132000",
        "product (ACME lamp), settings (ACMElamp), server (ota.acme.example)",
        "profile acme-lights",
        "new-app-runs: 1.0.0 -> 1.0.1",
    ],
}
"""What is printed, by section."""
_FILE = re.compile(r"`([\w/-]+\.\w+)`[^`]*?\n\n```(?:python|text|toml)\n(.*?)```", re.DOTALL)
_COMMANDS = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(text):
    """The command lines of a text, without comments."""
    lines = "".join(_COMMANDS.findall(text)).splitlines()
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


def carried_out(folder, lines):
    """Run command lines in a folder, whose modules are found; gives what they print."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    environment["PYTEST_ADDOPTS"] = "-p no:anyio -p no:hypothesispytest -p no:xdist -p no:cacheprovider"
    said = []
    for line in lines:
        done = forked.run(line[1:], program=line[0], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{shlex.join(line)}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)
    return said


def installed(folder, project):
    """What installing a package leaves that has this pyproject.toml: its name and entry points."""
    table = tomllib.loads(project)["project"]
    info = folder / f"{table['name']}-{table['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {table['name']}\nVersion: {table['version']}\n")
    groups = table["entry-points"].items()
    text = "".join(f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in ones.items()) for group, ones in groups)
    (info / "entry_points.txt").write_text(text)


@pytest.mark.parametrize(
    "title", [pytest.param(title, marks=[pytest.mark.full] * ("like no other" in title)) for title in SECTIONS]
)
def test_each_is_under_30_lines_and_works(title, tmp_path):
    files = dict(_FILE.findall(SECTIONS[title]))
    code = [name for name in files if name.endswith(".py") and not name.startswith("test_")]
    assert len(code) == 1 and len(files[code[0]].splitlines()) < 30
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for app in LAMP.glob("*.bin"):
        shutil.copy(app, tmp_path)
    if "pyproject.toml" in files:
        installed(tmp_path, files["pyproject.toml"])
    said = carried_out(tmp_path, commands(SECTIONS[title]))
    assert len(said) == len(commands(SECTIONS[title])) >= 2
    assert [text for text in EXPECTED[title] if text not in "".join(said)] == []


@pytest.mark.full
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_what_a_tutorial_says_is_done_in_its_order(page, tmp_path):
    """Its commands are run, and its files written where they are named."""
    text = page.read_text()
    assert commands(text)
    done = sorted([*_FILE.finditer(text), *_COMMANDS.finditer(text)], key=lambda found: found.end())
    for found in done:
        if found.re is _FILE:
            (tmp_path / found[1]).write_text(found[2])
            continue
        for program, *words in commands(found[0]):
            assert program == "bk7238"
            ended = forked.run(words, cwd=tmp_path, capture_output=True, text=True)
            assert ended.returncode == 0, f"{shlex.join(words)}\n{ended.stdout}{ended.stderr}"
