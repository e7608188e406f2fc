"""What the command line says of itself, and what it says to do about a mistake."""

import os
import re
import shlex
import sys
import threading
from contextlib import suppress

import pytest
from test_documented_options import PARSERS

from bk7238 import __version__
from bk7238.cli import command, main
from bk7238.cli.examples import EXAMPLES
from bk7238.exit_status import ExitStatus
from bk7238.faults import all_kinds
from bk7238.update import verdict
from bk7238.update.verdict import Verdict

IMAGE, PACKAGE = "reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"
LEAVES = [words for words in PARSERS if words and not any(other[: len(words)] == words != other for other in PARSERS)]


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(
        rf"bk7238-sim {re.escape(__version__)} \([0-9a-f]{{8}}\), unicorn .*\n", capsys.readouterr().out
    )


@pytest.mark.parametrize("words", [(), *LEAVES], ids=" ".join)
def test_each_help_has_examples_that_can_be_typed(words, capsys):
    assert main([*words, "--help"]) == 0
    said = capsys.readouterr().out
    shown = re.findall("^  bk7238 (.*)$", said.partition("\nexamples:\n")[2], re.MULTILINE)
    assert shown and tuple(shown) == EXAMPLES[" ".join(words)]
    for line in shown:
        typed = shlex.split(line)
        assert tuple(typed[: len(words)]) == words
        assert PARSERS[()].parse_args(typed).run


def test_faults_are_listed_and_told_one_by_one(capsys):
    assert main(["faults"]) == 0
    listed = capsys.readouterr().out
    for name in all_kinds():
        assert re.search(rf"^  {name} +[A-Z]", listed, re.MULTILINE), name
        assert main(["faults", name]) == 0
        told = capsys.readouterr().out
        assert told.startswith(name) and "Fired: " in told and "|" not in told
    assert "@flash-op=1200" in listed
    assert main(["faults", "power-cutt"]) == 2
    assert capsys.readouterr().err == "bk7238: no fault is called 'power-cutt'; is it power-cut?\n"


MISTAKES = {
    ("ota", IMAGE, PACKAGE, "--scenario", "app.bin"): "app.bin: byte 0 is no UTF-8, this is no text; give a scenario",
    ("gdb", IMAGE, "--symbols", "nope.elf"): "nope.elf: No such file or directory; name an ELF, as the linker writes",
    (
        "gdb",
        IMAGE,
        "--symbols",
        "app.bin",
    ): "app.bin: no ELF (Magic number does not match); name the one that the image",
    (
        "run",
        IMAGE,
        "--fault",
        "x",
    ): "--fault is no option of bk7238 run, but of bk7238 ota, bk7238 live, ",
    ("run", IMAGE, "--nonsense"): "unrecognized arguments: --nonsense (see bk7238 run --help)",
    ("ota", IMAGE, PACKAGE, "--fault", "power-cut@flash-op=0"): "flash operations are counted from 1; without @",
    (
        "image",
        "build",
        "nofolder",
        "-o",
        "x.bin",
    ): "nofolder/image.json: No such file or directory; `bk7238 image split",
    ("sweep", IMAGE, PACKAGE, "--journal", "no/j"): "no/j: No such file or directory; make its folder first, or name",
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_gets_its_remedy(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.bin").write_bytes(b"\x9f\xf0\x18")
    assert main([*words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and MISTAKES[words] in said, said
    assert [path.name for path in tmp_path.iterdir()] == ["app.bin"]


def test_a_destination_that_no_table_has_is_warned_of(tmp_path, capsys):
    words = ("image", "pack", "-f", "app-1.0.1.bin", "-v", "1", "-s", "aes", "-o", tmp_path / "x.rbl", "-p")
    for name in ("rom", "app"):
        assert main([*map(str, words), name]) == 0
        assert ("has no partition `rom` but bootloader, app, download" in capsys.readouterr().err) == (name == "rom")


@pytest.mark.parametrize(
    ("moved", "warned"),
    [
        ("download=0x120001", ["with a sector of 0x1000", "overlap"]),
        ("download=0x20000", ["app (0x11000 to 0x132000) and download (0x20000 to 0xce000) overlap"]),
        ("download=0x7ff000", ["ends beyond the largest flash"]),
        ("app=0x10010", ["app (0x11010 to 0x132010) does not begin and end", "overlap"]),
        ("download=0x133000+0xa0000", []),
    ],
)
def test_a_partition_that_is_moved_to_no_good_place_is_warned_of(moved, warned, tmp_path, capsys):
    assert main(["image", "partitions", IMAGE, "--move", moved, "-o", str(tmp_path / "x.bin"), "--json"]) in (0, 1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(warned)
    assert all(text in line for text, line in zip(warned, lines, strict=True))


def test_the_header_s_crc_is_shown(capsys):
    assert main(["image", "unpack", PACKAGE]) == 0
    assert re.search(r"^header CRC-32   [0-9a-f]{8}$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("terminal", "more", "words", "coloured"),
    [
        (True, {}, [], True),
        (False, {}, [], False),
        (True, {"NO_COLOR": "1"}, [], False),
        (True, {"NO_COLOR": "1"}, ["--color", "always"], True),
        (True, {}, ["--color=never"], False),
        (False, {}, ["--color=always"], True),
    ],
)
def test_a_verdict_has_a_colour_on_a_terminal_or_as_it_is_wanted(terminal, more, words, coloured, monkeypatch):
    reading, writing = os.openpty() if terminal else os.pipe()
    for name, value in {"TERM": "xterm", **more}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["bk7238", "ota", IMAGE, PACKAGE, "--delivered", *words])
    said = bytearray()

    def read():
        with suppress(OSError):  # of a terminal whose other end is closed
            while chunk := os.read(reading, 4096):
                said.extend(chunk)
        os.close(reading)

    reader = threading.Thread(target=read)
    reader.start()
    with open(writing, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as end:
            command()
    reader.join()
    assert end.value.code == 0
    assert b"new-app-runs" in said
    assert (b"\x1b[32mnew-app-runs\x1b[0m: " in said) == coloured


def test_quiet_leaves_the_end(capsys):
    assert main(["ota", IMAGE, PACKAGE, "--delivered", "--quiet", "--color=never"]) == 0
    assert capsys.readouterr().out.startswith("\nnew-app-runs: ")
    assert main(["run", IMAGE, "--within", "100ms", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("0.100 virtual seconds in ")


def test_statuses_are_those_of_the_table(tmp_path, monkeypatch, capsys):
    assert [one.exit_status for one in Verdict].count(ExitStatus.OTHER_END) == len(Verdict) - 4
    told = verdict.table("update") + verdict.table("life")
    assert all(f"| `{one}` | {one.exit_status} |" in told for one in Verdict)
    monkeypatch.chdir(tmp_path)
    assert main(["ota", "nothing.bin", PACKAGE]) == ExitStatus.USAGE
    assert main(["ota", IMAGE, PACKAGE, "--within", "1ms", "--json"]) == ExitStatus.TIME_LIMIT
    capsys.readouterr()
