"""OpenBeken of the sibling chips, from the boot loader to the updated app, on their boards."""

import hashlib
import json

import boards
import pytest
from images import image, vendor

from bk7238 import chip, firmware
from bk7238.cli import main
from bk7238.image import build, chip_check, split

EACH = pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.chip)


def test_every_row_has_the_hash_of_an_image_that_is_known():
    known = {one.file: one.sha256 for one in firmware.manifest()}
    rows = boards.entries()
    assert [row["chip"] for row in rows] == [board.chip for board in boards.BOARDS]
    assert {row["chip"] for row in rows} == {one.word for one in chip.known()} - {chip.USUAL}
    for row in rows:
        assert row["sha256"] == known[row["image"]]
        assert all(row[column] for column in boards.COLUMNS), row["chip"]


def test_the_page_says_what_was_seen():
    page = boards.FILE.parents[1] / "docs" / "boards.md"
    assert page.read_text().splitlines() == list(boards.page(boards.entries())), "run scripts/boards"


@pytest.mark.full
@EACH
def test_chip_and_firmware_are_recognised(board):
    found = image(board.file)
    assert found.chip.word == board.chip and chip_check.objection(found.view) == ""
    assert sorted(found.partitions) == ["app", "bootloader", "download"]


@pytest.mark.full
@EACH
def test_it_boots_to_the_banner(board, capsys):
    banner = f"version {boards.OLD}"
    status = main(["run", str(vendor(board.file)), "--until", banner, "--within", "2", "--json"])
    assert (status, json.loads(capsys.readouterr().out)["resets"]) == (0, 0)


@pytest.mark.full
@pytest.mark.parametrize("board", boards.BOARDS[:2], ids=lambda board: board.chip)
def test_split_and_build_give_the_same_bytes(board):
    whole = image(board.file)
    parts = split.split(whole)
    assert boards.OLD.encode() in parts.app and build.build(parts) == whole.data


@pytest.mark.full
@EACH
def test_on_another_board_it_is_refused_in_a_line(board, capsys):
    for other in (chip.USUAL, *(other.chip for other in boards.BOARDS if other != board)):
        status = main(["run", str(vendor(board.file)), "--chip", other, "--within", "1"])
        out, err = capsys.readouterr()
        assert (status, out, err.count("\n")) == (2, "", 1), other


@pytest.mark.nightly
@pytest.mark.parametrize("network", boards.NETWORKS)
@EACH
def test_it_updates_itself_over_the_air(board, network, make_dut):
    whole = image(board.file)
    row = next(one for one in boards.entries() if one["chip"] == board.chip)
    assert hashlib.sha256(vendor(board.file).read_bytes()).hexdigest() == row["sha256"]
    dut = make_dut(image=whole, package=boards.update(whole), psk=boards.NETWORKS[network], within=boards.LIMIT)
    result = dut.expect_verdict("new-app-runs")
    assert (result.from_version, result.to_version) == (boards.OLD, boards.NEW)
    assert ("wrote no footer" in result.reason) != board.seals
    assert result.digest == row[f"digest, {network}"]
