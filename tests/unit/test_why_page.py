"""docs/why-the-old-version-boots.md is true: its commands are run, and what it quotes stands in their output."""

import shlex
from pathlib import Path

import pytest
from images import FULL, GZIP, vendor

from bk7238 import cli

pytestmark = pytest.mark.full

PAGE = Path(__file__).parents[2] / "docs" / "why-the-old-version-boots.md"


def commands() -> list[tuple[str, list[str]]]:
    """Each command of the page and the texts quoted after it."""
    found: list[tuple[str, list[str]]] = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("    bk7238 "):
            found.append((line.strip(), []))
        elif line.startswith("    | "):
            found[-1][1].append(line[6:])
    return found


@pytest.mark.full
def test_the_page_is_true(tmp_path, monkeypatch, capsys):
    (tmp_path / "full.bin").write_bytes(vendor(FULL).read_bytes())
    (tmp_path / "new.rbl").write_bytes(vendor(GZIP).read_bytes())
    monkeypatch.chdir(tmp_path)
    steps = commands()[1:]  # the first is the question itself, about a dump of the reader's
    assert sum("run cause" in line for line, _ in steps) >= 5
    for line, quoted in steps:
        status = cli.main(shlex.split(line)[1:])
        out, err = capsys.readouterr()
        assert status in (0, 1), (line, err)
        for text in quoted:
            assert text in out, (line, text, out[-2000:])
