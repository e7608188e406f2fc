"""Inputs without an end: each is refused in a line that names the file, with status 2, before it is read."""

import os
import subprocess
import sys
from itertools import product
from types import SimpleNamespace

import forked
import pytest
from images import FULL
from test_cli import files, refused  # noqa: F401
from test_image_build import SMALL

from bk7238 import cli, firmware, host_files
from bk7238.debug.symbols import Symbols
from bk7238.engine import repl
from bk7238.engine.repl_lexer import ReplError
from bk7238.image import split
from bk7238.sweep import journal
from bk7238.sweep.journal import JournalError
from bk7238.testing import failures
from bk7238.update.session import Update

ENDLESS = {
    "device": "a device or a pipe",
    "fifo": "a device or a pipe",
    "huge": "more than the ",
    "folder": "Is a directory",
}
LINES = {
    "IMAGE": "run HERE",
    "IMAGE of split": "image split HERE -o FOLDER/parts",
    "IMAGE of partitions": "image partitions HERE",
    "PACKAGE": "ota FOLDER/image.bin HERE",
    "--serve": "ota FOLDER/image.bin FOLDER/package.rbl --serve HERE",
    "--scenario": "ota FOLDER/image.bin FOLDER/package.rbl --scenario HERE",
    "-f": "image pack -v 1 -p app -f HERE -o FOLDER/made.rbl",
    "--set": "image partitions FOLDER/image.bin --set HERE -o FOLDER/made.bin",
    "--bootloader": "image build --bootloader HERE -o FOLDER/made.bin",
    "SWEEP": "report HERE -o FOLDER/page.html",
}


@pytest.fixture
def little_memory():
    """What takes a gigabyte more has failed, instead of the host."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as now:
        used = int(now.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


def endless(kind, folder):
    """A file of this kind."""
    path = folder / "endless"
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 20 << 30)
    return path


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(("name", "kind"), [one for one in product(LINES, ENDLESS) if one != ("SWEEP", "folder")])
def test_what_has_no_end_is_refused(name, kind, files, capsys):  # noqa: F811
    path = endless(kind, files.folder)
    words = [word.replace("HERE", str(path)).replace("FOLDER", str(files.folder)) for word in LINES[name].split()]
    said = refused(capsys, files.folder, *words)
    assert str(path) in said and ENDLESS[kind] in said


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("kind", ["device", "huge"])
def test_nor_is_another_file_read(kind, tmp_path):
    """Symbols, a journal, a platform description, a saved run, and a part of an image."""
    path = endless(kind, tmp_path)
    with pytest.raises(ValueError, match=f"endless: {ENDLESS[kind]}"):
        Symbols().add_elf(path)
    with pytest.raises(JournalError, match=f"endless: {ENDLESS[kind]}"):
        journal.check(path)
    with pytest.raises(ReplError, match=ENDLESS[kind]):
        repl.load(path)
    with pytest.raises(OSError, match=ENDLESS[kind]):
        Update.load(path)
    split.write(SMALL, tmp_path / "parts")
    path.rename(tmp_path / "parts" / "app.bin")
    with pytest.raises(ValueError, match=ENDLESS[kind]):
        split.read(tmp_path / "parts", SMALL.chip)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("kind", ["device", "huge", "fifo"])
def test_nor_is_a_vendor_image(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BK7238_FIRMWARE", str(tmp_path))
    endless(kind, tmp_path).rename(tmp_path / FULL)
    assert cli.main(["firmware", "list"]) == 0
    assert (f"altered: {tmp_path / FULL}" in capsys.readouterr().out) == (kind == "huge")


def test_a_file_of_the_largest_size_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    assert host_files.read(path, 100) == bytes(100)
    with pytest.raises(OSError, match="more than the 99 bytes"):
        host_files.read(path, 99)


def test_a_file_that_says_no_size_is_cut_off():
    assert host_files.read(os.path.join("/proc", "self", "stat"), 1 << 20)
    with pytest.raises(OSError, match="more than the 3 bytes"):
        host_files.read(os.path.join("/proc", "self", "stat"), 3)


@pytest.mark.parametrize("text", ["/a\r\nHost: evil", "a\nb", "http://h/\r\n", "http://h\r\n"])
def test_a_request_with_a_line_end_is_refused(text, files, capsys):  # noqa: F811
    image, package = files.folder / "image.bin", files.folder / "package.rbl"
    assert "has a line end" in refused(capsys, files.folder, "ota", image, package, f"--request={text}")


def test_a_failure_of_a_test_shows_it_too(monkeypatch):
    monkeypatch.setattr(failures, "replay", lambda _item, _device: "pytest")
    monkeypatch.setattr(failures, "_story", lambda _device: [f"verdict: brick: the bootloader printed: {EVIL}"])
    crashes = SimpleNamespace(reports=[EVIL], text=EVIL)
    device = SimpleNamespace(made=True, last_lines=lambda: {"uart1": ["well", EVIL]}, crashes=crashes)
    shown = "".join(text for _, text in failures.sections("", device))
    assert "\x1b" not in shown and "\x9b" not in shown and shown.count(r"\u001b[2J") == 3 and "well\n" in shown


EVIL = "\x1b]0;owned\x07\x1b[2J \x9b31m \u202e \u00fc"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("stream", [1, 2])
def test_a_terminal_shows_control_characters_and_does_not_obey_them(stream, terminal):
    """A pipe has the bytes. The text comes from a verb, as a device's does."""

    def say():
        firmware.manifest = lambda: print(EVIL, file=(sys.stdout, sys.stderr)[stream - 1]) or []

    reading, writing = os.openpty() if terminal else os.pipe()
    others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {("stdout", "stderr")[stream - 1]: writing}
    done = forked.run(["firmware", "list", "--json"], preexec_fn=say, **others)
    found = os.read(reading, 4096).decode()
    os.close(reading)
    os.close(writing)
    assert done.returncode == 0
    shown = r"\u001b]0;owned\u0007\u001b[2J \u009b31m \u202e " + "\u00fc"
    assert found.splitlines()[0] == shown if terminal else found.startswith(EVIL + "\n")
