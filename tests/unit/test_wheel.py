"""The wheel: one top-level module, and all that an update needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from images import FULL, vendor

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder into which the wheel of this checkout was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


@pytest.mark.full
def test_the_blocks_are_inside_the_package(installed):
    assert sorted(path.name.partition("-")[0] for path in installed.iterdir()) == ["bk7238", "bk7238_sim"]
    ours = {path.relative_to(ROOT) for path in (ROOT / "peripherals").rglob("*.py")}
    assert {path.relative_to(installed / "bk7238") for path in installed.glob("bk7238/peripherals/**/*.py")} == ours
    assert not (installed / "bk7238" / "peripherals").is_symlink()


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
