"""The wheel: one top-level module, and all that an update needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


@pytest.mark.full
def test_an_update_runs_from_what_is_installed(installed, tmp_path):
    built = installed / "bk7238" / "data" / "firmware" / "reference" / "built"
    command = [built / "reference_1.0.0.bin", built / "reference_1.0.1_gzip_aes.rbl", "--artifacts", tmp_path / "out"]
    program = "import sys, bk7238; from bk7238.cli import main; print(bk7238.__file__); sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-c", program, "ota", *command],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(installed)) and (tmp_path / "out" / "result.json").is_file()
