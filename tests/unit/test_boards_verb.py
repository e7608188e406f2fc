"""`bk7238 boards`: what it says of each chip that has a name."""

import json
from dataclasses import replace

import pytest

from bk7238 import chip
from bk7238.cli import main
from bk7238.engine import repl


def test_each_chip_with_a_name_is_listed(capsys):
    assert main(["boards", "--json"]) == 0
    rows = {row["chip"]: row for row in json.loads(capsys.readouterr().out)["boards"]}
    assert list(rows) == [one.word for one in chip.known()]
    assert rows["bk7238"]["codec"] == "crc-frames" and rows["bk7231n"]["codec"] == "scrambled-crc-frames"
    assert rows["bk7231m"]["names"] == ["BK7231N", "BK7231M", "BK7231"]
    assert rows["bk7231n"]["memories"]["ram"] == 0x30000


def test_for_people_it_says_the_same(capsys):
    assert main(["boards"]) == 0
    out = capsys.readouterr().out
    assert all(f"{one.word}\n  {one.name}; " in out for one in chip.known())


@pytest.mark.parametrize("name", ["bk7238", "bk7231m"])
def test_a_board_like_another_is_that_board_until_it_is_changed(name, tmp_path, capsys):
    folder = tmp_path / "acme7238"
    assert main(["boards", name, "-o", str(folder)]) == 0
    assert repl.load(folder / "board.repl") == repl.load(chip.load(name).board)
    assert replace(chip.load(folder), folder=chip.load(name).folder) == chip.load(name)
    (folder / "chip.toml").unlink()
    capsys.readouterr()
    assert main(["boards", name, "-o", str(folder)]) == 2
    assert "is there already; name another folder with -o" in capsys.readouterr().err
    assert not (folder / "chip.toml").exists()
