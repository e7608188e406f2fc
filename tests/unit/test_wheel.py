"""The wheel: one top-level module, and all that an update needs."""

import email
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from images import FULL, vendor

from bk7238 import REPOSITORY, __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel):
    """The folder into which it was unpacked."""
    folder = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.full
def test_the_blocks_are_inside_the_package(installed):
    assert sorted(path.name.partition("-")[0] for path in installed.iterdir()) == ["bk7238", "bk7238_sim"]
    ours = {path.relative_to(ROOT) for path in (ROOT / "peripherals").rglob("*.py")}
    assert {path.relative_to(installed / "bk7238") for path in installed.glob("bk7238/peripherals/**/*.py")} == ours
    assert not (installed / "bk7238" / "peripherals").is_symlink()
    page = {"page.css", "page.html", "page.js"}
    assert {file.name for file in (installed / "bk7238" / "view" / "page").iterdir()} == page


@pytest.mark.full
def test_the_metadata_is_whole(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        found = email.message_from_bytes(archive.read(name))
        scripts = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "[pipx.run]\nbk7238-sim = bk7238.cli:command" in scripts
    assert found["Version"] == __version__ and f"-{__version__}-" in wheel.name
    assert found["Author"] and found["Keywords"] and found["License-Expression"] == "GPL-2.0-or-later"
    classifiers = set(found.get_all("Classifier"))
    assert f"Repository, {REPOSITORY}" in found.get_all("Project-URL")
    links = re.findall(r"\]\(([^)]+)\)", found.get_payload())
    assert f"{REPOSITORY}/blob/main/docs/guide.md" in links and all(link.startswith("https://") for link in links)
    assert {"Framework :: Pytest", "Programming Language :: Python :: 3.11"} <= classifiers


def outside(installed, folder, *command):
    """What a command of the installed package ends with, run in a folder that knows no checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.full
def test_an_update_runs_from_what_is_installed(installed, tmp_path):
    command = ["reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl", "--artifacts", tmp_path / "out"]
    program = "import sys, bk7238; from bk7238.cli import main; print(bk7238.__file__); sys.exit(main(sys.argv[1:]))"
    run = outside(installed, tmp_path, "-c", program, "ota", *command)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(installed)) and (tmp_path / "out" / "result.json").is_file()


TEST = """
import pytest

@pytest.mark.bk7238(package="reference_1.0.1_gzip_aes.rbl")
def test(dut):
    assert "bk7238/data" in dut.image.path.as_posix() and "bk7238/data" in dut.package.path.as_posix()
"""


@pytest.mark.full
def test_names_are_found_in_what_is_installed(installed, tmp_path):
    built = installed / "bk7238" / "data" / "firmware" / "reference" / "built"
    listed = outside(installed, tmp_path, "-m", "bk7238.cli", "firmware", "list")
    assert f"found: {built / 'reference_1.0.0.bin'}" in listed.stdout
    (tmp_path / "test_it.py").write_text(TEST)
    options = ("-p", "no:cacheprovider", "--bk7238-image=reference_1.0.0.bin")
    run = outside(installed, tmp_path, "-m", "pytest", "-q", *options)
    assert run.returncode == 0, run.stdout


@pytest.mark.full
def test_the_examples_of_tests_of_a_device_run_from_what_is_installed(installed, tmp_path, monkeypatch):
    """Those of the page about testing, on a product's firmware."""
    for name in ("pytest.ini", "test_device.py"):
        (tmp_path / name).write_text((ROOT / "examples" / "device-tests" / name).read_text())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "conftest.py").write_text(
        f"import bk7238\n\ndef pytest_sessionstart():\n    assert bk7238.__file__.startswith({str(installed)!r})\n"
    )
    run = outside(installed, tmp_path, "-m", "pytest", "-q", f"--bk7238-image={vendor(FULL)}")
    assert run.returncode == 0 and "5 passed" in run.stdout, run.stdout


@pytest.mark.full
def test_the_first_minutes_of_someone_who_has_nothing_but_python(wheel, tmp_path):
    """A clean environment, without this checkout."""
    folder = tmp_path / "home"
    command = [ROOT / "scripts" / "first-minutes", sys.executable, wheel, folder]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("\nnew-app-runs: 1.0.0 -> 1.0.1") == 3 and "\nbrick: " in run.stdout
    assert "5 passed" in run.stdout


def test_the_address_of_the_repository_stands_once():
    """Not in a page, a workflow or the code: what needs it has it from there."""
    listed = subprocess.run(["git", "grep", "-l", "OWNER/"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert listed.stdout.split() in (["bk7238/__init__.py", "tests/unit/test_wheel.py"], [])  # [] in an sdist
