"""The same inputs and seed give the same run: on either body of the slice functions and under any hash seed."""

import json
import os
import subprocess
import sys

import pytest
from images import FULL, GZIP, VENDOR, vendor

from bk7238 import Settings, Update, flash_image, package, resources
from bk7238.cli import main
from bk7238.engine import slice as slices

FIRMWARE = ["reference", pytest.param("vendor", marks=pytest.mark.nightly)]


def files(firmware):
    """An image and a package."""
    if firmware == "vendor":
        return vendor(FULL), vendor(GZIP)
    return tuple(resources.reference() / name for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"))


def elsewhere(words):
    """The status of a command in another process, whose hashes are others than ours, and what it prints."""
    environment = {**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    command = [sys.executable, "-m", "bk7238.cli", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "network",
    [pytest.param([], id="open"), pytest.param(["--psk", "correct horse"], id="wpa2", marks=pytest.mark.full)],
)
@pytest.mark.parametrize("firmware", FIRMWARE)
def test_the_digest_does_not_depend_on_the_hash_seed(firmware, network, capsys):
    words = ["ota", "--json", *map(str, files(firmware)), "--seed", "9", *network]
    assert main(words) == 0
    here, (status, there) = capsys.readouterr().out, elsewhere(words)
    one, other = json.loads(here), json.loads(there)
    assert status == 0 and one["wall_seconds"] > 0
    for result in (one, other):
        del result["wall_seconds"]
    assert one == other


@VENDOR
@pytest.mark.full
def test_another_seed_is_another_run(make_dut):
    one, other = (make_dut(seed=seed, within="7 s").verdict() for seed in (1, 2))
    assert one.digest != other.digest


@pytest.mark.full
@pytest.mark.parametrize("firmware", FIRMWARE)
def test_both_bodies_boot_alike(make_dut, firmware, monkeypatch):
    """Native and Python slice functions, over the boot loader and the app's start-up with its interrupts."""
    runs = []
    for functions in (slices.functions, slices.InPython):
        monkeypatch.setattr(slices, "functions", functions)
        image, update_package = files(firmware)
        dut = make_dut(image=image, package=update_package, within="900 ms")
        result = dut.verdict()
        runs.append((dut.machine.engine.stepping, result.from_version, result.instructions, result.digest))
    assert runs[0][1:] == runs[1][1:] and runs[1][0] == "python"
    assert runs[0][1] == {"vendor": "1.18.300", "reference": "1.0.0"}[firmware]


def test_an_update_asks_blocks_only_where_they_have_a_say():
    """Counts, not seconds: a register that no handler wants is served natively."""
    image, update_package = files("reference")
    update = Update(flash_image.read(image), package.read(update_package), Settings())
    update.run()
    entered = update.machine.engine.entered
    if not entered:
        pytest.skip("nothing is native on this host")
    plain = [("flash", "DATA_FLASH_SW"), ("uart1", "FIFO_STATUS"), ("icu", "INT_STATUS"), ("saradc", "STATE")]
    assert [name for name in plain if entered.get(name, (0, 0))[0]] == []
    assert sum(map(sum, entered.values())) < 2_000
