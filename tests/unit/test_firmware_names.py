"""Firmware that is called by its name alone is found in the same places by all that take an image or a package."""

import json
import random
import re
import shlex
from pathlib import Path

import pytest

from bk7238 import flash_image, package, resources
from bk7238.cli import main

BUILT = resources.reference()
IMAGE, PACKAGE, APP, LOADER = "reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl", "app-1.0.1.bin", "boot.bin"
PACKED = ("-v", "1.0.1", "-p", "app", "-c", "gzip", "-s", "aes")
COMMANDS = (
    ("run", IMAGE, "--within", "0.01"),
    ("ota", IMAGE, PACKAGE, "--within", "0.01"),
    ("sweep", IMAGE, PACKAGE, "--of", "network", "--fault", "no-such-fault"),
    ("gdb", IMAGE, PACKAGE, "--listen", "not an address"),
    ("monitor", IMAGE, PACKAGE, "--bare"),
    ("image", "info", IMAGE),
    ("image", "check", IMAGE, PACKAGE),
    ("image", "partitions", IMAGE),
    ("image", "partitions", LOADER),
    ("image", "unpack", PACKAGE),
    ("image", "split", IMAGE, "-o", "parts"),
    ("image", "pack", "-f", APP, *PACKED),
    ("image", "build", "--bootloader", LOADER, "--app", APP, "-o", "full.bin"),
    ("image", "build", "--bootloader", IMAGE, "--package", PACKAGE, "--download", PACKAGE, "-o", "full.bin"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_name_is_found_by_every_command(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main([*command])
    said = capsys.readouterr().err
    assert "No such file" not in said, said


def test_what_lies_here_comes_first_and_a_path_is_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert flash_image.read(resources.Path(IMAGE)).path == BUILT / IMAGE
    assert package.read(resources.Path(PACKAGE)).path == BUILT / PACKAGE
    (tmp_path / PACKAGE).write_bytes((BUILT / "reference_1.0.1_none_aes.rbl").read_bytes())
    assert package.read(resources.Path(PACKAGE)).path == resources.Path(PACKAGE)
    with pytest.raises(ValueError, match=r"No such file.*`bk7238 firmware list`"):
        flash_image.read(tmp_path / "nowhere" / IMAGE)


def test_a_user_without_a_home_has_what_is_shipped(capsys, monkeypatch):
    """A container's by number, of whom the host knows nothing."""

    def nowhere(_path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", classmethod(nowhere))
    assert resources.cache() is None
    assert main(["firmware", "list"]) == 0 and "found: " in capsys.readouterr().out
    assert main(["ota", "nowhere.bin", "nowhere.rbl"]) == 2 and "nowhere.rbl: " in capsys.readouterr().err
    assert main(["firmware", "fetch"]) == 2 and "XDG_CACHE_HOME" in capsys.readouterr().err


def test_the_list_shows_what_is_shipped(capsys):
    assert main(["firmware", "list", "--json"]) == 0
    listed = {one["file"]: one for one in json.loads(capsys.readouterr().out)["images"]}
    for name in (IMAGE, PACKAGE, APP, LOADER):
        assert listed[name]["path"] == str(BUILT / name) and listed[name]["intact"]
    assert main(["firmware", "where", IMAGE, PACKAGE]) == 0
    assert capsys.readouterr().out == f"{BUILT}\n"


DUMP = "an app/partition.bin"  # as it was read out of the flash
WRONG = {
    ("ota", APP, PACKAGE): "--app app-1.0.1.bin -o full.bin",
    ("ota", PACKAGE, PACKAGE): f"--package {PACKAGE} -o full.bin",
    ("ota", IMAGE, APP): "image pack -f app-1.0.1.bin -v 1.0.1 -p app -c gzip -s aes",
    ("ota", IMAGE, IMAGE): f"image split {IMAGE} -o parts",
    ("image", "build", "--bootloader", PACKAGE, "-o", "full.bin"): "image unpack PACKAGE -o app.bin",
    ("run", LOADER): f"image build --app APP --bootloader {LOADER} -o full.bin",
    ("run", DUMP): f"image build --bootloader BOOTLOADER --app '{DUMP}' -o full.bin",
    ("ota", IMAGE, DUMP): f"image pack -f '{DUMP}' -v 1.0.1 -p app -c gzip -s aes",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder but for a partition in another one, which a user calls from here."""
    monkeypatch.chdir(tmp_path)
    image = flash_image.read(BUILT / IMAGE)
    path = tmp_path / DUMP
    path.parent.mkdir()
    path.write_bytes(image.view.raw(image.app))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", WRONG, ids=" ".join)
def test_a_file_in_the_wrong_place_gets_the_command_that_makes_it_right(command, capsys):
    assert main([*command]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and WRONG[command] in said, said
    (advised,) = re.findall("`bk7238 (.*?)`", said)
    files = {"BOOTLOADER": LOADER, "PACKAGE": PACKAGE, "APP": APP}
    assert main([files.get(word, word) for word in shlex.split(advised)]) == 0


@pytest.mark.parametrize("make", [lambda: (BUILT / LOADER).read_bytes(), lambda: random.Random(1).randbytes(0x4000)])
def test_what_is_no_app_is_not_advised_to_be_packed(make, tmp_path, capsys):
    (tmp_path / "other.bin").write_bytes(make())
    assert main(["ota", IMAGE, str(tmp_path / "other.bin")]) == 2
    assert "pack" not in capsys.readouterr().err.partition("(RBL)")[2].replace("package", "")
